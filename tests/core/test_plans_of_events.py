"""The record of events grows for ever: whatever is asked of it comes out of an index."""

from stackroom import ids
from stackroom.access import Actor
from stackroom.events import log, reading
from stackroom.events.reading import Filters
from stackroom.library import endpoints
from stackroom.library.endpoints import EndpointChanges
from stackroom.testing.builders import Library
from stackroom.testing.plans import Plan, plans_of
from stackroom.webhooks import deliveries, forgetting, telling


def scans(plan: Plan) -> list[str]:
    """Where a table is read from end to end, but for its untold rows, of which there is an index; and for what SQLite
    would look through if a lane that is made for the first time were already referred to."""
    if plan.sql.startswith("INSERT INTO lane"):
        return []
    found = plan.scans("event", "delivery", "job", "e", "d")
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
            seen = plans_of(
                library,
                lambda conn, filters=filters, window=window: reading.page(
                    conn, actor, filters, limit=5, **window
                ),
            )
            assert [scans(each) for each in seen] == [[]], seen
        counted = plans_of(library, lambda conn, filters=filters: reading.count(conn, actor, filters))
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
        seen = plans_of(library, work)
        found = {each: scans(each) for each in seen}
        assert not any(found.values()), [(sql, it) for sql, it in found.items() if it]


def test_what_has_failed_is_found_without_reading_what_has_arrived(library: Library) -> None:
    actor = some_events(library)
    for states in (("failed",), ("pending", "retrying")):
        [plan] = plans_of(
            library, lambda conn, states=states: deliveries.page(conn, actor, states=states, limit=5)
        )
        assert "USING INDEX delivery_outstanding" in plan.steps
