"""Retention: what is to be kept only until a moment goes when that has come, by the engine's own purge.

Nobody needs to see what has expired meanwhile (`assets.unexpired`), so this is cleaning; it comes within a second or
two. Any number of processes may do it at once: each takes what no other has in hand.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Connection

from stackroom import clock, ids
from stackroom.access import nobody
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.operations import engine
from stackroom.operations.request import Request, Verb, select_ids

log = structlog.get_logger(__name__)
AT_ONCE: Final = 1_000
"""How many assets of one organization go in one transaction; others want their turn between two."""
IDLE: Final = 1.0
"""Seconds between looks, where nothing is due sooner."""
INITIATOR: Final = "expiration"


class Expiring:
    """One task. `when_purged` is told that bytes have become loose."""

    def __init__(self, database: Database, now: Clock, when_purged: Callable[[], object]) -> None:
        self._database = database
        self._now = now
        self._when_purged = when_purged

    async def run(self) -> None:
        """Work until cancelled. What fails is logged and tried again."""
        while True:
            wait = IDLE
            try:
                await self.purge_all()
                due_at = await self._database.read(next_due)
                left = 0.0 if due_at is None else (due_at - self._now()) / clock.SECOND
                if left > 0:  # what is due and still there, another process has in hand
                    wait = min(IDLE, max(left, 0.01))
            except Exception:
                log.exception("expiring.failed")
            await asyncio.sleep(wait)

    async def purge_all(self) -> int:
        """Purge all that has expired by now; how many there were."""
        count = 0
        while (due_at := await self._database.read(next_due)) is not None and due_at <= self._now():
            purged = await self._database.write(lambda conn: purge_some(conn, now=self._now()))
            if not purged:  # another process has it in hand
                break
            count += purged
            self._when_purged()
            log.info("expiring.purged", assets=purged)
        return count


def next_due(conn: Connection) -> int | None:
    """When the next asset expires, or expired first; None if none ever does. Out of an index."""
    due_at: int | None = conn.scalar(
        statement("SELECT min(expires_at) FROM asset WHERE expires_at IS NOT NULL")
    )
    return due_at


def purge_some(conn: Connection, *, now: int) -> int:
    """Purge what has expired of the organization whose turn it is, up to `AT_ONCE` assets: an operation of nobody's,
    with an event for each asset; how many there were. Repeating it goes on with the next."""
    how = flavour.of(conn)
    # Whoever else is at it holds what he has taken until it is gone.
    whose = (
        f"SELECT organization_id FROM asset WHERE expires_at <= :now ORDER BY expires_at LIMIT 1 {how.skip}"
    )
    organization_id = conn.scalar(statement(whose), {"now": now})
    if organization_id is None:
        return 0
    which = f"""SELECT uuid FROM asset WHERE expires_at <= :now AND organization_id = :organization
        ORDER BY expires_at LIMIT {AT_ONCE} {how.skip}"""
    expired = conn.scalars(statement(which), {"now": now, "organization": organization_id})
    chosen = select_ids([ids.text(uuid) for uuid in expired], dataset_id=None)
    request = Request(verb=Verb.PURGE, selection=chosen, item_events=True, initiator=INITIATOR)
    engine.submit(conn, nobody(organization_id), request, now=now)
    return len(chosen.asked)
