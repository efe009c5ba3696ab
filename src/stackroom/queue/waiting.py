"""What time does to jobs, what becomes of cancelled batches, and of jobs that nobody wants done any more."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec

from stackroom.clock import HOUR
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue import lanes, moves
from stackroom.queue.jobs import Claimed, State

PORTION: Final = 5_000
"""How many jobs one transaction promotes or cancels at most: others want their turn."""

AHEAD: Final = 12 * HOUR
"""No job is put off for as long. One that seems to be was put off while the clock was ahead, and is due."""


# Said so that no index of batches is read from end to end for what is in none.
_OF_NO_BATCH: Final = "COALESCE(batch_id, 0) = 0"


class Cancelled(msgspec.Struct, frozen=True):
    """Jobs that will not be begun, and the batches that finished by it: the one that was cancelled, or none.

    Whoever cancels records the end of the batch in the same transaction. `more`: there may be ready or waiting jobs
    left, for the next portion.
    """

    jobs: list[Claimed]
    finished: list[int]
    more: bool


class Due(msgspec.Struct, frozen=True):
    """What there is to be done that nobody announces: retries, and batches that were cancelled and are not over."""

    retries: bool
    cancelled: list[int]


def due(conn: Connection, *, now: int) -> Due:
    """What `promote` and `cancel` have to do, for two small reads."""
    retries = """SELECT EXISTS (SELECT 1 FROM job WHERE state = 5 AND run_at <= :now)
        OR EXISTS (SELECT 1 FROM job WHERE state = 5 AND run_at > :ahead)"""
    cancelled = "SELECT id FROM batch WHERE finished_at IS NULL AND cancel_requested"
    return Due(
        retries=bool(conn.scalar(statement(retries), {"now": now, "ahead": now + AHEAD})),
        cancelled=sorted(conn.scalars(statement(cancelled))),
    )


def promote(conn: Connection, *, limit: int = PORTION, now: int) -> int:
    """Jobs that have waited long enough are ready, up to so many of them; how many there were."""
    how = flavour.of(conn)
    conn.execute(
        statement(
            f"""WITH ahead AS MATERIALIZED (SELECT id FROM job WHERE state = 5 AND run_at > :ahead
                    ORDER BY run_at LIMIT :limit {how.skip})
                UPDATE job SET run_at = :now FROM ahead WHERE job.id = ahead.id"""
        ),
        {"now": now, "ahead": now + AHEAD, "limit": limit},
    )
    found = conn.scalars(
        statement(
            f"""WITH waited AS MATERIALIZED (SELECT id FROM job WHERE state = 5 AND run_at <= :now
                    ORDER BY run_at LIMIT :limit {how.skip})
                UPDATE job SET state = 0, run_at = NULL FROM waited WHERE job.id = waited.id RETURNING job.lane_id"""
        ),
        {"now": now, "limit": limit},
    ).all()
    changes = lanes.Changes()
    for lane_id in found:
        changes[lane_id].woken = True
    lanes.change(conn, changes)
    return len(found)


def cancel(
    conn: Connection,
    batch_id: int,
    *,
    limit: int = PORTION,
    effect: Callable[[Sequence[Claimed]], None] | None = None,
    now: int,
) -> Cancelled:
    """Cancel jobs of a batch that nobody has begun, up to so many, and note on the batch that this was asked for.

    `effect` writes what that means for what the jobs are about. It comes before the lanes are held, as it does when
    jobs are settled: so nobody waits for anybody in a ring.

    The dispatchers go on with the rest, a portion at a time, and cancel what is running. Of a batch that is finished,
    or of none, nothing is cancelled; repeating it changes nothing more.
    """
    how = flavour.of(conn)
    asked = conn.execute(
        statement(
            f"""{how.update} batch SET cancel_requested = true
                WHERE id = :batch AND finished_at IS NULL RETURNING id"""
        ),
        {"batch": batch_id},
    )
    if asked.first() is None:
        return Cancelled([], [], more=False)
    found = _not_begun(conn, batch_id, limit)
    ended = set(
        conn.scalars(
            statement(
                f"""{how.update} job SET state = 4, run_at = NULL, finished_at = :now
                    WHERE id {how.among.format(name="jobs")} AND state IN (0, 5) RETURNING id"""
            ),
            {"jobs": msgspec.json.encode([job.id for job in found]).decode(), "now": now},
        )
    )
    jobs = [job for job in found if job.id in ended]
    if effect is not None and jobs:
        effect(jobs)
    finished = moves.count(conn, [(job, State.CANCELLED) for job in jobs], was_running=False, now=now)
    return Cancelled(jobs, finished, more=len(found) >= limit)


def not_begun_of(
    conn: Connection,
    organization_id: int,
    assets: str,
    parameters: Mapping[str, object],
    *,
    kinds: Collection[str],
) -> Sequence[int]:
    """The jobs of these kinds and of no batch that nobody has begun, of the assets of an organization whose ids
    `assets` selects. Two statements whatever their number, and a small one where nothing of these kinds waits."""
    how = flavour.of(conn)
    said = {"organization": organization_id, "texts": msgspec.json.encode(sorted(kinds)).decode()}
    mine = f"l.organization_id = :organization AND l.kind IN (SELECT value FROM {how.texts} kinds)"
    any_left = f"SELECT EXISTS (SELECT 1 FROM lane l WHERE {mine} AND l.unfinished > l.running)"
    if not conn.scalar(statement(any_left), said):
        return ()
    where = f"""j.asset_id = gone.id AND j.state IN (0, 5) AND {_OF_NO_BATCH}
        AND j.lane_id IN (SELECT l.id FROM lane l WHERE {mine})"""
    theirs = how.probe.format(table="job", alias="j", where=where)
    return conn.scalars(
        statement(f"WITH gone (id) AS ({assets}) SELECT j.id FROM gone {theirs}"), {**parameters, **said}
    ).all()


def cancel_all(conn: Connection, job_ids: Sequence[int], *, now: int) -> int:
    """Cancel those of these jobs of no batch that nobody has begun; how many. It has no effect on what they are about.

    Call it last, for lanes are held from here to the commit. What is being begun at this very moment is passed over:
    its handler finds that nobody wants it, as it does of what is running. Repeating it changes nothing more.
    """
    return len(_cancel(conn, job_ids, now=now))


def cancel_one(conn: Connection, job_id: int, *, now: int) -> Claimed | None:
    """Cancel a job of no batch, unless somebody has begun it; None if so, or if there is none. What that means for
    what it is about is its handler's to write, which `Handler.cancelled` does. Call it last, as `cancel_all`."""
    cancelled = _cancel(conn, [job_id], now=now)
    if not cancelled:
        return None
    return moves.claimed(conn.execute(statement(f"{moves.CLAIMED} WHERE j.id = :job"), {"job": job_id}).one())


