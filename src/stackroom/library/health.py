"""Whether the library's parts do their work, for who watches over it."""

from sqlalchemy import Connection, select

from stackroom import clock
from stackroom.database.schema import event, worker

LATE = 60 * clock.SECOND
"""Telling receivers of an event is begun within seconds."""


def answers(conn: Connection) -> None:
    """Raises what the database does when it is not there."""
    conn.execute(select(1))


def has_workers(conn: Connection) -> bool:
    """Whether somebody takes jobs, at this server or another."""
    return conn.scalar(select(worker.c.id).where(~worker.c.dead).limit(1)) is not None


def tells_in_time(conn: Connection, *, now: int) -> bool:
    """Whether no event has waited for long to be told to those who want to know."""
    first = conn.scalar(select(event.c.at).where(event.c.untold).order_by(event.c.id).limit(1))
    return first is None or now - first < LATE
