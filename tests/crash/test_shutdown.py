"""SIGTERM: what is under way is finished or left for the next start, and the server ends in seconds."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar

import httpx
import pytest

from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

from .lives import Client, Lives, answered, each_has_one_outcome

A_FEW_SECONDS = 10.0  # a second or two, where nobody else needs the machine


class Stopping:
    DATABASE: ClassVar[str]

    @pytest.fixture
    def client(self, lives: Lives) -> Iterator[Client]:
        with lives.start().client() as client:
            yield client

    def test_an_upload_is_taken_to_its_end_and_an_operation_goes_on_after_the_next_start(
        self, lives: Lives, client: Client
    ) -> None:
        dataset, content = client.make_dataset("stopping"), picture(seed=600, width=800, height=600)
        client.upload_three(dataset, seed=601)
        count = client.multiply(dataset, 20_000)
        given = client.ticket(dataset, "/", "slow.jpg")
        slow = SlowUpload(given["upload_url"], content)
        slow.start()
        assert wait_until(lambda: lives.staged() != [], seconds=10)
        begun = answered(
            client.run("move", {"filter": {"dataset": dataset}}, to={"folder": "/all"}, once="move"), 202
        )
        threading.Timer(0.5, slow.finish).start()
        asked = time.monotonic()
        assert lives.server.stop() == 0
        assert time.monotonic() - asked < A_FEW_SECONDS
        slow.join()
        assert slow.status == 200
        assert lives.staged() == []
        lives.check()

        lives.start()
        moved = client.finished(begun["id"])
        assert moved["outcomes"] == {"done": count}
        each_has_one_outcome(list(client.items(begun["id"])), moved)
        registered = client.register(dataset, "/", "slow.jpg", content, given["gcs_path"], once="slow")
        assert client.get(answered(registered, 201)["image"]["image_url"]).content == content
        lives.check_to_the_last_byte()


class TestOnSqlite(Stopping):
    DATABASE = "sqlite"

    def test_a_second_signal_does_not_wait_for_an_upload_that_has_stalled(
        self, lives: Lives, client: Client
    ) -> None:
        dataset, content = client.make_dataset("stalled"), picture(seed=610, width=800, height=600)
        stalled = SlowUpload(client.ticket(dataset, "/", "slow.jpg")["upload_url"], content)
        stalled.start()
        assert wait_until(lambda: lives.staged() != [], seconds=10)
        os.kill(lives.server.pid, signal.SIGTERM)
        asked = time.monotonic()
        assert not wait_until(lambda: not lives.server.running, seconds=1.5)
        assert lives.server.stop() == 0
        assert time.monotonic() - asked < A_FEW_SECONDS
        stalled.finish()
        stalled.join()
        assert stalled.status in {0, 500}  # no answer, or that it was broken off
        lives.check_to_the_last_byte()


class TestOnPostgresql(Stopping):
    DATABASE = "postgresql"


class SlowUpload(threading.Thread):
    """Sends all but the end of a file, and the end when told to."""

    def __init__(self, url: str, content: bytes) -> None:
        super().__init__()
        self.status = 0
        self._url = url
        self._content = content
        self._go_on = threading.Event()

    def run(self) -> None:
        headers = {"Content-Type": "image/jpeg", "Content-Length": str(len(self._content))}
        with suppress(httpx.TransportError):
            sent = httpx.put(self._url, content=self._slowly(), headers=headers, timeout=60, trust_env=False)
            self.status = sent.status_code

    def finish(self) -> None:
        self._go_on.set()

    def _slowly(self) -> Iterator[bytes]:
        yield self._content[:-100]
        self._go_on.wait(30)
        yield self._content[-100:]
