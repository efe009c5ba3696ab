"""PostgreSQL over asyncpg. Lost races and deadlocks are run again from the start."""

import asyncio
import random

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stackroom.database.transaction import T, Work
from stackroom.errors import Unavailable

# serialization failure, deadlock, a unique value that somebody else took first, a row that somebody else removed
# while we began to refer to it, a lock that could not be had
RUN_AGAIN = {"40001", "40P01", "23505", "23503", "55P03"}
NO_ROOM = {"53100", "53200"}
ATTEMPTS = 8
POOL = 10


class PostgresqlDatabase:
    """A library in a PostgreSQL database, which any number of servers may share."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+asyncpg")

    async def start(self) -> None:
        self._engine: AsyncEngine = create_async_engine(self._url, pool_size=POOL, max_overflow=POOL)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def read(self, work: Work[T]) -> T:
        async with self._reading.begin() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        for attempt in range(ATTEMPTS):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state in NO_ROOM:
                    raise Unavailable(
                        "there is no room left for the library's database; nothing was changed",
                        code="storage_full",
                        hint="Free some space for PostgreSQL, then try again.",
                    ) from error
                if state not in RUN_AGAIN or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - spreads retries out
        raise AssertionError("unreachable")  # pragma: no cover

    async def close(self) -> None:
        await self._engine.dispose()
