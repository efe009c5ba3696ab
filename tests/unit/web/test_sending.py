"""Sending in pieces: to whom, and until when."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from stackroom.web.shared.sending import send_pieces


class Client:
    """Takes what is sent without a word, and leaves after so many pieces."""

    def __init__(self, *, leaves_after: int) -> None:
        self.taken = 0
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def send(self, _message: Any) -> None:
        self.taken += 1
        if self.taken == self._leaves_after:
            self._left.set()

    async def receive(self) -> Any:
        await self._left.wait()
        return {"type": "http.disconnect"}


def test_nothing_more_is_read_for_a_client_that_has_gone() -> None:
    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(1_000):
            read.append(number)
            yield b"piece"

    async def run() -> None:
        client = Client(leaves_after=3)
        await send_pieces(pieces(), client.receive, client.send)

    asyncio.run(run())
    assert 3 <= len(read) < 10


def test_who_stays_gets_all_of_it() -> None:
    async def run() -> int:
        client = Client(leaves_after=10**6)
        await send_pieces(iter([b"piece"] * 50), client.receive, client.send)
        return client.taken

    assert asyncio.run(run()) == 50


def test_what_is_called_off_can_be_closed_at_once() -> None:
    """A generator that a thread is still in could not be."""
    begun, go_on = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        begun.set()
        go_on.wait(30)
        yield b"piece"

    async def run() -> None:
        client, made = Client(leaves_after=10**6), pieces()
        sending = asyncio.create_task(send_pieces(made, client.receive, client.send))
        await asyncio.to_thread(begun.wait, 30)
        sending.cancel()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await sending
        made.close()  # type: ignore[attr-defined]  # a generator has it

    asyncio.run(run())
