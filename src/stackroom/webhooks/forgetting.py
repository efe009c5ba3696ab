"""What has happened is remembered for as long as the operator says: events, requests, deliveries, and what brought
those. All of it grows at one end, so the oldest is looked at, a portion at a time, and what is younger is not read."""

from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from stackroom.access import Actor
from stackroom.clock import DAY, Clock
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.errors import StackroomError
from stackroom.library import endpoints
from stackroom.queue import forgetting as jobs

PORTION: Final = 2_000

# What is still to be told or brought is not forgotten, however old it is.
_DELIVERIES: Final = ("delivery", "created_at", "finished_at IS NOT NULL")
_CHANGES: Final = (
    "event",
    "at",
    """organization_id = :organization AND type <> 'http.request' AND NOT untold
        AND id NOT IN (SELECT d.event_id FROM delivery d
            WHERE d.organization_id = :organization AND d.state <> 'delivered' AND d.finished_at IS NULL)""",
)
_REQUESTS: Final = ("event", "at", "organization_id = :organization AND type = 'http.request'")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days; 0 is for ever."""

    events: int = 0
    requests: int = 30
    deliveries: int = 30


async def forget(database: Database, kept: Kept, now: Clock) -> None:
    """Forget all that is older than it need be. Repeating it, or doing it in several places, harms nothing."""
    await _drain(database, _DELIVERIES, kept.deliveries, now)
    for organization_id in await database.read(_organizations):
        await _drain(database, _CHANGES, kept.events, now, organization=organization_id)
        await _drain(database, _REQUESTS, kept.requests, now, organization=organization_id)
    for lane_id in await database.read(lambda conn: jobs.lanes_to_tidy(conn, now=now())):
        while await database.write(partial(jobs.forget, lane_id=lane_id, now=now())):
            pass


async def forget_delivered(database: Database, actor: Actor, reference: str) -> None:
    """Forget what has become of deliveries to an endpoint, before it is removed: there may be a million, and others
    want to write meanwhile. Of none, or for somebody who may not see it, this does nothing: who removes it says so."""
    try:
        found = await database.read(lambda conn: endpoints.find(conn, actor, reference))
    except StackroomError:
        return
    over = "SELECT id FROM delivery WHERE endpoint_id = :endpoint AND finished_at IS NOT NULL ORDER BY id LIMIT :limit"
    bound = {"endpoint": found.id, "limit": PORTION}

    def work(conn: Connection) -> int:
        return conn.execute(statement(f"DELETE FROM delivery WHERE id IN ({over})"), bound).rowcount

    while await database.write(work) >= PORTION:
        pass


async def _drain(
    database: Database, which: tuple[str, str, str], days: int, now: Clock, **bound: int
) -> None:
    """Forget rows of a table by their moment: all that are `which`, and older than so many days."""
    if not days:
        return
    table, moment, condition = which
    oldest = f"SELECT id, {moment} AS moment FROM {table} WHERE {condition} ORDER BY id LIMIT :limit"

    def look(conn: Connection) -> bool:
        first = conn.execute(statement(oldest), {"limit": 1, **bound}).first()
        return first is not None and first.moment < now() - days * DAY

    def work(conn: Connection) -> None:
        old = f"SELECT id FROM ({oldest}) oldest WHERE moment < :old"
        parameters = {"old": now() - days * DAY, "limit": PORTION, **bound}
        conn.execute(statement(f"DELETE FROM {table} WHERE id IN ({old})"), parameters)

    while await database.read(look):  # which, unlike a write, costs next to nothing
        await database.write(work)


def _organizations(conn: Connection) -> list[int]:
    return list(conn.scalars(statement("SELECT id FROM organization ORDER BY id")))
