"""When a batch will be finished, from how it goes at present and what will be done before.

Organizations take turns, so of what others have waiting only as much comes before a batch as is left of it and before
it in its own lane. What is waited for by somebody (the priority lane) comes before everything else.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, select

from stackroom.clock import SECOND
from stackroom.database.flavour import statement
from stackroom.database.schema import batch, lane
from stackroom.ingest.preparing import KIND
from stackroom.queue import rates
from stackroom.queue.rates import Bucket

ASSUMED = 2 * SECOND
"""What one item takes, as long as nobody knows better."""
ENOUGH = 200
"""So many of the latest items tell how long one takes; fewer where there have not been so many lately."""


class Lane(msgspec.Struct, frozen=True):
    """What is unfinished in a lane, and whether it is the one that everything else waits for."""

    unfinished: int
    first: bool = False


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to do, and how fast that goes.

    `left` are the unfinished items of the batch, `before` those of older batches in its lane, `others` the lanes of
    the same priority and, for all but the priority lane, those of priority. `each` is what one item takes, in
    microseconds, and `at_once` how many are done side by side. Nothing is ready before `not_before`.
    """

    left: int
    before: int
    others: Sequence[Lane]
    each: float
    at_once: int
    not_before: int | None = None


def finish(work: Work, *, now: int) -> int:
    """The moment at which the last item of the batch is probably done, in whole seconds, never before now. Pure."""
    mine = work.left + work.before
    theirs = sum(it.unfinished if it.first else min(it.unfinished, mine) for it in work.others)
    rounds = -(-(mine + theirs) // max(1, work.at_once))
    done = now + max(1, rounds) * work.each
    latest = max(done, (work.not_before or 0) + work.each)
    return int(-(-latest // SECOND) * SECOND)


def time_each(buckets: Sequence[Bucket]) -> float:
    """What one item takes, in microseconds of work, by the latest of those that are finished. Pure."""
    finished = busy = 0
    for bucket in reversed(buckets):
        finished += bucket.finished
        busy += bucket.busy
        if finished >= ENOUGH:
            break
    return busy / finished if finished and busy else float(ASSUMED)


def of(
    conn: Connection,
    organization_id: int,
    wanted: Mapping[int, int],
    limit: int | None = None,
    *,
    now: int,
) -> dict[int, int]:
    """The estimates for open batches of an organization, given with their priorities: five questions for any number.

    `limit` is how many items of one organization may run at once.
    """
    if not wanted:
        return {}
    open_ones = conn.execute(_OPEN, {"organization": organization_id}).all()
    lanes = conn.execute(_LANES).all()
    late: dict[int, int] = dict(conn.execute(_LATE).all())
    slots = rates.slots(conn) or 1
    each = time_each(rates.recent(conn, KIND, now=now))
    found = {}
    for batch_id, priority in wanted.items():
        mine = [row for row in open_ones if row.priority == priority and row.id <= batch_id]
        others = [row for row in lanes if row.priority <= priority]
        work = Work(
            left=sum(row.left for row in mine if row.id == batch_id),
            before=sum(row.left for row in mine if row.id < batch_id),
            others=[
                Lane(row.unfinished, first=row.priority < priority)
                for row in others
                if (row.organization_id, row.priority) != (organization_id, priority)
            ],
            each=each,
            at_once=min(slots, limit) if limit else slots,
            not_before=late.get(batch_id),
        )
        found[batch_id] = finish(work, now=now)
    return found


_OPEN = select(
    batch.c.id,
    batch.c.priority,
    (batch.c.count - batch.c.completed - batch.c.errors - batch.c.cancelled).label("left"),
).where(batch.c.organization_id == bindparam("organization"), batch.c.finished_at.is_(None), ~batch.c.loading)
_LANES = select(lane.c.priority, lane.c.organization_id, lane.c.unfinished).where(
    lane.c.kind == KIND, lane.c.unfinished > 0
)
# Of those that wait for another attempt the last thousand: a batch whose every item waits says enough by these.
_LATE = statement(
    """SELECT batch_id, max(run_at) FROM
        (SELECT run_at, batch_id FROM job WHERE state = 5 ORDER BY run_at DESC LIMIT 1000) late GROUP BY batch_id"""
)
