"""How a job stops running, and how everything that counts it learns of that.

This is the one place where counters move, and always in the transaction that moves the job: so they are right
whatever dies, and nobody has to count. Rows are held in one order everywhere: jobs, batches, lanes, each by id.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue import lanes
from stackroom.queue.jobs import Claimed, State

ENDED = (State.DONE, State.FAILED, State.CANCELLED)

CLAIMED = """SELECT j.id, j.attempt, j.lane_id, l.kind, l.priority, l.organization_id, j.batch_id, j.position,
    j.asset_id, j.task, j.worker_id FROM job j JOIN lane l ON l.id = j.lane_id"""
"""What `claimed` reads, but for the condition."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running job goes, if `worker_id` still has it in that attempt. `uncounted`: the attempt was none."""

    job: Claimed
    worker_id: int
    to: State
    run_at: int | None = None
    code: str | None = None
    reason: str | None = None
    uncounted: bool = False


def claimed(row: Row[Any]) -> Claimed:
    """The job that a row of `CLAIMED` is."""
    return Claimed(
        id=row.id,
        attempt=row.attempt,
        lane_id=row.lane_id,
        kind=row.kind,
        priority=row.priority,
        organization_id=row.organization_id,
        batch_id=row.batch_id,
        position=row.position,
        asset_id=row.asset_id,
        task=row.task,
    )


def leave(conn: Connection, moves: Sequence[Move], *, now: int) -> frozenset[int]:
    """Have these jobs run no longer; the ids of those that were still their worker's. The rest is left as it is: it
    was taken from a worker that was thought dead, and is ready, or another's, or done."""
    if not moves:
        return frozenset()
    lanes.hold(conn, "job", (move.job.id for move in moves))
    how = flavour.of(conn)
    said = flavour.rows(
        how,
        "moves",
        id=int,
        worker_id=int,
        attempt=int,
        counted=int,
        state=int,
        run_at=int,
        code=str,
        reason=str,
    )
    left = conn.scalars(
        statement(
            f"""{how.update} job SET state = r.state, attempt = r.counted, worker_id = NULL, run_at = r.run_at,
                error_code = CASE WHEN r.state = 0 THEN job.error_code ELSE r.code END,
                error = CASE WHEN r.state = 0 THEN job.error ELSE r.reason END,
                finished_at = CASE WHEN r.state IN (2, 3, 4) THEN CAST(:now AS bigint) END
            FROM {said} r WHERE job.id = r.id
                AND job.state = 1 AND job.worker_id = r.worker_id AND job.attempt = r.attempt
            RETURNING job.id"""
        ),
        {"now": now, "moves": msgspec.json.encode([_said(move) for move in moves]).decode()},
    )
    return frozenset(left)


def count(
    conn: Connection, gone: Iterable[tuple[Claimed, State]], *, was_running: bool = True, now: int
) -> list[int]:
    """Let batches and lanes know where these jobs have gone; the batches that have finished by it. One that is
    finished already, because somebody has put it right, stays as it is."""
    ends: defaultdict[int, Counter[State]] = defaultdict(Counter)
    changes = lanes.Changes()
    for job, to in gone:
        lane = changes[job.lane_id]
        lane.running -= was_running
        lane.unfinished -= to in ENDED
        lane.woken = lane.woken or to is State.READY
        if job.batch_id is not None and to in ENDED:
            ends[job.batch_id][to] += 1
    finished = _count_batches(conn, ends, now=now)
    lanes.change(conn, changes)
    return finished


def _count_batches(conn: Connection, ends: Mapping[int, Counter[State]], *, now: int) -> list[int]:
    """A batch that is finished says what it said, whoever else finished it and whatever of it still comes in."""
    if not ends:
        return []
    lanes.hold(conn, "batch", ends)
    how = flavour.of(conn)
    said = flavour.rows(how, "ends", id=int, completed=int, errors=int, cancelled=int)
    counted = conn.execute(
        statement(
            f"""{how.update} batch SET completed = batch.completed + r.completed, errors = batch.errors + r.errors,
                cancelled = batch.cancelled + r.cancelled, started_at = COALESCE(batch.started_at, :now),
                finished_at = CASE WHEN NOT batch.loading AND batch.completed + batch.errors + batch.cancelled
                    + r.completed + r.errors + r.cancelled = batch.count THEN CAST(:now AS bigint) END
            FROM {said} r WHERE batch.id = r.id AND batch.finished_at IS NULL
            RETURNING batch.id, batch.finished_at"""
        ),
        {
            "now": now,
            "ends": msgspec.json.encode(
                [(id_, it[State.DONE], it[State.FAILED], it[State.CANCELLED]) for id_, it in ends.items()]
            ).decode(),
        },
    )
    return sorted(row.id for row in counted if row.finished_at is not None)


def _said(move: Move) -> tuple[object, ...]:
    job = move.job
    reason = move.reason and move.reason.replace("\0", "")  # which PostgreSQL has no room for
    counted = job.attempt - move.uncounted
    return (job.id, move.worker_id, job.attempt, counted, move.to, move.run_at, move.code, reason)
