"""Where waiting together differs from waiting in threads; `_sync/seam.py` is the other side, by hand."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import ParamSpec, TypeVar

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

USER_AGENT = "stackroom-python-async"


class AsyncClock:
    """Time and chance; pass another as `clock=` to hold them still in tests."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def chance(self) -> float:
        """A number from [0, 1), to spread retries."""
        return random.random()  # noqa: S311 - spreads load, keeps no secret

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of work that blocks."""
    return await asyncio.to_thread(work, *args, **kwargs)


async def each(
    items: Iterable[T],
    act: Callable[[T], Awaitable[R]],
    *,
    workers: int,
    after: Callable[[T], None] | None = None,
) -> list[R]:
    """The results for all items, in their order, at most `workers` at a time.

    `after` is called for each finished item. The first error cancels what has not finished and is raised.
    """
    waiting = enumerate(items)
    results: dict[int, R] = {}

    async def work() -> None:
        for index, item in waiting:
            results[index] = await act(item)
            if after is not None:
                after(item)

    tasks = [asyncio.create_task(work()) for _ in range(max(1, workers))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            # Once: who is cancelled is giving its connection back, and a second time would keep it from that.
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [results[index] for index in range(len(results))]
