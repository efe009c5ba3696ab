"""Takes large operations forward, a chunk at a time, as long as the server runs; after a restart it goes on."""

import asyncio
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
        """Work until cancelled. An operation that cannot go on is logged and tried again later, never dropped."""
        while True:
            self._awake.clear()
            for operation_id in await self._unfinished():
                await self._advance(operation_id)
            try:
                await asyncio.wait_for(self._awake.wait(), IDLE)
            except TimeoutError:
                continue

    async def _unfinished(self) -> list[int]:
        try:
            return await self._database.read(engine.unfinished)
        except Exception:
            log.exception("operations.unknown")
            return []

    async def _advance(self, operation_id: int) -> None:
        try:
            while await self._database.write(
                lambda conn: engine.advance(conn, operation_id, now=self._now())
            ):
                faults.reach("apply:after-commit")
                await asyncio.sleep(0)
        except Exception as error:
            log.exception("operation.stuck", operation_id=operation_id)
            await self._say_why(operation_id, error)

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
