"""Where waiting in threads differs from waiting together; `_async/seam.py` is the other side, by hand."""

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import ParamSpec, TypeVar

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

USER_AGENT = "stackroom-python"


class Clock:
    """Time and chance; pass another as `clock=` to hold them still in tests."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def chance(self) -> float:
        """A number from [0, 1), to spread retries."""
        return random.random()  # noqa: S311 - spreads load, keeps no secret

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of work that blocks; here everything may."""
    return work(*args, **kwargs)


def each(
    items: Iterable[T],
    act: Callable[[T], R],
    *,
    workers: int,
    after: Callable[[T], None] | None = None,
) -> list[R]:
    """The results for all items, in their order, at most `workers` at a time.

    `after` is called for each finished item, in the calling thread. The first error drops what has not begun
    and is raised.
    """
    listed = list(items)
    results: dict[int, R] = {}
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(listed)))) as pool:
        numbers = {pool.submit(act, item): index for index, item in enumerate(listed)}
        try:
            for future in as_completed(numbers):
                results[numbers[future]] = future.result()
                if after is not None:
                    after(listed[numbers[future]])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[index] for index in range(len(listed))]
