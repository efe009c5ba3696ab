"""Which items an operation is about: ids, whatever matches a filter, or what failed before."""

from typing import Any

import pytest

from stackroom import ids
from stackroom.errors import Conflict, Invalid
from stackroom.library import listing
from stackroom.library.listing import Filter
from stackroom.operations import journal
from stackroom.operations.request import Changes, FailedOf, Matching, Verb, select_ids
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database

PLACES = {
    "/": ["a.jpg", "b.png", "100%_[x].jpg"],
    "/cars": ["a.jpg", "A.jpg"],
    "/cars/red": ["a.jpg"],
    "/cars-old": ["a.jpg"],
    "/cars0": ["a.jpg"],
}


@pytest.fixture
def tree(library: Library) -> tuple[Library, Any, ADataset]:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    for folder, names in PLACES.items():
        library.add(actor, dataset, names, folder=folder)
    return library, actor, dataset


def found(library: Library, where: Filter) -> list[str]:
    rows = library.read(lambda conn: listing.page(conn, where, limit=100))
    assert len(rows) == library.read(lambda conn: listing.count(conn, where))
    return sorted(f"{row.folder_path.rstrip('/')}/{row.name}" for row in rows)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, 8),
        ({"folder": "/"}, ["/100%_[x].jpg", "/a.jpg", "/b.png"]),
        ({"folder": "/", "recursive": True}, 8),
        ({"folder": "/cars"}, ["/cars/A.jpg", "/cars/a.jpg"]),
        ({"folder": "/cars", "recursive": True}, ["/cars/A.jpg", "/cars/a.jpg", "/cars/red/a.jpg"]),
        ({"folder": "/nowhere", "recursive": True}, []),
        ({"name": "A.jpg"}, ["/cars/A.jpg"]),
        ({"glob": "a*", "folder": "/", "recursive": True, "archived": None}, 5),
        ({"glob": "?.png"}, ["/b.png"]),
        ({"glob": "*%_[x]*"}, ["/100%_[x].jpg"]),
        ({"glob": "[a]*"}, []),
        ({"glob": "A.*"}, ["/cars/A.jpg"]),
        ({"status": "complete"}, []),
        ({"kind": "video"}, []),
        ({"archived": True}, []),
        ({"created_after": 0, "created_before": 1}, []),
    ],
)
def test_a_filter_finds_what_it_says(
    tree: tuple[Library, Any, ADataset], where: dict[str, Any], expected: int | list[str]
) -> None:
    library, actor, dataset = tree
    wanted = Filter(dataset_id=dataset.id, **where)
    matched = found(library, wanted)
    assert (len(matched) if isinstance(expected, int) else matched) == expected
    done = library.preview(actor, library.request(Verb.PURGE, Matching(wanted), dataset))
    assert done.operation.total == len(matched)


def test_a_filter_leaves_out_its_exceptions(tree: tuple[Library, Any, ADataset]) -> None:
    library, actor, dataset = tree
    kept = library.live(dataset)["/cars/a.jpg"]
    where = Filter(dataset_id=dataset.id, folder="/cars", recursive=True)
    chosen = Matching(where, excepted=(ids.parse(kept) or b"", ids.new()), expect_count=2)
    done = library.submit(actor, Verb.ARCHIVE, chosen, dataset)
    assert library.words(done) == ["done", "done"]
    assert [path for path in library.paths(dataset) if path.startswith("/cars/")] == ["/cars/a.jpg"]


def test_a_filter_that_matches_another_number_changes_nothing(tree: tuple[Library, Any, ADataset]) -> None:
    library, actor, dataset = tree
    with pytest.raises(Conflict) as refused:
        library.submit(actor, Verb.PURGE, Matching(Filter(dataset_id=dataset.id), expect_count=7), dataset)
    assert (refused.value.code, refused.value.details) == ("count_mismatch", {"matched": 8, "expected": 7})
    assert len(library.paths(dataset)) == 8


