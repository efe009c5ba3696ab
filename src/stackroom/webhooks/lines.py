"""Whose turn it is at a receiver: first attempts in order, one at a time, and none of them at the others' cost.

Whoever waits for a receiver holds a slot that deliveries to others could use. So a line that does not move is left at
once, and the longer it gets, the later those who left it come back: what is behind them in the queue has its turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

PATIENCE: Final = 5.0
"""Seconds that a delivery waits for those before it to the same endpoint; an attempt that takes longer is slow."""
AGAIN_AT_ONCE: Final = 16
"""How many attempts that are not the first are under way at once to one endpoint."""
TOGETHER: Final = 64
"""How many of those who leave a line come back at the same time."""
LATEST: Final = 300.0
"""Seconds after which they are back at the latest."""


class BusyError(Exception):
    """The receiver is still at other deliveries: come back in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Lines:
    """One for each endpoint that is being told something, or that was slow when it was told something last."""

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}

    @asynccontextmanager
    async def turn(self, endpoint_id: int, *, first: bool) -> AsyncIterator[None]:
        """Whoever is in here may send. Raises `BusyError`."""
        line = self._lines.setdefault(endpoint_id, _Line())
        line.here += 1
        try:
            async with line.first_turn() if first else line.turn_again():
                yield
        finally:
            line.here -= 1
            if not line.here and not line.slow:
                del self._lines[endpoint_id]


class _Line:
    def __init__(self) -> None:
        self.here = 0
        self.slow = False
        self._again = 0
        self._left = 0
        self._began = 0.0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def first_turn(self) -> AsyncIterator[None]:
        if self._lock.locked() and (self.slow or self._elapsed() > PATIENCE):
            raise self._busy()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._lock.acquire()
        except TimeoutError as error:
            raise self._busy() from error
        self._began = time.monotonic()
        try:
            yield
        finally:
            self.slow = self._elapsed() > PATIENCE
            if not self.slow:
                self._left = 0
            self._lock.release()

    @asynccontextmanager
    async def turn_again(self) -> AsyncIterator[None]:
        if self._again >= AGAIN_AT_ONCE:
            raise self._busy()
        self._again += 1
        try:
            yield
        finally:
            self._again -= 1

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _busy(self) -> BusyError:
        seconds = min(PATIENCE * (1 + self._left // TOGETHER), LATEST)
        self._left += 1
        return BusyError(seconds)
