"""Connections to PostgreSQL: whoever is cancelled while taking one, or giving it back, leaves none behind."""

import asyncio

from sqlalchemy import text

from stackroom.database.connect import database_for
from stackroom.database.transaction import Connection

STEPS = 60


def test_a_read_that_is_cancelled_at_any_moment_leaves_no_connection_open(postgres_url: str) -> None:
    async def left_open_after(steps: int) -> tuple[bool, int]:
        database = database_for(postgres_url)
        await database.start()
        reading = asyncio.create_task(database.read(_ask))
        for _ in range(steps):
            await asyncio.sleep(0.0003)
        reading.cancel()
        ended = await asyncio.gather(reading, return_exceptions=True)
        await database.close()
        return ended == [1], await _open_sockets()

    async def every_moment() -> list[tuple[bool, int]]:
        return [await left_open_after(steps) for steps in range(STEPS)]

    seen = asyncio.run(every_moment())
    assert [left for _, left in seen] == [0] * STEPS
    assert {finished for finished, _ in seen} >= {False}


def _ask(conn: Connection) -> int:
    return int(conn.execute(text("SELECT 1")).scalar_one())


async def _open_sockets() -> int:
    """How many connections this loop holds: a transport leaves its selector when it is closed."""
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    return len(loop._selector.get_map()) - 1  # type: ignore[attr-defined]
