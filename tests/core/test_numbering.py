"""Free numbers for names that are taken, however many of them there are."""

import random
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from stackroom.access import Actor
from stackroom.library import assets, folders, numbering
from stackroom.library.names import numbered
from stackroom.operations.request import Verb
from stackroom.testing.builders import ADataset, Library

FEW = 5
"""How many names may begin alike until they are not all read, in tests of what comes then."""
PATTERNS: dict[str, Sequence[int]] = {
    "none": [],
    "a few": [2, 3, 5],
    "a long row": range(2, 300),
    "a row that begins later": range(4, 300),
    "a gap in a row": [*range(2, 100), *range(101, 300)],
    "every second": range(2, 300, 2),
    "rows and gaps": [n for n in range(2, 400) if n // 37 % 2 == 0],
    "at random": random.Random(7).sample(range(2, 400), 200),
}


def root_of(library: Library, dataset: ADataset) -> int:
    return library.write(lambda conn: folders.ensure(conn, dataset.id, "/", now=library.now))


def named(library: Library, folder_id: int, name: str, count: int, first: int = 2) -> list[str]:
    colliding = [(n, folder_id, name) for n in range(count)]
    given = [(folder_id, numbered(name, 301))]
    planned = library.write(lambda conn: numbering.free_names(conn, colliding, given, first))
    assert [position for position, _ in planned] == list(range(count))
    return [new for _, new in planned]


@pytest.mark.every_database
@pytest.mark.parametrize("pattern", PATTERNS)
def test_of_very_many_names_each_gets_a_free_one(
    library: Library, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """Of one that is free and stands where the numbers begin, or comes after a number that is taken; and where few
    begin alike, the first that is free."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    taken = {numbered("a.jpg", n) for n in PATTERNS[pattern]}
    library.add(actor, dataset, ["a.jpg", *sorted(taken)], content=b"same")
    root = root_of(library, dataset)
    held = {*taken, numbered("a.jpg", 301)}
    exact: list[str] = []
    number = 2
    while len(exact) < 70:
        exact += [] if numbered("a.jpg", number) in held else [numbered("a.jpg", number)]
        number += 1
    assert named(library, root, "a.jpg", 70) == exact

    monkeypatch.setattr(numbering, "ALIKE", FEW)
    for count in (1, 70):
        found = named(library, root, "a.jpg", count)
        assert len({*found, *held}) == count + len(held)
        assert found[0] == numbered("a.jpg", 2) or numbered("a.jpg", _number(found[0]) - 1) in held
        assert [_number(each) for each in found] == sorted(map(_number, found))
    assert named(library, root, "a.jpg", 1, first=1) == ["a-1.jpg"]


@pytest.mark.every_database
def test_names_that_are_cut_for_their_number_are_told_apart_among_very_many(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "ALIKE", FEW)
    actor = library.an_actor()
    long = ["n" * 253 + end for end in ("aa", "ab")]
    dataset = library.a_dataset(actor, assets=[*long, *(numbered(long[0], n) for n in range(2, 30))])
    root = root_of(library, dataset)
    colliding = [(n, root, name) for n, name in enumerate(long)]
    planned = library.write(lambda conn: numbering.free_names(conn, colliding, (), 2))
    assert planned == [(0, numbered(long[0], 30)), (1, numbered(long[0], 31))]


@pytest.mark.every_database
def test_names_of_several_folders_are_numbered_together(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "ALIKE", FEW)
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg", *(f"a-{n}.jpg" for n in range(2, 30)), "b.jpg"])
    library.add(actor, dataset, ["a.jpg", "a-2.jpg"], folder="/other")
    root = root_of(library, dataset)
    other = library.write(lambda conn: folders.ensure(conn, dataset.id, "/other", now=library.now))
    asked = [(root, "a.jpg"), (root, "b.jpg"), (other, "a.jpg"), (root, "a.jpg"), (other, "a.jpg")]
    colliding = [(n, *place) for n, place in enumerate(asked)]
    planned = library.write(lambda conn: numbering.free_names(conn, colliding, (), 2))
    assert [name for _, name in planned] == ["a-30.jpg", "b-2.jpg", "a-3.jpg", "a-31.jpg", "a-4.jpg"]


def test_a_copy_is_as_much_work_whether_there_are_two_thousand_of_it_or_eight_thousand(
    library: Library,
) -> None:
    """In steps of SQLite's machine, which are the same each time."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    root = root_of(library, dataset)

    def copied(conn: Connection) -> int:
        raw, steps = conn.connection.driver_connection, [0]

        def count() -> None:
            steps[0] += 1

        assert raw is not None
        raw.set_progress_handler(count, 100)
        numbering.free_name(conn, root, "a.jpg")
        raw.set_progress_handler(None, 0)
        return steps[0]

    spent = []
    for numbers in (range(2, 2_000), range(2_000, 8_000)):
        library.add(actor, dataset, [f"a-{n}.jpg" for n in numbers], content=b"same")
        spent.append(library.write(copied))
    assert spent[1] < spent[0] * 1.5, spent


@pytest.mark.every_database
def test_copies_beside_their_many_copies_are_numbered_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor: Actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    copies = {"in_place": True}
    monkeypatch.setattr(numbering, "ALIKE", FEW)
    for _ in range(3):
        library.submit(actor, Verb.COPY, dataset.ids, dataset, **copies)
    everything = [*dataset.ids, *library.live(dataset).values()]
    library.submit(actor, Verb.COPY, list(dict.fromkeys(everything)), dataset, **copies)
    library.submit(actor, Verb.COPY, dataset.ids, dataset, **copies)
    assert len(library.paths(dataset)) == 9
    assert "/a-6.jpg" in library.paths(dataset)
    root = root_of(library, dataset)
    assert library.read(lambda conn: assets.is_taken(conn, root, "a-2-2.jpg"))


def _number(name: str) -> int:
    return int(name.removeprefix("a-").removesuffix(".jpg"))
