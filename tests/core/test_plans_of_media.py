"""How tasks, groups, numbers and folders are read: by the index made for it, on both databases."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from stackroom import ids
from stackroom.access import Actor
from stackroom.library import analytics, folders, groups
from stackroom.library.analytics import Period
from stackroom.processing import embedding, tasks
from stackroom.queue.jobs import DEFAULT, NewJob
from stackroom.queue.submit import submit
from stackroom.testing.builders import Library, a_library

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


def plans(library: Library, work: Any) -> list[str]:
    """The plan of each statement that `work` sends. PostgreSQL is told that the tables are long, as they will be."""
    found: list[str] = []

    def explain(conn: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if not sql.startswith(("EXPLAIN", "SET")):
            how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
            found.append("\n".join(str(row[-1]) for row in conn.exec_driver_sql(how + sql, parameters)))

    def watched(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            conn.execute(text("ANALYZE asset, job, lane, event, folder"))
            for costs_little_while_tables_are_short in ("seqscan", "bitmapscan"):
                conn.execute(text(f"SET LOCAL enable_{costs_little_while_tables_are_short} = off"))
        event.listen(conn, "before_cursor_execute", explain)
        try:
            work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", explain)

    library.write(watched)
    return found


def scans(plan: str) -> list[str]:
    """Where a table that grows is read from end to end."""
    growing = r"(asset|job|event|folder|file_group_member)\b"
    return re.findall(rf"^\s*(SCAN {growing}.*|.*Seq Scan on {growing}.*)$", plan, re.MULTILINE)


def test_the_newest_tasks_are_read_from_the_end_of_their_lanes(library: Library, actor: Actor) -> None:
    found = plans(library, lambda conn: tasks.page(conn, actor, limit=5))
    assert [scans(plan) for plan in found] == [[]] * len(found)
    newest = next(plan for plan in found if "job" in plan)
    assert "job_by_itself" in newest
    counted = plans(library, lambda conn: tasks.count(conn, actor))
    assert [scans(plan) for plan in counted] == [[]] * len(counted)
    assert "job_by_itself" in counted[-1]


def test_requests_are_counted_from_the_index_of_requests(library: Library, actor: Actor) -> None:
    for work in (
        lambda conn: analytics.traffic(conn, actor, Period(5)),
        lambda conn: analytics.paths(conn, actor, Period(), limit=5),
    ):
        for plan in plans(library, work):
            assert scans(plan) == []
            assert "event_request" in plan


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
        assert [found for plan in plans(library, work) for found in scans(plan)] == []


def test_folders_are_found_in_the_index_of_their_dataset(library: Library, actor: Actor) -> None:
    photos = library.a_dataset(actor, assets=2, folder="/a/b")
    for work in (
        lambda conn: folders.branches(conn, photos.id),
        lambda conn: folders.branches(conn, photos.id, right_below="/a"),
    ):
        assert [found for plan in plans(library, work) for found in scans(plan)] == []
