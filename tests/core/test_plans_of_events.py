"""The record of events grows for ever: whatever is asked of it comes out of an index."""

import re
from typing import Any

from sqlalchemy import Connection, event

from stackroom import ids
from stackroom.access import Actor
from stackroom.events import log, reading
from stackroom.events.reading import Filters
from stackroom.library import endpoints
from stackroom.library.endpoints import EndpointChanges
from stackroom.testing.builders import Library
from stackroom.webhooks import deliveries, forgetting, telling


def plans(library: Library, work: Any) -> list[str]:
    """The plan that SQLite has for each statement of `work`."""
    found: list[str] = []

    def explain(conn: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if not sql.startswith("EXPLAIN"):
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
            found.append(sql + "\n" + "\n".join(str(row[-1]) for row in rows))

    def watched(conn: Connection) -> None:
        event.listen(conn, "before_cursor_execute", explain)
        try:
            work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", explain)

    library.write(watched)
    return found


def scans(plan: str) -> list[str]:
    """Where a table is read from end to end, but for its untold rows, of which there is an index; and for what SQLite
    would look through if a lane that is made for the first time were already referred to."""
    if plan.startswith("INSERT INTO lane"):
        return []
    found = re.findall(r"^SCAN (?:event|delivery|job|e|d)\b.*$", plan, re.MULTILINE)
    return [each for each in found if "event_untold" not in each]


def some_events(library: Library) -> Actor:
    actor = library.an_actor()
    wanted = EndpointChanges(url="https://hooks.example/x")
    library.write(lambda conn: endpoints.create(conn, actor, wanted, now=library.now))
    library.write(
        lambda conn: log.record_each(
            conn, actor, "asset.reviewed", [(ids.new(), {}) for _ in range(5)], at=library.now
        )
    )
    return actor


def test_reading_what_happened_reads_no_more_than_that(library: Library) -> None:
    actor = some_events(library)
    for filters in (
        Filters(),
        Filters(requests=True),
        Filters(types=("asset.reviewed",)),
        Filters(types=("http.request",)),
        Filters(asset=ids.new()),
        Filters(operation=ids.new(), batch=ids.new()),
    ):
        for window in ({}, {"before": 9}, {"after": 9}):
            seen = plans(
                library,
                lambda conn, filters=filters, window=window: reading.page(
                    conn, actor, filters, limit=5, **window
                ),
            )
            assert [scans(each) for each in seen] == [[]], seen
        counted = plans(library, lambda conn, filters=filters: reading.count(conn, actor, filters))
        assert not any(scans(each) for each in counted), counted


def test_telling_and_forgetting_read_no_more_than_is_told_and_forgotten(library: Library) -> None:
    actor = some_events(library)
    of = library.read(lambda conn: endpoints.list_endpoints(conn, actor))
    for work in (
        telling.any_untold,
        lambda conn: telling.tell(conn, now=library.now),
        lambda conn: deliveries.page(conn, actor, limit=5),
        lambda conn: deliveries.page(conn, actor, endpoint=of[0], before=9, limit=5),
        lambda conn: deliveries.last_sent(conn, of),
        lambda conn: endpoints.remove(conn, actor, ids.text(of[0].uuid), now=library.now),
        lambda conn: forgetting.jobs.forget(conn, 1, now=library.now),
    ):
        seen = plans(library, work)
        found = {each: scans(each) for each in seen}
        assert not any(found.values()), [(sql, it) for sql, it in found.items() if it]


def test_what_has_failed_is_found_without_reading_what_has_arrived(library: Library) -> None:
    actor = some_events(library)
    for states in (("failed",), ("pending", "retrying")):
        [plan] = plans(
            library, lambda conn, states=states: deliveries.page(conn, actor, states=states, limit=5)
        )
        assert "USING INDEX delivery_outstanding" in plan
