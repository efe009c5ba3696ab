"""Reading on from an event without missing any: where others may still come before those that can be seen.

Events are numbered as they are written, and seen when their transactions commit. Where several write at once, one of
them may have taken a lower number than an event that can be seen already. Whoever remembers how far he has read would
never see it.
"""

import asyncio
import time
from typing import Final

from sqlalchemy import Connection

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.errors import Unavailable

PAUSE: Final = 0.01
PATIENCE: Final = 10.0
"""Seconds that transactions are waited for; one of a large operation takes a second or two."""

# Whoever writes events holds the table, in the weakest way there is, from before he takes a number to his commit.
_WRITERS: Final = """SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted
    AND relation = CAST('event' AS regclass) AND mode = 'RowExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


async def horizon(database: Database) -> int | None:
    """The number up to which no event is still to come; None if that is so of all that can be seen.

    It waits for those who are writing now, and for nobody who begins later. Raises `Unavailable` (`record_busy`) when
    they take too long.
    """
    number, writing = await database.read(_look)
    give_up_at = time.monotonic() + PATIENCE
    while writing:
        if time.monotonic() > give_up_at:
            raise Unavailable(
                "what is happening takes too long to say what has happened since",
                code="record_busy",
                hint="Send the same request again in a while.",
            )
        await asyncio.sleep(PAUSE)
        writing &= await database.read(_writers)
    return number


def _look(conn: Connection) -> tuple[int | None, frozenset[str]]:
    if flavour.of(conn) is flavour.SQLITE:  # one writes after the other
        return None, frozenset()
    # In this order: who takes a number later than this has a higher one.
    last = (
        "SELECT COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence('event', 'id') AS regclass)), 0)"
    )
    number: int = conn.scalar(statement(last))
    return number, _writers(conn)


def _writers(conn: Connection) -> frozenset[str]:
    return frozenset(conn.scalars(statement(_WRITERS)))
