"""Bytes on their way from an origin into an arrival: counted, limited, and never in two threads at once."""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from stackroom.errors import TooLarge
from stackroom.ingest.gathering import PIECE
from stackroom.ingest.origins.outcomes import Fail
from stackroom.storage.staging import Arrival
from stackroom.threads import to_its_end

T = TypeVar("T")
_PORTION = 2**18  # still near the processor when it is hashed and written: a fifth less work than with PIECE


class Sink:
    """Takes what one origin gives. Raises `Fail` past the limit, and `Unavailable` if we have no room for it."""

    def __init__(self, arrival: Arrival, limit: int, named: str) -> None:
        self.size = 0
        self._arrival = arrival
        self._limit = limit
        self._named = named
        self._waiting = bytearray()

    def refuse_if_larger(self, announced: int) -> None:
        """Before the first byte, so that none is sent in vain."""
        if announced > self._limit:
            raise self._too_large()

    async def take(self, piece: bytes) -> None:
        """The next bytes. Small pieces are gathered to larger ones."""
        self.size += len(piece)
        self.refuse_if_larger(self.size)
        self._waiting += piece
        if len(self._waiting) >= PIECE:
            await self.end()

    async def end(self) -> None:
        """Write what is still waiting."""
        if self._waiting:
            gathered, self._waiting = self._waiting, bytearray()
            await in_thread(lambda _: self._write(gathered))

    def copy(self, descriptor: int, stopped: threading.Event) -> None:
        """All of an open file, in the thread of the caller, until it is told to stop."""
        while not stopped.is_set() and (piece := os.read(descriptor, _PORTION)):
            self.size += len(piece)
            self.refuse_if_larger(self.size)
            self._write(piece)

    def _write(self, piece: bytes | bytearray) -> None:
        try:
            self._arrival.write(piece)
        except TooLarge as error:
            raise self._too_large() from error

    def _too_large(self) -> Fail:
        return Fail(
            f"{self._named} is larger than {self._limit:,} bytes. Offer a smaller file, or ask the operator to raise "
            "STACKROOM_MAX_ORIGIN_MB.",
            code="origin_too_large",
        )


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Run `work` in a thread, to its end; it is told by the event when whoever asked for it is cancelled."""
    stopped = threading.Event()
    return await to_its_end(partial(work, stopped), stop=stopped.set)
