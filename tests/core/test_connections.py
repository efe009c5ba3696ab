"""Connections to PostgreSQL: a library that is closed leaves none behind, whatever is under way; and what is said of
those that break."""

import asyncio
from typing import cast

import pytest
from sqlalchemy import text

from stackroom.database.connect import database_for
from stackroom.database.postgresql import ATTEMPTS, PostgresqlDatabase
from stackroom.database.transaction import Connection, Database, Work
from stackroom.errors import Invalid, Unavailable


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


def test_a_connection_that_is_lost_each_time_is_a_database_that_cannot_be_reached(postgres_url: str) -> None:
    """An operator who ends whatever runs for long has made no mistake of ours of it."""
    runs = []

    def work(conn: Connection) -> None:
        runs.append(1)
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert asyncio.run(_refused(postgres_url, work)) == "database_unavailable"
    assert len(runs) == ATTEMPTS


def test_a_lock_that_is_never_to_be_had_is_no_mistake_of_ours(postgres_url: str) -> None:
    def work(conn: Connection) -> None:
        conn.execute(text("SET LOCAL lock_timeout = '1ms'"))
        conn.execute(text("LOCK TABLE secret"))

    async def scenario() -> str:
        holding = cast("PostgresqlDatabase", await _opened(postgres_url))
        async with holding._engine.begin() as connection:
            await connection.execute(text("LOCK TABLE secret"))
            code = await _refused(postgres_url, work)
        await holding.close()
        return code

    assert asyncio.run(scenario()) == "database_busy"


@pytest.mark.parametrize(
    "limit", ["SET LOCAL transaction_read_only = on", "SET LOCAL statement_timeout = '1ms'"]
)
def test_a_database_that_takes_no_writes_is_no_mistake_of_ours(postgres_url: str, limit: str) -> None:
    """It has become a standby, or its operator lets no statement take so long."""

    def work(conn: Connection) -> None:
        conn.execute(text(limit))
        conn.execute(text("INSERT INTO secret (name, value) SELECT 'a', 'b' FROM pg_sleep(0.01)"))

    assert asyncio.run(_refused(postgres_url, work)) == "database_unavailable"


def test_a_pooler_that_lends_connections_out_for_a_transaction_is_named(postgres_url: str) -> None:
    """Behind one, what was prepared before is not there: another connection has it."""

    async def scenario() -> None:
        database = cast("PostgresqlDatabase", await _opened(postgres_url))
        async with database._engine.begin() as connection:
            await connection.run_sync(_ask)
            await connection.execute(text("DEALLOCATE ALL"))
        with pytest.raises(Unavailable) as refusal:
            await database.write(_ask)
        assert "statement_cache_size=0" in str(refusal.value.hint)
        await database.close()

    asyncio.run(scenario())


def test_a_read_whose_end_is_lost_is_done_again(postgres_url: str) -> None:
    """It has changed nothing, so it may be done twice; a write may not."""
    runs = []

    def work(conn: Connection) -> int:
        runs.append(_ask(conn))
        if len(runs) == 1:
            conn.connection.driver_connection.terminate()  # type: ignore[union-attr]
        return len(runs)

    async def scenario() -> None:
        database = await _opened(postgres_url)
        assert await database.read(work) == 2
        await database.close()

    asyncio.run(scenario())


def test_a_url_may_say_what_postgresqls_own_clients_take(postgres_url: str) -> None:
    """Hosted databases are handed out with such URLs."""
    said = "&sslmode=prefer&connect_timeout=20&application_name=the%20library&options=-cwork_mem%3D5MB"

    def settings(conn: Connection) -> list[str]:
        return [conn.execute(text(f"SHOW {name}")).scalar_one() for name in ("application_name", "work_mem")]

    async def scenario() -> None:
        database = await _opened(postgres_url + said)
        assert await database.read(settings) == ["the library", "5MB"]
        await database.close()

    asyncio.run(scenario())


def test_a_url_that_says_a_word_where_a_number_belongs_is_refused(postgres_url: str) -> None:
    with pytest.raises(Invalid, match="connect_timeout") as refusal:
        asyncio.run(_opened(postgres_url + "&connect_timeout=soon"))
    assert refusal.value.code == "bad_database_url"


async def _refused(url: str, work: Work[None]) -> str:
    database = await _opened(url)
    try:
        with pytest.raises(Unavailable) as refusal:
            await database.write(work)
        return refusal.value.code
    finally:
        await database.close()


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
