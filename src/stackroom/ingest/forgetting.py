"""Batches that finished long ago, and arrivals that somebody waited for a day ago, are forgotten. The images stay."""

from sqlalchemy import ColumnElement, Connection, delete, select, update

from stackroom import clock
from stackroom.database.schema import asset, batch, job, lane
from stackroom.ingest.preparing import KIND

SINGLE_KEPT_FOR = clock.DAY
BATCHES_AT_ONCE = 100
AT_ONCE = 5_000
"""How many jobs go in one transaction: those of a large batch take several."""


def forget(conn: Connection, *, kept_for: int | None, now: int) -> bool:
    """Forget a portion of what is old: finished batches with their jobs, if they are `kept_for` so long and no longer;
    and in any case arrivals of no batch. Whether there may be more. Repeating it goes on where it ended."""
    ended = job.c.state.in_((2, 3, 4))
    # Of no batch are other jobs as well, which are remembered for longer (`queue.forgetting`).
    arrivals = job.c.lane_id.in_(select(lane.c.id).where(lane.c.kind == KIND))
    singly = job.c.batch_id.is_(None), ended, job.c.finished_at <= now - SINGLE_KEPT_FOR
    gone = _forget_jobs(conn, arrivals, *singly)
    if kept_for is None or gone == AT_ONCE:
        return gone == AT_ONCE
    old = conn.scalars(
        select(batch.c.id)
        .where(batch.c.finished_at.is_not(None), batch.c.finished_at <= now - kept_for)
        .order_by(batch.c.finished_at)
        .limit(BATCHES_AT_ONCE)
    ).all()
    # Jobs that a batch no longer counts may still be waiting: then it stays until they have ended.
    open_ones = select(job.c.batch_id).where(job.c.batch_id.in_(old), ~ended)
    over = set(old) - set(conn.scalars(open_ones))
    if not over:
        return False
    if _forget_jobs(conn, job.c.batch_id.in_(over)) == AT_ONCE:
        return True
    conn.execute(update(asset).where(asset.c.batch_id.in_(over)).values(batch_id=None))
    conn.execute(delete(batch).where(batch.c.id.in_(over)))
    return len(old) == BATCHES_AT_ONCE


def _forget_jobs(conn: Connection, *where: ColumnElement[bool]) -> int:
    some = select(job.c.id).where(*where).limit(AT_ONCE)
    return conn.execute(delete(job).where(job.c.id.in_(some))).rowcount
