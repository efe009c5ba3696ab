"""The database server of the tests comes up anywhere, and never outlives them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from stackroom.testing import postgres
from stackroom.testing.postgres import PostgresUnavailable, RunningPostgres, shared_postgres, start_postgres
from stackroom.testing.processes import started_at, wait_until

STARTER = """
import os, sys
from pathlib import Path
from stackroom.testing.postgres import start_postgres
print(start_postgres(Path(sys.argv[1]), durable=False).keeper, flush=True)
sys.stdin.read()
"""


def value(url: str, query: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture
def server() -> Iterator[RunningPostgres]:
    try:
        running = start_postgres(durable=False)
    except PostgresUnavailable as unavailable:
        pytest.skip(f"no PostgreSQL here: {unavailable}")
    yield running
    running.stop()


def test_a_copy_of_a_database_is_independent_of_it(server: RunningPostgres) -> None:
    value(server.create("original"), "CREATE TABLE note AS SELECT 1 AS number")
    server.freeze("original")
    first, second = server.create("first", template="original"), server.create("second", template="original")
    value(first, "UPDATE note SET number = 2")
    assert (value(first, "SELECT number FROM note"), value(second, "SELECT number FROM note")) == (2, 1)


def test_stopping_removes_everything_and_may_be_repeated(server: RunningPostgres) -> None:
    files = (server.directory / "server").resolve()  # in memory, where there is room
    assert (files / "data" / "PG_VERSION").exists()
    server.stop()
    assert not server.directory.exists()
    assert not files.exists()
    server.stop()


def test_it_ends_when_its_owner_is_killed(server: RunningPostgres) -> None:
    """`server` only proves that a server can be had here."""
    place = server.directory.with_name(f"{server.directory.name}-killed")
    program = [sys.executable, "-c", STARTER, place]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        keeper = int(owner.stdout.readline())
        assert started_at(keeper) is not None
        files = (place / "server").resolve()
        assert files.exists()
        owner.kill()
    assert wait_until(lambda: started_at(keeper) is None, seconds=20)
    assert not place.exists()
    assert not files.exists()


def test_all_who_name_a_directory_share_its_server(server: RunningPostgres) -> None:
    place = server.directory.with_name(f"{server.directory.name}-shared")
    prepared: list[RunningPostgres] = []
    first, second = (shared_postgres(place, owner=os.getpid(), prepare=prepared.append) for _ in range(2))
    try:
        assert first == second == postgres.running_postgres(place)
        assert prepared == [first]
    finally:
        first.stop()


def test_a_machine_without_one_is_told_so_in_one_line(tmp_path: Path) -> None:
    """Programs that do not run stand for those that cannot run here."""
    keeper = [sys.executable, "-m", "stackroom.testing.postgres_keeper"]
    place = tmp_path / "server"
    place.mkdir()
    arguments = [place, tmp_path / "missing", str(os.getpid()), "careless", "stackroom"]
    done = subprocess.run([*keeper, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "missing") in done.stderr
