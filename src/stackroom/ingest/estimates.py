"""When a batch will be finished, from how it goes at present and what will be done before.

Organizations take turns, so of what others have waiting only as much comes before a batch as is left of it and before
it in its own lane. What is waited for by somebody (the priority lane) comes before everything else.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from stackroom.clock import SECOND
from stackroom.database.flavour import statement
from stackroom.database.schema import batch, lane
from stackroom.ingest.arriving import KIND
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
    batch_id: int,
    organization_id: int,
    priority: int,
    limit: int | None = None,
    *,
    now: int,
) -> int:
    """The estimate for an open batch. `limit` is how many items of one organization may run at once."""
    open_ones = batch.c.organization_id == organization_id, batch.c.finished_at.is_(None)
    left = batch.c.count - batch.c.completed - batch.c.errors - batch.c.cancelled
    older = select(batch.c.id, left.label("left")).where(
        *open_ones, batch.c.priority == priority, batch.c.id <= batch_id, ~batch.c.loading
    )
    waiting = dict(conn.execute(older).all())
    lanes = conn.execute(
        select(lane.c.priority, lane.c.unfinished).where(
            lane.c.kind == KIND,
            lane.c.priority <= priority,
            lane.c.unfinished > 0,
            (lane.c.organization_id != organization_id) | (lane.c.priority != priority),
        )
    ).all()
    slots = rates.slots(conn) or 1
    work = Work(
        left=waiting.pop(batch_id, 0),
        before=sum(waiting.values()),
        others=[Lane(row.unfinished, first=row.priority < priority) for row in lanes],
        each=time_each(rates.recent(conn, KIND, now=now)),
        at_once=min(slots, limit) if limit else slots,
        not_before=conn.scalar(_LATEST_RETRY, {"batch": batch_id}),
    )
    return finish(work, now=now)


# Of those that wait for another attempt the last thousand: a batch whose every item waits says enough by these.
_LATEST_RETRY = statement(
    """SELECT max(run_at) FROM (SELECT run_at, batch_id FROM job WHERE state = 5 ORDER BY run_at DESC LIMIT 1000) late
    WHERE batch_id = :batch"""
)
