"""Connections to PostgreSQL: a library that is closed leaves none behind, whatever is under way."""

import asyncio

import pytest
from sqlalchemy import text

from stackroom.database.connect import database_for
from stackroom.database.transaction import Connection, Database
from stackroom.errors import Unavailable


def test_closing_waits_for_what_is_under_way_and_begins_nothing_more(postgres_url: str) -> None:
    async def scenario() -> None:
        for moment in range(10):
            database = await _opened(postgres_url)
            reading = asyncio.create_task(database.read(_ask))
            await asyncio.sleep(0.002 * moment)
            await database.close()
            assert await asyncio.gather(reading, return_exceptions=True) == [1]
            with pytest.raises(Unavailable):
                await database.read(_ask)
            assert await _open_sockets() == 0

    asyncio.run(scenario())


def test_a_read_that_is_cancelled_at_any_moment_leaves_no_connection_open(postgres_url: str) -> None:
    async def scenario() -> None:
        for moment in range(10):
            database = await _opened(postgres_url)
            reading = asyncio.create_task(database.read(_ask))
            await asyncio.sleep(0.002 * moment)
            reading.cancel()
            await database.close()
            assert reading.done()
            assert await _open_sockets() == 0

    asyncio.run(scenario())


async def _opened(url: str) -> Database:
    database = database_for(url)
    await database.start()
    await database.read(_ask)
    return database


def _ask(conn: Connection) -> int:
    return int(conn.execute(text("SELECT 1 FROM pg_sleep(0.01)")).scalar_one())


async def _open_sockets() -> int:
    """How many connections this loop holds: a transport leaves its selector when it is closed."""
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    return len(loop._selector.get_map()) - 1  # type: ignore[attr-defined]
