"""Following what the server does in the background, until it is over."""

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stackroom.client.errors import PollTimeoutError
from stackroom.client.retry import polling_pauses

from .seam import AsyncClock

T = TypeVar("T")


async def follow(
    current: T,
    look: Callable[[T], Awaitable[T]],
    is_over: Callable[[T], bool],
    *,
    progress: Callable[[T], None] | None,
    timeout: float | None,  # noqa: ASYNC109 - the same signature without async
    late: Callable[[T], str],
    clock: AsyncClock,
) -> T:
    """The state in which `is_over` holds, or what that raises. `progress` is called with each state seen.

    Raises PollTimeoutError, saying what `late` does of the last state, after `timeout` seconds; None waits for ever.
    """
    deadline = math.inf if timeout is None else clock.now() + timeout
    for pause in polling_pauses():
        if progress is not None:
            progress(current)
        if is_over(current):
            return current
        left = deadline - clock.now()
        if left <= 0:
            raise PollTimeoutError(late(current))
        await clock.sleep(min(pause, left))
        current = await look(current)
    raise AssertionError("the pauses never end")
