"""Workers take jobs and settle them."""

from collections.abc import Collection, Sequence

import msgspec

from stackroom.database.transaction import Connection
from stackroom.queue.jobs import Claimed, Result


class Landed(msgspec.Struct, frozen=True):
    """What a settling has changed: the jobs whose results counted, and the batches that finished by it."""

    accepted: frozenset[int]
    finished: list[int]


def claim(
    conn: Connection,
    worker_id: int,
    *,
    kinds: Collection[str],
    limit: int,
    per_organization: int | None = None,
    by_turn: bool = False,
    only_priority: bool = False,
    now: int,
) -> list[Claimed]:
    """Take up to `limit` ready jobs of these kinds."""
    raise NotImplementedError


def settle(conn: Connection, worker_id: int, results: Sequence[Result], *, now: int) -> Landed:
    """Bring results to their jobs, run their effects and move all counters."""
    raise NotImplementedError


def give_back(conn: Connection, worker_id: int, jobs: Sequence[Claimed], *, now: int) -> frozenset[int]:
    """Jobs that were not done after all are ready again, as if they had not been claimed."""
    raise NotImplementedError
