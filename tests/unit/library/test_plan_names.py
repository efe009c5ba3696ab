"""Which names colliding items get: decided by a pure function."""

import time

import hypothesis.strategies as st
from hypothesis import given

from stackroom.library.names import plan_names

names = st.sampled_from(["a.jpg", "a-1.jpg", "a-1-1.jpg", "A.jpg", "a", "b.png"])
places = st.tuples(st.integers(1, 3), names)


def test_items_are_named_in_their_order_each_in_its_folder() -> None:
    colliding = [(0, 7, "a.jpg"), (3, 8, "a.jpg"), (4, 7, "a.jpg")]
    held = [(7, "a.jpg"), (7, "a-1.jpg"), (8, "a.jpg"), (9, "a-1.jpg")]
    assert plan_names(colliding, held, 1) == [(0, "a-2.jpg"), (3, "a-1.jpg"), (4, "a-3.jpg")]


def test_nothing_to_name_is_nothing() -> None:
    assert plan_names([], [(1, "a.jpg")], 1) == []


@given(st.lists(places, max_size=30), st.sets(places), st.integers(1, 3))
def test_every_item_gets_a_name_that_nobody_holds(
    wanted: list[tuple[int, str]], held: set[tuple[int, str]], first: int
) -> None:
    colliding = [(position, *place) for position, place in enumerate(wanted)]
    planned = plan_names(colliding, held, first)
    given_names = [(folder, new) for (_, folder, _), (_, new) in zip(colliding, planned, strict=True)]
    assert [position for position, _ in planned] == list(range(len(wanted)))
    assert len(set(given_names)) == len(given_names)
    assert not set(given_names) & held


def test_ten_thousand_items_are_named_in_linear_time() -> None:
    colliding = [(n, 1, "a.jpg") for n in range(10_000)]
    held = [(1, f"a-{n}.jpg") for n in range(10_000)]
    begun = time.process_time()
    planned = plan_names(colliding, held, 1)
    assert time.process_time() - begun < 1
    assert planned[-1] == (9_999, "a-19999.jpg")
