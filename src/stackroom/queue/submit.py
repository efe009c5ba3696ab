"""Jobs come in, in the transaction of whatever they are about."""

from collections.abc import Sequence

from stackroom import faults
from stackroom.database import flavour
from stackroom.database.columns import columns
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue import lanes
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
    """Put jobs in their lane, in this order; of no jobs, nothing happens.

    Four statements, whatever the number of jobs. Call it last: the lane is held from here to the commit, and whoever
    claims from it waits for that. Submitting the same again makes other jobs: what a retry needs is an idempotency
    key (`library.answers`). A batch's `count` is its maker's to say.
    """
    submit_many(
        conn,
        organization_id=organization_id,
        kind=kind,
        priority=priority,
        tasks=[job.task for job in jobs],
        asset_ids=[job.asset_id for job in jobs],
        positions=[job.position for job in jobs],
        batch_id=batch_id,
        now=now,
    )


def submit_many(
    conn: Connection,
    *,
    organization_id: int,
    kind: str,
    priority: int,
    tasks: Sequence[str],
    asset_ids: Sequence[int | None],
    positions: Sequence[int],
    job_ids: Sequence[int] | None = None,
    batch_id: int | None,
    now: int,
) -> None:
    """`submit`, for who has it in columns. `job_ids` are ids that were taken for these jobs before, so that others
    could name them."""
    if not tasks:
        return
    lane_id = lanes.ensure(conn, organization_id=organization_id, kind=kind, priority=priority)
    how = flavour.of(conn)
    numbers = {"position": positions, "asset_id": asset_ids}
    if job_ids is not None:
        numbers["id"] = job_ids
    said, parameters = columns(how, "jobs", len(tasks), numbers=numbers, texts={"task": tasks})
    given = ", ".join((*numbers, "task"))
    conn.execute(
        statement(
            f"""{how.insert} INTO job (lane_id, batch_id, created_at, {given})
                SELECT CAST(:lane AS bigint), CAST(:batch AS bigint), CAST(:now AS bigint), {given}
                FROM {said} r"""
        ),
        {"lane": lane_id, "batch": batch_id, "now": now, **parameters},
    )
    _arrive(conn, lane_id, len(tasks))


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
    """Put one job in its lane, as `submit` does; its id."""
    lane_id = lanes.ensure(conn, organization_id=organization_id, kind=kind, priority=priority)
    made: int = conn.execute(
        statement(
            """INSERT INTO job (lane_id, batch_id, created_at, position, asset_id, task)
                VALUES (:lane, :batch, :now, :position, :asset, :task) RETURNING id"""
        ),
        {
            "lane": lane_id,
            "batch": batch_id,
            "now": now,
            "position": job.position,
            "asset": job.asset_id,
            "task": job.task,
        },
    ).scalar_one()
    _arrive(conn, lane_id, 1)
    return made


def _arrive(conn: Connection, lane_id: int, count: int) -> None:
    changes = lanes.Changes()
    changes[lane_id] = lanes.Change(unfinished=count, woken=True)
    lanes.change(conn, changes)
    faults.reach("queue:after-submit")
