# Made from ../_async/following.py by tools/generate_sync_client.py: change it there.

"""Following what the server does in the background, until it is over."""

import math
from collections.abc import Callable
from typing import TypeVar

from stackroom.client.errors import PollTimeoutError
from stackroom.client.retry import polling_pauses

from .seam import Clock

T = TypeVar("T")


def follow(
    current: T,
    look: Callable[[T], T],
    is_over: Callable[[T], bool],
    *,
    progress: Callable[[T], None] | None,
    timeout: float | None,
    late: Callable[[T], str],
    clock: Clock,
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
        clock.sleep(min(pause, left))
        current = look(current)
    raise AssertionError("the pauses never end")
