"""Waiting for a database that is away: a server that is started anew, a disk that is full."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from stackroom.database.transaction import T
from stackroom.errors import Unavailable

log = structlog.get_logger(__name__)

PAUSES: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
"""How long to wait before asking again; at last always as long as the last."""
AWAY: Final = ("08", "40", "53", "55P03", "57")
"""What PostgreSQL says when it ends, is overrun or has no room: the beginnings of its codes."""


def is_away(error: BaseException | None) -> bool:
    """Whether the database cannot be reached, has no room or was asked too much of, which passes."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, Unavailable)
    state: str = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(AWAY)


async def patiently(
    doing: str, work: Callable[[], Awaitable[T]], *, unless: Callable[[], bool] = lambda: False
) -> T | None:
    """What `work` answers, however long the database is away; None if that is not wanted any more. Raises what is not
    the database's absence."""
    for attempt in count():
        try:
            return await work()
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("queue.waits", doing=doing, error=str(error))
        await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
        if unless():
            break
    return None
