"""Jobs come in, in the transaction of whatever they are about."""

from collections.abc import Sequence

from stackroom.database.transaction import Connection
from stackroom.queue.jobs import NewJob


def submit(
    conn: Connection,
    *,
    organization_id: int,
    kind: str,
    priority: int,
    jobs: Sequence[NewJob],
    batch_id: int | None,
    now: int,
) -> None:
    """Put jobs in their lane, in this order. Call it last: the lane is held from here to the commit."""
    raise NotImplementedError


def submit_one(
    conn: Connection,
    *,
    organization_id: int,
    kind: str,
    priority: int,
    job: NewJob,
    batch_id: int | None = None,
    now: int,
) -> int:
    """Put one job in its lane; its id."""
    raise NotImplementedError
