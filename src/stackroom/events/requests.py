"""The record of requests, beside that of changes: which key asked what of a face that keeps one, and what came of it.

Rows are collected and written in groups, so that nobody waits for the record of a request, and reading costs no write
of its own. What was collected when a process is killed is lost: the record of changes, which is not, is
`events.log`.
"""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

import msgspec
import structlog
from sqlalchemy import Connection, insert

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import event
from stackroom.database.transaction import Database
from stackroom.events import log as changes

HTTP_REQUEST = "http.request"
AUTHENTICATION_FAILED = "authentication.failed"
EVERY = 0.5
"""Seconds between two groups."""
ENOUGH = 500
"""Rows that are written without waiting any longer."""
MOST = 100_000
"""Rows that are held while the database cannot be written; what is more is counted, and said in the log."""
log = structlog.get_logger(__name__)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request of an actor, and its answer."""

    actor: Actor
    at: int
    query: str | None
    status: int
    request_bytes: int
    response_bytes: int
    duration_us: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was tried and does not count, as its organization should know."""

    actor: Actor
    at: int
    reason: str


class RequestLog:
    """What has been asked, on its way into the record. `run` writes it; so does whoever cannot wait, by `flush`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Seen | Failure] = deque()
        self._lost = 0
        self._soon = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, seen: Seen | Failure) -> None:
        """Have this written, soon."""
        if len(self._waiting) >= MOST:
            self._lost += 1
            return
        self._waiting.append(seen)
        if len(self._waiting) >= ENOUGH:
            self._soon.set()

    async def flush(self) -> None:
        """Write what was noted before. Raises what the database does; then it is still waiting. Who is cancelled
        meanwhile takes nothing of it along: it is written all the same."""
        await asyncio.shield(self._write_all())

    async def _write_all(self) -> None:
        async with self._writing:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(ENOUGH, len(self._waiting)))]
                try:
                    await self._database.write(partial(_write, group=group))
                except Exception:
                    self._waiting.extendleft(reversed(group))
                    raise

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._soon.wait(), EVERY)
                self._soon.clear()
                await self._try()
        finally:
            await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except Exception:
            log.warning("requests.not_recorded", waiting=len(self._waiting), exc_info=True)
        if self._lost:
            log.error("requests.lost", count=self._lost)
            self._lost = 0


def _write(conn: Connection, group: list[Seen | Failure]) -> None:
    rows = [_row(each) for each in group if isinstance(each, Seen)]
    if rows:
        conn.execute(insert(event), rows)
    for each in group:
        if isinstance(each, Failure):
            changes.record(conn, each.actor, AUTHENTICATION_FAILED, at=each.at, data={"reason": each.reason})


def _row(seen: Seen) -> dict[str, object]:
    actor = seen.actor
    return {
        "uuid": ids.new(),
        "organization_id": actor.organization_id,
        "type": HTTP_REQUEST,
        "at": seen.at,
        "key_id": actor.key_id,
        "ip": actor.ip,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
        "data": "{}",
        "method": actor.method,
        "path": actor.path,
        "query": seen.query,
        "status": seen.status,
        "request_bytes": seen.request_bytes,
        "response_bytes": seen.response_bytes,
        "duration_us": seen.duration_us,
        "untold": False,
    }
