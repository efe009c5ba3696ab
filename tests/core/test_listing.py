"""Pages of assets, newest first, and what a dataset and its folders hold. What filters find is in test_selection."""

from contextlib import suppress

import pytest

from stackroom.errors import Invalid, NotFound
from stackroom.library import annotations, assets, datasets, folders, listing
from stackroom.library.listing import Filter
from stackroom.operations.request import Changes, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def test_going_on_sees_each_asset_once_even_while_others_come_and_go(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=10)
    wanted = Filter(dataset_id=dataset.id)
    seen: list[str] = []
    before = None
    while page := library.read(lambda conn, last=before: listing.page(conn, wanted, limit=3, before=last)):
        seen += [row.name for row in page]
        before = page[-1].id
        library.add(actor, dataset, [f"new {len(seen)}.jpg"])
        if len(seen) == 3:
            library.submit(actor, Verb.ARCHIVE, [dataset.ids[9]], dataset)
    assert seen == [f"{n}.jpg" for n in range(10, 0, -1)]


def test_a_page_may_skip(library: Library) -> None:
    actor = library.an_actor()
    wanted = Filter(dataset_id=library.a_dataset(actor, assets=5).id)
    page = library.read(lambda conn: listing.page(conn, wanted, limit=2, offset=2))
    assert [row.name for row in page] == ["3.jpg", "2.jpg"]
    assert library.read(lambda conn: listing.page(conn, wanted, limit=2, offset=9)) == []


def test_a_dataset_tells_what_it_holds(library: Library) -> None:
    actor = library.an_actor()
    dataset, empty = library.a_dataset(actor, assets=4), library.a_dataset(actor)
    library.submit(actor, Verb.ARCHIVE, dataset.ids[:1], dataset)
    library.submit(actor, Verb.UPDATE, dataset.ids[:2], changes=Changes(status="complete"))
    both = library.read(
        lambda conn: [datasets.find(conn, actor, each.reference) for each in (dataset, empty)]
    )
    totals = library.read(lambda conn: datasets.totals(conn, both))
    held = totals[dataset.id]
    assert (held.assets, held.complete, held.bytes, held.archived) == (3, 1, 30, 1)
    assert totals[empty.id] == datasets.Totals()


def test_each_folder_counts_what_is_live_and_exactly_there(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    [deep] = library.add(actor, dataset, ["a.jpg"], folder="/a/b")
    library.add(actor, dataset, ["b.jpg"], folder="/a/b")
    library.submit(actor, Verb.ARCHIVE, [deep], dataset)
    counts = library.read(lambda conn: listing.folder_counts(conn, dataset.id))
    assert [(path, count) for _, _, path, _, count in counts] == [("/", 2), ("/a", 0), ("/a/b", 1)]


def test_a_folder_is_made_once_with_all_above_it(library: Library) -> None:
    actor = library.an_actor()
    dataset, other = library.a_dataset(actor), library.a_dataset(actor)
    made = [
        library.write(lambda conn: folders.ensure(conn, dataset.id, "/a/b/c", now=library.now))
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert library.read(lambda conn: folders.find(conn, dataset.id, "/a/b")) is not None
    assert library.read(lambda conn: folders.find(conn, other.id, "/a/b")) is None


def test_names_that_are_taken_are_found_together(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg", "b.jpg", "c.jpg"])
    library.submit(actor, Verb.ARCHIVE, dataset.ids[2:], dataset)
    root = library.rows(actor)[dataset.ids[0]]["folder_id"]
    asked = ["a.jpg", "c.jpg", "A.jpg", "b.jpg", "d'\"\\.jpg"]
    assert library.read(lambda conn: assets.taken_names(conn, root, asked)) == {"a.jpg", "b.jpg"}
    assert library.read(lambda conn: assets.is_taken(conn, root, "c.jpg")) is False


def test_what_is_doubtful_is_found_by_its_least_confidence(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=3)
    for asset, confidence in zip(dataset.ids, (0.2, 0.8), strict=False):
        point = b'{"id": "1", "name": "car", "type": "keypoint", "confidence": %.1f, "keypoint": {"x": 1, "y": 1}}'
        wanted = annotations.parse(b"[" + point % confidence + b"]")
        library.write(
            lambda conn, it=asset, new=wanted: annotations.save(conn, actor, it, new, now=library.now)
        )
    doubtful = Filter(dataset_id=dataset.id, min_confidence_below=0.5)
    assert [row.name for row in library.read(lambda conn: listing.page(conn, doubtful, limit=9))] == ["1.jpg"]


@pytest.mark.parametrize(
    "where", [{"name": "a\0"}, {"glob": "\0*"}, {"status": "\0"}, {"folder": "/\0"}], ids=str
)
def test_a_text_with_a_nul_matches_nothing_or_is_refused(library: Library, where: dict[str, str]) -> None:
    """PostgreSQL takes no such text anywhere, and it must not come as an internal error."""
    actor = library.an_actor()
    wanted = Filter(dataset_id=library.a_dataset(actor, assets=1).id, **where)  # type: ignore[arg-type]  # texts
    with suppress(Invalid):
        assert library.read(lambda conn: listing.page(conn, wanted, limit=5)) == []


@pytest.mark.parametrize("reference", ["a\0", "\0"])
def test_a_dataset_of_a_name_with_a_nul_is_not_found_or_refused(library: Library, reference: str) -> None:
    actor = library.an_actor()
    with pytest.raises((NotFound, Invalid)):
        library.read(lambda conn: datasets.find(conn, actor, reference))
