"""PostgreSQL over asyncpg. Lost races, deadlocks and lost connections are run again from the start."""

import asyncio
import random
from collections.abc import Awaitable, Hashable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import asyncpg
import structlog
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from stackroom.database.transaction import T, Work
from stackroom.errors import Invalid, Unavailable

log = structlog.get_logger(__name__)
# serialization failure, deadlock, a unique value that somebody else took first, a row that somebody else removed
# while we began to refer to it, a lock that could not be had
RUN_AGAIN = {"40001", "40P01", "23505", "23503", "55P03"}
# Those of them that are nobody's mistake, however often they happen.
IN_EACH_OTHERS_WAY = {"40001", "40P01", "55P03"}
NO_ROOM = {"53100", "53200"}
NOT_A_TEXT = "22021"
# Read-only, as a standby is, or a hosted database without room; a statement that an operator, or a limit of theirs,
# has ended; what the disk does not give or take, and what on it is damaged.
NOT_OURS = ("25006", "57014", "58", "XX001", "XX002")
# A prepared statement is not there, or another's: each transaction comes to another connection of the server's.
POOLED = {"26000", "42P05"}
# What a URL may say after its `?` that is an argument of asyncpg's, or of SQLAlchemy's; and which of these are numbers.
ARGUMENTS = {"host", "port", "ssl"}
NUMBERS = {
    "connect_timeout": "timeout",
    "timeout": "timeout",
    "command_timeout": "command_timeout",
    "statement_cache_size": "statement_cache_size",
    "prepared_statement_cache_size": "prepared_statement_cache_size",
}
ATTEMPTS = 8
POOL = 10


class PostgresqlDatabase:
    """A library in a PostgreSQL database, which any number of servers may share."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+asyncpg")
        self._steps: set[asyncio.Future[Any]] = set()
        self._running = 0
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        url, more = _said_apart(self._url)
        self._engine: AsyncEngine = create_async_engine(
            url, pool_size=POOL, max_overflow=POOL, connect_args=more
        )
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def read(self, work: Work[T]) -> T:
        return await self._run(self._reading, work)

    async def look_up(self, subject: Hashable, work: Work[T]) -> T:  # noqa: ARG002 - others may have written since
        return await self.read(work)

    async def write(self, work: Work[T]) -> T:
        return await self._run(self._engine, work)

    async def _run(self, engine: AsyncEngine, work: Work[T]) -> T:
        if self._closing:
            raise Unavailable("the database has been closed", code="database_unavailable")
        self._running += 1
        self._idle.clear()
        try:
            return await self._run_again(engine, work)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _run_again(self, engine: AsyncEngine, work: Work[T]) -> T:
        for attempt in range(ATTEMPTS):
            try:
                return await self._attempt(engine, work)
            except DBAPIError as error:
                lost = error.connection_invalidated  # the first sign of a server that was started anew
                if _state(error) not in RUN_AGAIN and not lost:
                    raise _explained(error) from error
                if attempt == ATTEMPTS - 1:
                    raise (_unreachable(error) if lost else _contended(error)) from error
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - spreads retries out
        raise AssertionError("unreachable")  # pragma: no cover

    async def _attempt(self, engine: AsyncEngine, work: Work[T]) -> T:
        connection = await self._connected(engine)
        committing = False
        try:
            async with connection.begin():
                result = await connection.run_sync(work)
                committing = True
        except DBAPIError as error:
            # Nobody knows whether it was committed, so running it again could do it twice. A read does nothing.
            if committing and error.connection_invalidated and engine is self._engine:
                raise _unreachable(error) from error
            raise
        finally:
            await asyncio.shield(self._to_its_end(connection.close()))
        return result

    async def _connected(self, engine: AsyncEngine) -> AsyncConnection:
        connecting = self._to_its_end(engine.connect())
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            self._to_its_end(_given_back(connecting))
            raise
        except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise _unreachable(error) from error

    def _to_its_end(self, step: Awaitable[T]) -> asyncio.Future[T]:
        """The step, begun. Cancelled half-way, taking a connection or giving it back would leave it to nobody, so
        whoever waits shields it, and the pool is not closed before."""
        task = asyncio.ensure_future(step)
        self._steps.add(task)
        task.add_done_callback(self._steps.discard)
        return task

    async def close(self) -> None:
        """Finish what is running, and begin nothing more: a connection that comes back to a pool that is closed would
        stay open."""
        self._closing = True
        await self._idle.wait()
        while self._steps:
            await asyncio.wait(self._steps)
        await self._engine.dispose()


def _said_apart(url: URL) -> tuple[URL, dict[str, Any]]:
    """What PostgreSQL's own clients take in a URL, such as `sslmode=require`, asyncpg takes in a URL as well, and not
    as arguments, which is what SQLAlchemy makes of them. What it does not know is set in the server."""
    apart = {name: value for name, value in url.query.items() if name not in ARGUMENTS}
    more: dict[str, Any] = {
        NUMBERS[name]: _number(name, apart.pop(name)) for name in NUMBERS if name in apart
    }
    if apart:
        more["dsn"] = "postgresql://?" + urlencode(apart, doseq=True)
    return url.difference_update_query([*apart, *NUMBERS]), more


def _number(name: str, value: object) -> int:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise Invalid(
        f"{name} in the URL of the database must be a number",
        code="bad_database_url",
        hint="Check --database-url.",
    )


def _state(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _explained(error: DBAPIError) -> Exception:
    state = _state(error)
    if state in NO_ROOM:
        return Unavailable(
            "there is no room left for the library's database; nothing was changed",
            code="storage_full",
            hint="Free some space for PostgreSQL, then try again.",
        )
    if state == NOT_A_TEXT:
        return Invalid("a text contains the character NUL, which no name here has", code="invalid_text")
    if state in POOLED:
        log.error("database.pooled", error=str(error.orig), code=state)
        return Unavailable(
            "a pooler lends out the connections to the library's database for one transaction each",
            code="database_unavailable",
            hint="The operator sets it to sessions, or adds statement_cache_size=0 and "
            "prepared_statement_cache_size=0 to the URL of the database.",
        )
    if state is not None and state.startswith(NOT_OURS):
        log.error("database.failed", error=str(error.orig), code=state)
        return Unavailable(
            "the library's database cannot be read or written; nothing was changed",
            code="database_unavailable",
            hint="Try again later. The operator finds the cause in the server's log.",
        )
    return error


def _contended(error: DBAPIError) -> Exception:
    """What to raise of a race that was lost each time."""
    if _state(error) not in IN_EACH_OTHERS_WAY:
        return error
    log.error("database.contended", error=str(error.orig))
    return Unavailable(
        "others keep changing the same things at the same time; nothing was changed",
        code="database_busy",
        hint="Send the same request again in a while, with the same Idempotency-Key if it had one.",
    )


async def _given_back(connecting: Awaitable[AsyncConnection]) -> None:
    with suppress(Exception):  # there is none, and nobody is left whom that would tell something
        await (await connecting).close()


def _unreachable(error: Exception) -> Unavailable:
    log.error("database.unreachable", error=str(error))
    return Unavailable(
        "the database cannot be reached",
        code="database_unavailable",
        hint="Send the same request again in a while, with the same Idempotency-Key if it had one.",
    )
