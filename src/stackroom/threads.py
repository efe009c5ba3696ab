"""Work in threads, for which whoever asked for it always waits."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Callable[[], T], *, stop: Callable[[], object] | None = None) -> T:
    """What `work` comes to, which runs in a thread. Whoever is cancelled meanwhile has it told to `stop`, if it can be,
    and waits until it has ended: it would go on to write into what is closed by then, or swept."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # looked at, so that nobody complains
        raise