def test_a_filter_that_matches_nothing_is_an_operation_about_nothing(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    done = library.submit(actor, Verb.PURGE, Matching(Filter(dataset_id=dataset.id)), dataset)
    assert (done.total, done.outcomes, done.state, done.undoable) == (0, {}, "finished", False)


def test_no_ids_are_never_everything() -> None:
    with pytest.raises(Invalid) as refused:
        select_ids([], dataset_id=None)
    assert refused.value.code == "empty_selection"


def test_too_many_ids_are_refused_with_the_limit() -> None:
    with pytest.raises(Invalid) as refused:
        select_ids(["x"] * 10_001, dataset_id=None)
    assert refused.value.details == {"limit": 10_000, "count": 10_001}
    assert "10000" in refused.value.message
    assert len(select_ids([str(n) for n in range(10_001)], dataset_id=None, limit=None).asked) == 10_001


def test_what_failed_can_be_tried_again(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg", "b.jpg"])
    library.add(actor, dataset, ["a.jpg"], folder="/new")
    asked = [*dataset.ids, "no\0id"]
    first = library.submit(actor, Verb.MOVE, asked, dataset, to="/new", on_collision="skip")
    again = library.submit(actor, Verb.MOVE, FailedOf(first.id), dataset, to="/new")
    assert [(item.asked, item.outcome.word) for item in library.items(again)] == [
        (dataset.ids[0], "done"),
        ("no\ufffdid", "not_found"),
    ]
    assert library.paths(dataset) == ["/new/a-1.jpg", "/new/a.jpg", "/new/b.jpg"]


def test_what_failed_elsewhere_stays_unknown(library: Library) -> None:
    actor = library.an_actor()
    dataset, elsewhere = library.a_dataset(actor), library.a_dataset(actor, assets=["a.jpg"])
    first = library.submit(actor, Verb.ARCHIVE, elsewhere.ids, dataset)
    again = library.submit(actor, Verb.ARCHIVE, journal.failed_of(first))
    assert library.words(again) == ["not_found"]


def test_a_plan_runs_as_it_was_seen(tree: tuple[Library, Any, ADataset]) -> None:
    library, actor, dataset = tree
    chosen = Matching(Filter(dataset_id=dataset.id, folder="/cars"))
    seen = library.preview(actor, library.request(Verb.MOVE, chosen, dataset, to="/new"))
    done = library.submit(actor, Verb.MOVE, chosen, dataset, to="/new", plan=seen.plan)
    assert [item.after for item in library.items(done)] == [item.after for item in seen.samples]


def test_a_dry_run_changes_nothing(tree: tuple[Library, Any, ADataset]) -> None:
    library, actor, dataset = tree
    before = library.rows(actor)
    chosen = Matching(Filter(dataset_id=dataset.id))
    seen = library.preview(actor, library.request(Verb.COPY, chosen, dataset, to="/new/folder"))
    assert (seen.operation.total, seen.operation.total_bytes, len(seen.samples)) == (8, 80, 8)
    assert library.rows(actor) == before
    assert library.read(lambda conn: journal.page(conn, actor, limit=9)) == []
    paths = {row[2] for row in library.read(lambda conn: listing.folder_counts(conn, dataset.id))}
    assert "/new" not in paths


@pytest.mark.parametrize("change", ["another item", "an item changed", "another request"])
def test_a_plan_is_outdated_by(tree: tuple[Library, Any, ADataset], change: str) -> None:
    library, actor, dataset = tree
    chosen = Matching(Filter(dataset_id=dataset.id, folder="/cars"))
    plan = library.preview(actor, library.request(Verb.MOVE, chosen, dataset, to="/new")).plan
    if change == "another item":
        library.add(actor, dataset, ["new.jpg"], folder="/cars")
    elif change == "an item changed":
        one = library.live(dataset)["/cars/a.jpg"]
        library.submit(actor, Verb.UPDATE, [one], changes=Changes(status="review"))
    to = "/other" if change == "another request" else "/new"
    with pytest.raises(Conflict) as refused:
        library.submit(actor, Verb.MOVE, chosen, dataset, to=to, plan=plan)
    assert refused.value.code == "plan_outdated"


def test_without_a_dataset_the_items_tell_where_the_folder_is(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    done = library.submit(actor, Verb.MOVE, dataset.ids, to="/new")
    assert library.words(done) == ["done"]
    nothing = library.submit(actor, Verb.COPY, ["x"], to="/new")
    assert library.words(nothing) == ["not_found"]
    elsewhere = library.a_dataset(actor, assets=["a.jpg"])
    with pytest.raises(Invalid) as refused:
        library.submit(actor, Verb.MOVE, [*dataset.ids, *elsewhere.ids], to="/new")
    assert refused.value.code == "several_datasets"
