"""How what reads much goes about it: by an index wherever one serves, on both databases."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stackroom.database.transaction import Work
from stackroom.events import reading
from stackroom.library import folders, insights, media, similarity, tagged
from stackroom.library.listing import Filter
from stackroom.media.kinds import Kind
from stackroom.operations.request import Changes, Verb
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.plans import CHEAP_WHILE_SHORT, Plan, plans_of

pytestmark = pytest.mark.every_database


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """Each its own: what a planner prefers depends on all that is in a table, and so on what other tests left there."""
    with a_library(database_url) as opened:
        yield opened


@pytest.fixture
def dataset(library: Library) -> ADataset:
    actor = library.an_actor()
    made, others = library.a_dataset(actor, assets=100, content=b"same"), library.a_dataset(actor)
    for number in range(5):
        library.submit(actor, Verb.COPY, made.ids, made, into=others, to=f"/{number}")
    library.submit(actor, Verb.UPDATE, made.ids[:30], changes=Changes(add_tags=("night", "rain")))
    return made


GROWING = ("asset", "blob", "annotation_class", "asset_tag", "tag", "folder")


def plans(library: Library, work: Work[Any]) -> list[Plan]:
    counted = "asset, blob, annotation_class, asset_tag, tag"
    return plans_of(library, work, counted=counted, without=(*CHEAP_WHILE_SHORT, "sort"))


def test_insights_read_what_is_the_datasets_and_nothing_else(
    library: Library, dataset: ADataset, database_kind: str
) -> None:
    seen = plans(library, lambda conn: insights.of_dataset(conn, dataset.id))
    assert [plan.scans(*GROWING) for plan in seen] == [[]] * len(seen)
    statuses, looked_at, classes, hidden = (plan.steps for plan in seen)
    assert len(re.findall(r"SEARCH asset|Scan.* on asset", looked_at)) == 1, looked_at
    assert "annotation_class_in_dataset" in classes
    if database_kind == "sqlite":  # PostgreSQL takes whichever index, as long as the table is short
        assert "asset_by_status" in statuses
        assert "asset_archived_in_dataset" in hidden


def test_a_sample_is_taken_from_the_end_of_an_index(library: Library, dataset: ADataset) -> None:
    wanted = Filter(dataset_id=dataset.id)
    [plan] = plans(library, lambda conn: similarity._newest(conn, wanted, 10))
    assert plan.scans(*GROWING) == []
    assert "asset_in_dataset" in plan.steps


def test_a_folder_is_read_on_in_the_order_of_its_index(library: Library, dataset: ADataset) -> None:
    folder = library.read(lambda conn: folders.find(conn, dataset.id, "/"))
    assert folder is not None
    [plan] = plans(library, lambda conn: similarity._some_of_folder(conn, folder_id=folder, after="2"))
    assert plan.scans(*GROWING) == []
    assert "asset_name_in_folder" in plan.steps
    assert "Sort" not in plan.steps
    assert plan.steps.count("ORDER BY") <= 1  # SQLite puts the portion in order once more


@pytest.mark.parametrize("kind", [None, Kind.VIDEO])
def test_the_newest_media_are_at_the_end_of_an_index(
    library: Library, dataset: ADataset, kind: Kind | None
) -> None:
    """So that a page of few videos does not cost a look at all images."""
    ada = library.an_actor()
    library.a_dataset(ada, assets=100)
    now = library.now
    [plan] = plans(library, lambda conn: media.page(conn, ada, kind=kind, limit=10, now=now))
    assert plan.scans(*GROWING) == []
    assert plan.steps.count("asset_by_kind") == (1 if kind else len(Kind)), plan


def test_blobs_without_a_fingerprint_are_found_in_their_index(library: Library, dataset: ADataset) -> None:
    """As they are few: all have one soon after they came in."""
    ada = library.an_actor()
    library.a_dataset(ada, assets=200)
    seen = dict.fromkeys(list(library.blob_keys(ada).values())[3:], b"\0" * 8)
    library.write(lambda conn: similarity.note_later(conn, seen))
    [plan] = plans(library, lambda conn: similarity.missing(conn, after=0, limit=10))
    assert "blob_without_fingerprint" in plan.steps
    assert [line for line in plan.scans(*GROWING) if "blob_without_fingerprint" not in line] == []


@pytest.mark.parametrize("everywhere", [False, True])
def test_tagged_images_are_found_by_their_tags(library: Library, dataset: ADataset, everywhere: bool) -> None:
    actor = library.an_actor()
    within = library.a_dataset(actor, assets=3)
    library.submit(actor, Verb.UPDATE, within.ids, changes=Changes(add_tags=("night", "rain")))
    reference = None if everywhere else within.reference
    *_, plan = plans(
        library,
        lambda conn: tagged.with_all(conn, actor, ["night", "rain"], dataset_ref=reference, limit=10),
    )
    assert [line for line in plan.scans(*GROWING) if "dataset" not in line] == []


@pytest.mark.parametrize("asset", [None, b"\0" * 16])
def test_the_record_is_read_by_organization_or_by_asset(
    library: Library, database_kind: str, asset: bytes | None
) -> None:
    actor = library.an_actor()
    wanted = reading.Filters(requests=True, asset=asset)
    for work in (
        lambda conn: reading.page(conn, actor, wanted, limit=5, offset=5),
        lambda conn: reading.count(conn, actor, wanted),
    ):
        for plan in plans(library, work):
            assert plan.scans("event") == []
            if database_kind == "sqlite":  # PostgreSQL takes whichever index, as long as the table is short
                assert ("event_of_asset" in plan.steps) is (asset is not None)