def retry_one(conn: Connection, job_id: int, *, now: int) -> Claimed | None:
    """Have a job of no batch done again that has FAILED, as if it had just come in; None if it has not. Call it last,
    as `cancel_all`."""
    again = conn.execute(
        statement(
            f"""{flavour.of(conn).update} job SET state = 0, attempt = 0, run_at = NULL, error_code = NULL,
                error = NULL, created_at = :now, started_at = NULL, finished_at = NULL
                WHERE id = :job AND state = 3 AND batch_id IS NULL RETURNING lane_id"""
        ),
        {"job": job_id, "now": now},
    ).first()
    if again is None:
        return None
    changes = lanes.Changes()
    changes[again.lane_id] = lanes.Change(unfinished=1, woken=True)
    lanes.change(conn, changes)
    return moves.claimed(conn.execute(statement(f"{moves.CLAIMED} WHERE j.id = :job"), {"job": job_id}).one())


def _cancel(conn: Connection, job_ids: Sequence[int], *, now: int) -> Sequence[int]:
    """The lanes of those that were not begun, and will not be: one for each. What somebody holds is passed over."""
    if not job_ids:
        return ()
    how = flavour.of(conn)
    free = f"""SELECT id FROM job WHERE id {how.among.format(name="jobs")} AND state IN (0, 5) AND {_OF_NO_BATCH}
        {how.skip and f"ORDER BY id {how.skip}"}"""
    ended = conn.scalars(
        statement(
            f"""{how.update} job SET state = 4, run_at = NULL, finished_at = :now
                WHERE id IN ({free}) AND state IN (0, 5) RETURNING lane_id"""
        ),
        {"jobs": msgspec.json.encode(list(job_ids)).decode(), "now": now},
    ).all()
    changes = lanes.Changes()
    for lane_id, count in Counter(ended).items():
        changes[lane_id] = lanes.Change(unfinished=-count)
    lanes.change(conn, changes)
    return ended


def _not_begun(conn: Connection, batch_id: int, limit: int) -> list[Claimed]:
    """Ready and waiting jobs of a batch. They are looked for among what is ready and what waits, for among all of a
    large batch those that are over would be read again with every portion."""
    lock = "FOR NO KEY UPDATE OF j SKIP LOCKED" if flavour.of(conn) is flavour.POSTGRESQL else ""
    first = "SELECT {} FROM job WHERE batch_id = :batch ORDER BY position LIMIT 1"
    ready = f"""{moves.CLAIMED} WHERE j.lane_id = ({first.format("lane_id")}) AND j.state = 0
        AND j.id >= ({first.format("id")}) AND j.batch_id = :batch ORDER BY j.id LIMIT :limit {lock}"""
    waiting = (
        f"""{moves.CLAIMED} WHERE j.state = 5 AND j.batch_id = :batch ORDER BY j.id LIMIT :limit {lock}"""
    )
    found: list[Claimed] = []
    for query in (ready, waiting):
        bound = {"batch": batch_id, "limit": limit - len(found)}
        found += [moves.claimed(row) for row in conn.execute(statement(query), bound)]
    return found
