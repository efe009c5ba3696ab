"""Takes large operations forward, a chunk at a time, as long as the server runs; after a restart it goes on."""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress

import structlog

from stackroom import faults
from stackroom.clock import Clock
from stackroom.database.transaction import Database
from stackroom.errors import StackroomError
from stackroom.operations import engine, journal

log = structlog.get_logger(__name__)
IDLE = 5.0
"""Seconds between looks for work that nobody announced, such as another server's."""


class Runner:
    """One task. `wake` tells it that an operation was begun; between two chunks other writers have their turn."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now
        self._awake = asyncio.Event()

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled: a chunk for each organization by turns, so that nobody waits for somebody else's
        million; within one organization in the order of their beginning, as one may be about what another has done.

        An operation that cannot go on is logged and tried again later, never dropped.
        """
        stuck, away = _Aside(), _Aside()
        while True:
            if self._awake.is_set():
                away = _Aside()  # one that was paused may go on
            self._awake.clear()
            turns = _turns(await self._unfinished(), stuck.now(), away.now())
            for operation_id in turns:
                try:
                    more = await self._advance(operation_id)
                except Exception as error:
                    log.exception("operation.stuck", operation_id=operation_id)
                    await self._say_why(operation_id, error)
                    stuck.put(operation_id)
                    continue
                if not more:
                    away.put(operation_id)
                    continue
                faults.reach("apply:after-commit")
                await asyncio.sleep(0)
            if not turns:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), IDLE)

    async def _unfinished(self) -> dict[int, int]:
        try:
            return await self._database.read(engine.unfinished)
        except Exception:
            log.exception("operations.unknown")
            return {}

    async def _advance(self, operation_id: int) -> bool:
        return await self._database.write(lambda conn: engine.advance(conn, operation_id, now=self._now()))

    async def _say_why(self, operation_id: int, error: Exception) -> None:
        """A bar that stands still should say so. Details of ours stay in the log."""
        inside = "something went wrong here; the operator finds the cause in the server's log"
        why = error.message if isinstance(error, StackroomError) else inside
        with suppress(Exception):  # the database may be what is in trouble
            await self._database.write(
                lambda conn: journal.note_trouble(
                    conn, operation_id, f"{why} (tried again every few seconds)"
                )
            )


class _Aside:
    """Operations that are let be for a while, so that they take nobody's time."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}

    def put(self, operation_id: int) -> None:
        self._until[operation_id] = time.monotonic() + IDLE

    def now(self) -> Collection[int]:
        self._until = {each: until for each, until in self._until.items() if until > time.monotonic()}
        return self._until


def _turns(unfinished: Mapping[int, int], stuck: Collection[int], away: Collection[int]) -> list[int]:
    """The operation of each organization that goes on next. One that is stuck has others go first; one that has just
    ended, or that another server is at, has its organization's turn."""
    next_of = dict[int, int]()
    for operation_id, organization_id in unfinished.items():
        if operation_id not in stuck:
            next_of.setdefault(organization_id, operation_id)
    return [operation_id for operation_id in next_of.values() if operation_id not in away]
