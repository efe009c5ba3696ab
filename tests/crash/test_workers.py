"""Workers beside a server, and what becomes of arrivals when a server or a worker is told to stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import ClassVar

import pytest

from stackroom.testing.nursery import Nursery
from stackroom.testing.origins import OriginServer
from stackroom.testing.pictures import picture
from stackroom.testing.processes import mortal, wait_until

from .lives import Client, Lives, answered


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    folder = tmp_path_factory.mktemp("originals")
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(picture(seed=n))
    with OriginServer(folder) as server:
        yield server


@pytest.fixture(scope="class")
def lives(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    database: str | None,
    origin: OriginServer,
    nursery: Nursery,
) -> Iterator[Lives]:
    options = ["--origin-allow", origin.host, *request.cls.OPTIONS]
    data_dir = tmp_path_factory.mktemp("library") / "data"
    found = Lives(data_dir, nursery, database_url=database, arguments=options)
    yield found.start()
    if found.server.running:
        found.server.kill()


class Workers:
    DATABASE: ClassVar[str]
    OPTIONS: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def client(self, lives: Lives) -> Iterator[Client]:
        if not lives.server.running:
            lives.start()
        with lives.client() as client:
            yield client


class TestOnSqlite(Workers):
    DATABASE = "sqlite"
    OPTIONS = ("--workers", "1")

    @pytest.mark.parametrize("signals", [1, 2])
    def test_what_hangs_is_left_for_the_next_start(
        self, lives: Lives, client: Client, origin: OriginServer, signals: int
    ) -> None:
        dataset = client.make_dataset(f"hanging {signals}")
        made = answered(client.submit(dataset, [origin.url("hang"), origin.url("0.jpg")], once=None), 201)
        states = lambda: [it["state"] for it in client.arrivals(made["id"])]  # noqa: E731 - said once, asked twice
        assert wait_until(lambda: states() == ["running", "completed"], seconds=30)
        os.kill(lives.server.pid, signal.SIGTERM)
        assert (lives.server.stop() if signals == 2 else lives.server.wait()) == 0
        lives.start()
        assert wait_until(lambda: states() == ["running", "completed"], seconds=30)  # it is tried again
        answered(client.ask("POST", f"/library/v1/batches/{made['id']}/cancel", {}))
        ended = client.finished_batch(made["id"])  # what is running is stopped as well
        assert (ended["completed"], ended["cancelled"], ended["state"]) == (1, 1, "cancelled")
        lives.check()

    def test_a_worker_is_told_that_there_can_be_none(self, lives: Lives) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "stackroom", "worker", "--data-dir", lives.settings.data_dir],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 5
        assert "one writing process" in done.stderr
        assert "--workers N" in done.stderr


class TestOnPostgresql(Workers):
    DATABASE = "postgresql"
    OPTIONS = ("--workers", "0")

    def test_a_worker_does_what_a_server_leaves_to_it_and_gives_back_what_it_cannot_end(
        self, lives: Lives, client: Client, origin: OriginServer
    ) -> None:
        dataset = client.make_dataset("workers")
        urls = [origin.url(each) for each in ("0.jpg", "1.jpg", "hang")]
        made = answered(client.submit(dataset, urls, once=None), 201)
        with self.worker(lives, origin) as process:
            assert wait_until(lambda: client.the_batch(made["id"])["completed"] == 2, seconds=60)
            process.terminate()
            assert process.wait(30) == 0
        assert [it["state"] for it in client.arrivals(made["id"])] == ["completed", "completed", "waiting"]
        assert [it["attempts"] for it in client.arrivals(made["id"])] == [1, 1, 0]
        lives.check()

    def worker(self, lives: Lives, origin: OriginServer) -> "subprocess.Popen[bytes]":
        options = ["--origin-allow", origin.host, "--workers", "1", "--pixel-processes", "1"]
        command = [sys.executable, "-m", "stackroom", "worker", "--data-dir", lives.settings.data_dir]
        return subprocess.Popen(
            mortal([*command, *options], parent=os.getpid()),
            env={**os.environ, "STACKROOM_DATABASE_URL": lives.settings.database_url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
