"""Retention: what is to be kept only until a moment goes when that has come, by the engine's own purge.

Nobody needs to see what has expired meanwhile (`assets.unexpired`), so this is cleaning; it comes within a second or
two. Any number of processes may do it at once: each takes what no other has in hand.
"""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection, select

from stackroom import clock, ids
from stackroom.access import nobody
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import asset
from stackroom.database.transaction import Database
from stackroom.operations import engine
from stackroom.operations.request import Request, Verb, select_ids
from stackroom.queue.patience import is_away

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
        """Purge all that has expired by now; how many there were. An organization of which nothing can be purged now
        keeps no other waiting: what keeps it is logged, or another process has it in hand."""
        count = 0
        passed: set[int] = set()
        while (
            whose := await self._database.read(partial(first_of, but=passed, now=self._now()))
        ) is not None:
            purged = await self._purge_some(whose)
            if not purged:
                passed.add(whose)
                continue
            count += purged
            self._when_purged()
            log.info("expiring.purged", assets=purged)
        return count

    async def _purge_some(self, organization_id: int) -> int:
        try:
            return await self._database.write(
                partial(purge_some, organization_id=organization_id, now=self._now())
            )
        except Exception as error:
            if is_away(error):
                raise
            log.exception("expiring.failed", organization=organization_id)
            return 0


def next_due(conn: Connection) -> int | None:
    """When the next asset expires, or expired first; None if none ever does. Out of an index."""
    due_at: int | None = conn.scalar(
        statement("SELECT min(expires_at) FROM asset WHERE expires_at IS NOT NULL")
    )
    return due_at


def first_of(conn: Connection, *, but: Collection[int] = (), now: int) -> int | None:
    """The organization, of all but these, of which something has expired longest ago."""
    late = select(asset.c.organization_id).where(asset.c.expires_at <= now)
    others = late.where(asset.c.organization_id.not_in(but)) if but else late
    return conn.scalar(others.order_by(asset.c.expires_at).limit(1))


def purge_some(conn: Connection, *, organization_id: int, now: int) -> int:
    """Purge what has expired of an organization, up to `AT_ONCE` assets: an operation of nobody's, with an event for
    each asset; how many there were, without those that another process has in hand. Repeating it goes on with the
    next."""
    # Whoever else is at it holds what he has taken until it is gone.
    which = f"""SELECT uuid FROM asset WHERE expires_at <= :now AND organization_id = :organization
        ORDER BY expires_at LIMIT {AT_ONCE} {flavour.of(conn).skip}"""
    expired = conn.scalars(statement(which), {"now": now, "organization": organization_id}).all()
    if not expired:
        return 0
    chosen = select_ids([ids.text(uuid) for uuid in expired], dataset_id=None)
    request = Request(verb=Verb.PURGE, selection=chosen, item_events=True, initiator=INITIATOR)
    engine.submit(conn, nobody(organization_id), request, now=now)
    return len(expired)
