"""Arrivals while whoever takes them in dies: every item is settled once, every batch finishes once, no byte is left.

The server takes them in itself; on PostgreSQL a `stackroom worker` helps it, and is killed as well.
"""

import asyncio
import os
import random
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from sqlalchemy import Connection, text

from stackroom.database.connect import database_for
from stackroom.faults import EXIT_CODE
from stackroom.testing.nursery import Child, Nursery
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

from .lives import Lives, answered, same_again

# What happens to the queue's own statements is in `test_queue_points`.
ACCEPTED = ("accept:before-commit", "answer:after-commit")
TAKEN_IN = ("ingest:after-fetch", "ingest:after-store", "ingest:after-render", "ingest:before-register")
OPTIONS = ("--workers", "2")
KILLS = int(os.environ.get("STACKROOM_SOAK", "4"))


@pytest.fixture(scope="class")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folders of the same names, with pictures of their own: two that are the same, one that is damaged, and a
    page that is none."""
    root = tmp_path_factory.mktemp("originals")
    for number in range(3):
        folder = root / str(number)
        folder.mkdir()
        for n in range(8):
            (folder / f"{n}.jpg").write_bytes(picture(seed=10 * number + max(n, 1), width=160))
        (folder / "damaged.jpg").write_bytes(picture(seed=9, width=160)[:400])
        (folder / "page.jpg").write_bytes(b"<!doctype html><title>Sign in</title>")
    return root


def origins_in(folder: Path) -> list[str]:
    return [f"file://{each}" for each in sorted(folder.iterdir())]


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, database: str | None, originals: Path
) -> Iterator[Lives]:
    options = [*OPTIONS, "--origin-roots", str(originals)]
    data_dir = tmp_path_factory.mktemp("library") / "data"
    found = Lives(data_dir, nursery, database_url=database, arguments=options)
    yield found
    if found.server.running:
        found.server.kill()


class Arrivals:
    DATABASE: ClassVar[str]

    def test_a_batch_that_dies_at_every_step_comes_in_once(self, lives: Lives, originals: Path) -> None:
        origins = origins_in(originals / "0")
        lives.start()
        with lives.client() as client:
            dataset = client.make_dataset("steps", once="steps")
            lives.start(*ACCEPTED)
            first = client.submit(dataset, origins, once="first")
            assert lives.deaths == [EXIT_CODE] * len(ACCEPTED)
            same_again(first, client.submit(dataset, origins, once="first"))
            client.finished_batch(answered(first, 201)["id"])
            lives.start(*TAKEN_IN)
            # The same images with other bytes: what they had is given up when these are theirs.
            made = answered(client.submit(dataset, origins_in(originals / "1"), once="again"), 201)
            ended = client.finished_batch(made["id"])
            assert lives.deaths == [EXIT_CODE] * len(TAKEN_IN)
            assert (ended["completed"], ended["errors"], ended["cancelled"]) == (8, 2, 0)
            states = [it["state"] for it in client.arrivals(made["id"])]
            assert states == ["completed"] * 8 + ["failed"] * 2
            assert len(client.assets(dataset)) == 10
        lives.check()
        each_batch_has_one_end(lives)

    @pytest.mark.timeout(180 + 20 * KILLS)
    def test_whoever_is_killed_at_random_nothing_is_lost_or_counted_twice(
        self, lives: Lives, originals: Path, nursery: Nursery
    ) -> None:
        seed = secrets.randbelow(2**32)
        print(f"seed {seed}")  # noqa: T201 - shown when it fails
        chance = random.Random(seed)
        if not lives.server.running:
            lives.start()
        with lives.client(lambda: time.sleep(0.02)) as client, Helpers(lives, originals, nursery) as helpers:
            made = []
            for n in range(KILLS):
                name = f"soak {n % 7}"
                client.make_dataset(name, once=name)
                # Several are open at a time, and the same images are in more than one of them.
                for k in range(2):
                    origins = origins_in(originals / str(chance.randrange(3)))
                    made.append(answered(client.submit(name, origins, once=f"{n} {k}"), 201)["id"])
                time.sleep(chance.uniform(0.0, 0.6))
                helpers.one_dies(chance)
            for each in made:
                ended = client.finished_batch(each, seconds=120)
                assert ended["completed"] + ended["errors"] == ended["count"] == 10, ended
                # What dies again and again with those who do it is given up, and says so.
                given_up = [it for it in client.arrivals(each) if it["code"] == "crashed"]
                assert ended["errors"] <= 2 + len(given_up), ended
        lives.check()
        each_batch_has_one_end(lives)
        lives.check_to_the_last_byte()


class Helpers:
    """What a library is killed with: its server, and where it may have one, a worker beside it."""

    def __init__(self, lives: Lives, originals: Path, nursery: Nursery) -> None:
        self._lives = lives
        self._originals = originals
        self._nursery = nursery
        self._worker: Child | None = None

    def __enter__(self) -> Self:
        if self._lives.settings.database_url:
            self._help()
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker is not None:
            self._worker.send_signal(signal.SIGTERM)
            assert self._worker.wait(30) == 0

    def one_dies(self, chance: random.Random) -> None:
        if self._worker is not None and chance.random() < 0.5:
            self._worker.kill()
            self._worker.wait()
            self._help()
        else:
            self._lives.server.kill()
            self._lives.server.start()

    def _help(self) -> None:
        settings = self._lives.settings
        out = settings.data_dir.with_name("worker.log")
        out.write_bytes(b"")
        self._worker = self._nursery.start(
            ["worker", "--data-dir", str(settings.data_dir), *OPTIONS,
             "--pixel-processes", "1", "--origin-roots", str(self._originals)],
            {**os.environ, "STACKROOM_DATABASE_URL": settings.database_url},
            out=out,
            err=Path(os.devnull),
        )  # fmt: skip
        assert wait_until(lambda: b"\n" in out.read_bytes(), seconds=30)  # it has begun


def each_batch_has_one_end(lives: Lives) -> None:
    """Assert that the end of every batch was recorded once, and that nothing is on its way in for ever."""

    async def look() -> tuple[list[Any], list[Any]]:
        database = database_for(lives.settings.database, read_only=True)
        await database.start()
        try:
            return await database.read(read)
        finally:
            await database.close()

    def read(conn: Connection) -> tuple[list[Any], list[Any]]:
        ends = """SELECT b.id, (SELECT count(*) FROM event e WHERE e.batch_id = b.id AND e.type = 'batch.finished')
            FROM batch b WHERE b.finished_at IS NOT NULL"""
        waiting = "SELECT id, name FROM asset WHERE state = 'ingesting'"
        return list(conn.execute(text(ends))), list(conn.execute(text(waiting)))

    ended, waiting = asyncio.run(look())
    assert [batch for batch, ends in ended if ends != 1] == []
    assert waiting == []


class TestOnSqlite(Arrivals):
    DATABASE = "sqlite"


class TestOnPostgresql(Arrivals):
    DATABASE = "postgresql"
