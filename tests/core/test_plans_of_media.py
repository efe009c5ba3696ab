"""How tasks, groups, numbers and folders are read: by the index made for it, on both databases."""

from collections.abc import Iterator

import pytest

from stackroom import ids
from stackroom.access import Actor
from stackroom.library import analytics, folders, groups, media, registrations, similarity
from stackroom.library.analytics import Period
from stackroom.library.registered import Where
from stackroom.processing import embedding, tasks
from stackroom.queue.jobs import DEFAULT, NewJob
from stackroom.queue.submit import submit
from stackroom.testing.builders import Library, a_library
from stackroom.testing.plans import plans_of

pytestmark = pytest.mark.every_database


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    with a_library(database_url) as opened:
        yield opened


@pytest.fixture
def actor(library: Library) -> Actor:
    """Somebody with tasks, in a library with those of others."""
    made = [library.an_actor() for _ in range(3)]
    for each in made:
        jobs = [NewJob(f'{{"asset":"{ids.new().hex()}"}}') for _ in range(50)]
        library.write(
            lambda conn, each=each, jobs=jobs: submit(  # type: ignore[misc]  # bound at once
                conn,
                organization_id=each.organization_id,
                kind=embedding.KIND,
                priority=DEFAULT,
                jobs=jobs,
                batch_id=None,
                now=library.now,
            )
        )
    return made[0]


GROWING = ("asset", "job", "event", "folder", "file_group_member")
COUNTED = "asset, job, lane, event, folder"


def test_the_newest_tasks_are_read_from_the_end_of_their_lanes(library: Library, actor: Actor) -> None:
    found = plans_of(library, lambda conn: tasks.page(conn, actor, limit=5), counted=COUNTED)
    assert [plan.scans(*GROWING) for plan in found] == [[]] * len(found)
    newest = next(plan for plan in found if "job" in plan.steps)
    assert "job_by_itself" in newest.steps
    counted = plans_of(library, lambda conn: tasks.count(conn, actor), counted=COUNTED)
    assert [plan.scans(*GROWING) for plan in counted] == [[]] * len(counted)
    assert "job_by_itself" in counted[-1].steps


def test_requests_are_counted_from_the_index_of_requests(library: Library, actor: Actor) -> None:
    for work in (
        lambda conn: analytics.traffic(conn, actor, Period(5)),
        lambda conn: analytics.paths(conn, actor, Period(), limit=5),
    ):
        for plan in plans_of(library, work, counted=COUNTED):
            assert plan.scans(*GROWING) == []
            assert "event_request" in plan.steps


def test_media_are_counted_and_grouped_without_looking_at_those_of_others(
    library: Library, actor: Actor
) -> None:
    photos = library.a_dataset(actor, assets=20)
    wanted = [raw for raw in map(ids.parse, photos.ids) if raw is not None]
    made = library.write(lambda conn: groups.create(conn, actor, wanted, now=library.now))
    for work in (
        lambda conn: analytics.storage(conn, actor, now=library.now),
        lambda conn: groups.find(conn, actor, made.uuid, now=library.now),
        lambda conn: groups.members(conn, actor, made, now=library.now),
        lambda conn: groups.create(conn, actor, wanted[:3], now=library.now),
    ):
        assert [
            found for plan in plans_of(library, work, counted=COUNTED) for found in plan.scans(*GROWING)
        ] == []


@pytest.mark.parametrize("count", [2, 50])
def test_what_has_been_named_is_not_looked_for_among_all_that_the_organization_has(
    library: Library, actor: Actor, count: int
) -> None:
    """For three ids or more SQLite takes an organization to have less."""
    photos = library.a_dataset(actor, assets=60)
    wanted = [raw for raw in map(ids.parse, photos.ids) if raw is not None][:count]
    made = library.write(lambda conn: groups.create(conn, actor, wanted, now=library.now))
    asked: list[Where] = [Where(member_of=1), Where(manifests=("a", "b")), Where(string1="a")]
    asked += [Where(member_of=1, string2="b"), Where(manifests=("a",), number1=2), Where(pointer=1)]
    for work in (
        lambda conn: media.by_uuids(conn, actor, wanted, now=library.now),
        lambda conn: media.hold(conn, actor, wanted, now=library.now),
        lambda conn: media.storage_keys(conn, actor, wanted, now=library.now),
        lambda conn: groups.create(conn, actor, wanted, now=library.now),
        lambda conn: groups.find(conn, actor, made.uuid, now=library.now),
        lambda conn: groups.members(conn, actor, made, now=library.now),
        lambda conn: [registrations.page(conn, actor, each, limit=100) for each in asked],
        lambda conn: similarity._by_ids(conn, actor, range(1, count), library.now),
    ):
        for plan in plans_of(library, work, counted=COUNTED):
            assert "asset_by_kind" not in plan.steps, plan


def test_folders_are_found_in_the_index_of_their_dataset(library: Library, actor: Actor) -> None:
    photos = library.a_dataset(actor, assets=2, folder="/a/b")
    for work in (
        lambda conn: folders.branches(conn, photos.id),
        lambda conn: folders.branches(conn, photos.id, right_below="/a"),
    ):
        assert [
            found for plan in plans_of(library, work, counted=COUNTED) for found in plan.scans(*GROWING)
        ] == []
