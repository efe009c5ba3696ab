"""What time does to jobs, and what becomes of cancelled batches."""

import msgspec

from stackroom.database.transaction import Connection
from stackroom.queue.jobs import Claimed

PORTION = 5_000


class Cancelled(msgspec.Struct, frozen=True):
    """Jobs that will not be begun, and the batches that finished by it (the batch itself, or none).

    Whoever cancels writes what that means for the jobs' assets and records the end of the batch, in the same
    transaction. `more` says that ready or waiting jobs are left for the next portion.
    """

    jobs: list[Claimed]
    finished: list[int]
    more: bool


def promote(conn: Connection, *, limit: int = PORTION, now: int) -> int:
    """Jobs whose time has come are ready; how many."""
    raise NotImplementedError


def cancel(conn: Connection, batch_id: int, *, limit: int = PORTION, now: int) -> Cancelled:
    """Cancel up to `limit` jobs of a batch that nobody has begun, and note on the batch that it was asked for. The
    dispatchers cancel the rest of them, portion by portion, and those that are running."""
    raise NotImplementedError
