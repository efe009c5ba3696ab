"""How much has been finished lately: what estimates are made from. Each worker notes its own, so none waits for
another's note."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from stackroom.clock import DAY, SECOND
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue.jobs import Result, State

BUCKET: Final = 10 * SECOND
"""How long it takes until a new count is begun."""
RECENT: Final = 12
"""How many counts say how it goes at present."""
KEPT: Final = DAY


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What all workers together finished, or failed at, from `at` on until the next bucket begins, and how many
    microseconds they spent on it."""

    at: int
    finished: int
    busy: int


def note(conn: Connection, worker_id: int, results: Sequence[Result], *, now: int) -> None:
    """Count these results, which a worker has just settled. One statement."""
    finished: defaultdict[str, int] = defaultdict(int)
    busy: defaultdict[str, int] = defaultdict(int)
    for result in results:
        finished[result.job.kind] += result.state in (State.DONE, State.FAILED)
        busy[result.job.kind] += result.busy
    if not finished:
        return
    how = flavour.of(conn)
    said = flavour.rows(how, "kinds", kind=str, finished=int, busy=int)
    conn.execute(
        statement(
            f"""INSERT INTO job_rate (worker_id, kind, bucket, finished, busy)
                SELECT CAST(:worker AS bigint), r.kind, CAST(:bucket AS bigint), r.finished, r.busy
                FROM {said} r WHERE true
                ON CONFLICT (worker_id, kind, bucket) DO UPDATE
                SET finished = job_rate.finished + excluded.finished, busy = job_rate.busy + excluded.busy"""
        ),
        {
            "worker": worker_id,
            "bucket": now // BUCKET,
            "kinds": msgspec.json.encode([(kind, finished[kind], busy[kind]) for kind in finished]).decode(),
        },
    )


def recent(conn: Connection, kind: str, *, now: int) -> list[Bucket]:
    """The last `RECENT` buckets, oldest first, without those in which nothing was finished."""
    rows = conn.execute(
        statement(
            """SELECT bucket, sum(finished) AS finished, sum(busy) AS busy FROM job_rate
                WHERE kind = :kind AND bucket > :after AND bucket <= :bucket GROUP BY bucket ORDER BY bucket"""
        ),
        {"kind": kind, "after": now // BUCKET - RECENT, "bucket": now // BUCKET},
    )
    return [Bucket(at=row.bucket * BUCKET, finished=int(row.finished), busy=int(row.busy)) for row in rows]


def slots(conn: Connection) -> int:
    """How many jobs all workers that live can do at once."""
    return int(conn.scalar(statement("SELECT COALESCE(sum(slots), 0) FROM worker WHERE NOT dead")) or 0)


def prune(conn: Connection, *, now: int) -> None:
    """Forget counts that no estimate asks for."""
    conn.execute(statement("DELETE FROM job_rate WHERE bucket < :bucket"), {"bucket": (now - KEPT) // BUCKET})
