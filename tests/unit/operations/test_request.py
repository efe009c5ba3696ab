"""What is asked of the engine: read once, at the edge."""

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library.listing import Filter
from stackroom.operations.outcome import FAILED, SUCCEEDED, Outcome, reason
from stackroom.operations.request import (
    MALFORMED,
    Changes,
    Collision,
    FailedOf,
    Matching,
    Request,
    Selection,
    Verb,
    clean_changes,
    select_ids,
)

ONE, OTHER = "0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"


def test_ids_are_taken_once_in_their_order() -> None:
    chosen = select_ids([OTHER, ONE, OTHER.upper(), ONE], dataset_id=3)
    assert chosen.packed == bytes.fromhex((OTHER + ONE).replace("-", ""))
    assert (chosen.asked, chosen.dataset_id, chosen.misspelt) == ((OTHER, ONE), 3, ())


def test_what_is_no_id_keeps_its_place_and_its_spelling() -> None:
    chosen = select_ids(["x", ONE, "y\0", "x"], dataset_id=None)
    assert chosen.packed == MALFORMED + bytes.fromhex(ONE.replace("-", "")) + MALFORMED
    assert chosen.misspelt == ((0, "x"), (2, "y\ufffd"))


@given(st.lists(st.sampled_from([ONE, OTHER, ONE.upper(), "x", "y"]), min_size=1, max_size=9))
def test_there_are_as_many_items_as_different_ids(asked: list[str]) -> None:
    chosen = select_ids(asked, dataset_id=None)
    different = {each.lower() for each in asked}
    assert len(chosen.asked) == len(chosen.packed) // 16 == len(different)
    assert {each.lower() for each in chosen.asked} == different


@pytest.mark.parametrize(
    "selection",
    [
        select_ids([ONE, "x"], dataset_id=1).without_ids(),
        Matching(Filter(dataset_id=1, folder="/a", archived=None), (ids.new(),), 5),
        FailedOf(7, 1),
    ],
    ids=lambda it: type(it).__name__,
)
def test_a_long_operation_remembers_its_request(selection: Selection) -> None:
    request = Request(
        verb=Verb.UPDATE,
        selection=selection,
        on_collision=Collision.SKIP,
        changes=Changes(display_name=None, split="val"),
        undone_fields=("name",),
    )
    assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (Changes(), "empty_update"),
        (Changes(status="done"), "invalid_status"),
        (Changes(split="training"), "invalid_split"),
        (Changes(display_name="a\nb"), "invalid_name"),
        (Changes(display_name="x" * 501), "invalid_name"),
    ],
)
def test_an_update_to_what_no_asset_can_be_is_refused(changes: Changes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_changes(changes)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [Changes(status="review"), Changes(split=None), Changes(display_name=None), Changes(archived=False)],
    ids=str,
)
def test_an_update_that_says_something_is_taken(changes: Changes) -> None:
    assert clean_changes(changes) == changes


def test_tags_are_taken_as_they_are_kept() -> None:
    asked = Changes(add_tags=(" night ", "night"), remove_tags=("fog",))
    assert clean_changes(asked) == Changes(add_tags=("night",), remove_tags=("fog",))


def test_every_end_is_a_success_or_a_failure() -> None:
    assert set(Outcome) - {Outcome.COLLIDES} == SUCCEEDED | FAILED
    assert not SUCCEEDED & FAILED


@pytest.mark.parametrize("outcome", sorted(SUCCEEDED | FAILED))
def test_every_failure_has_a_reason_and_no_success_has(outcome: Outcome) -> None:
    assert (reason(outcome, "a.jpg") is None) == outcome.succeeded
    assert reason(outcome, "a{}%s.jpg") is None or "{name}" not in (reason(outcome, "a{}%s.jpg") or "")
