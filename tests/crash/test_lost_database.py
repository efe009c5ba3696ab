"""A PostgreSQL server that ends every connection, and one that lets nobody in for a while."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, text

from stackroom.database.connect import database_for
from stackroom.errors import Unavailable
from stackroom.testing.nursery import Nursery
from stackroom.testing.pictures import picture
from stackroom.testing.postgres import RunningPostgres

from .lives import Client, Lives, answered, never


class Closing:
    """A database from which everybody can be thrown out."""

    def __init__(self, server: RunningPostgres, url: str) -> None:
        self.url = url
        self._server = server
        self._name = url.partition("@/")[2].partition("?")[0]

    def end_connections(self) -> None:
        self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'"
        )

    def close(self) -> None:
        self._execute(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS false')
        self.end_connections()

    def open(self) -> None:
        self._execute(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS true')

    def _execute(self, statement: str) -> None:
        async def once() -> None:
            connection = await asyncpg.connect(self._server.url)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(once())


@pytest.fixture
def closing(postgres: RunningPostgres, postgres_url: str) -> Closing:
    return Closing(postgres, postgres_url)


@pytest.fixture
def lives(tmp_path: Path, closing: Closing, nursery: Nursery) -> Iterator[Lives]:
    found = Lives(tmp_path / "data", nursery, database_url=closing.url)
    yield found
    if found.server.running:
        found.server.kill()


@pytest.fixture
def client(lives: Lives) -> Iterator[Client]:
    with lives.start().client(never) as client:
        yield client


def test_a_database_server_that_was_started_anew_is_not_noticed(
    closing: Closing, lives: Lives, client: Client
) -> None:
    dataset = client.make_dataset("kept")
    for n in range(3):
        closing.end_connections()
        answered(client.upload(dataset, "/", f"{n}.jpg", picture(seed=n), once=f"upload {n}"), 201)
    closing.end_connections()
    assert client.places(dataset) == ["/0.jpg", "/1.jpg", "/2.jpg"]
    lives.check()


def test_without_a_database_the_answer_says_so_and_the_work_goes_on_later(
    closing: Closing, lives: Lives, client: Client
) -> None:
    """Large operations as well, which nobody asks for again."""
    dataset = client.make_dataset("large")
    client.upload_three(dataset, seed=500)
    count = client.multiply(dataset, 12_000)
    everything = {"filter": {"dataset": dataset}}
    moving = answered(client.run("move", everything, to={"folder": "/all"}, once="move"), 202)
    closing.close()
    refused = client.run("archive", everything, once="archive")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_unavailable")
    closing.open()
    moved = client.finished(moving["id"])
    assert (moved["state"], moved["outcomes"]) == ("finished", {"done": count})
    answered(client.run("archive", everything, once="archive"), 202)
    lives.check()


def test_a_lost_commit_is_not_run_again(closing: Closing) -> None:
    """Nobody knows whether it came to be; a second one could be one too many."""
    runs = []

    def work(conn: Connection) -> None:
        runs.append(1)
        conn.execute(text("INSERT INTO secret (name, value) VALUES ('a', 'b')"))
        # The commit finds no connection any more.
        conn.connection.driver_connection.terminate()

    async def run() -> None:
        database = database_for(closing.url)
        await database.start()
        try:
            with pytest.raises(Unavailable) as lost:
                await database.write(work)
            assert lost.value.code == "database_unavailable"
        finally:
            await database.close()

    with suppress(asyncio.CancelledError):
        asyncio.run(run())
    assert len(runs) == 1
