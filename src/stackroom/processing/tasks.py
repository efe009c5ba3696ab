"""What is made of media after they came in, as those see it who wait for it: jobs of the queue, each a thing to do.

Only jobs of no batch are seen, and only those of `KINDS`: arrivals are seen in their batches, deliveries at their
endpoints.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, func, select, union_all

from stackroom.access import Actor, Role, require
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, job, lane
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.processing import embedding, transcoding
from stackroom.queue import moves, waiting
from stackroom.queue.jobs import DEFAULT, PRIORITY, Claimed, Handler, State

KINDS: Final = (transcoding.KIND, embedding.KIND)
_OPEN: Final = (State.READY, State.WAITING)
HandlerOf = Callable[[str], Handler]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and what it is about. `asset_kind` is None of an asset that is gone."""

    id: int
    kind: str
    priority: int
    state: State
    attempt: int
    run_at: int | None
    asset: bytes
    asset_kind: str | None
    error_code: str | None
    error: str | None
    created_at: int
    started_at: int | None
    finished_at: int | None


def find(conn: Connection, actor: Actor, task_id: int) -> Task:
    """By the number of its job. Raises `NotFound`, for another organization's as for none."""
    mine = (lane.c.organization_id == actor.organization_id) & lane.c.kind.in_(KINDS)
    row = conn.execute(_query().where(job.c.id == task_id, job.c.batch_id.is_(None), mine)).first()
    if row is None:
        raise NotFound("Task not found", hint="Verify the resource ID exists")
    return _tasks(conn, [row])[0]


def page(
    conn: Connection,
    actor: Actor,
    *,
    state: State | None = None,
    kind: str | None = None,
    limit: int,
    offset: int = 0,
) -> list[Task]:
    """Newest first. Two or three statements, which read no more than they give and skip."""
    lanes = _lanes(conn, actor, KINDS if kind is None else (kind,))
    if not lanes:
        return []
    # The newest of each lane stand together in an index; those of all lanes do not.
    newest = [_newest(lane_id, state, limit + offset) for lane_id in lanes]
    together = union_all(*(select(each.c.id) for each in newest)).subquery()
    chosen = select(together.c.id).order_by(together.c.id.desc()).limit(limit).offset(offset).subquery()
    rows = conn.execute(_query().where(job.c.id.in_(select(chosen.c.id))).order_by(job.c.id.desc())).all()
    return _tasks(conn, rows)


def count(conn: Connection, actor: Actor) -> Counter[State]:
    """How many there are in each state."""
    lanes = _lanes(conn, actor, KINDS)
    counted = select(job.c.state, func.count()).where(job.c.lane_id.in_(lanes), job.c.batch_id.is_(None))
    return Counter({State(state): n for state, n in conn.execute(counted.group_by(job.c.state))})


def cancel(conn: Connection, actor: Actor, task_id: int, handler_of: HandlerOf, *, now: int) -> Task:
    """Have it not done, if nobody has begun it. Raises `Invalid` (`not_cancellable`), also for one that is unknown."""
    require(actor, Role.MEMBER, "cancelling a task")
    found = _claimed(conn, actor, task_id)
    if found is None or found[1] not in _OPEN:
        raise Invalid("only a task that is pending or scheduled can be cancelled", code="not_cancellable")
    claimed = found[0]
    _record(conn, actor, "task.cancelled", claimed, now)
    handler_of(claimed.kind).cancelled(conn, [claimed], now)
    if waiting.cancel_one(conn, task_id, now=now) is None:  # then nothing of this has happened
        raise Invalid("the task has just been begun", code="not_cancellable")
    return find(conn, actor, task_id)


def retry(conn: Connection, actor: Actor, task_id: int, *, now: int) -> Task:
    """Have it done once more, as if it had just come in; wake the dispatcher afterwards. Raises `Invalid`
    (`not_failed`) for one that has not failed, also for one that is unknown."""
    require(actor, Role.MEMBER, "retrying a task")
    found = _claimed(conn, actor, task_id)
    if found is None or found[1] is not State.FAILED:
        raise Invalid("only a task that has failed can be retried", code="not_failed")
    claimed = found[0]
    _record(conn, actor, "task.retried", claimed, now)
    if claimed.kind == transcoding.KIND:
        transcoding.pending_again(conn, claimed)
    if waiting.retry_one(conn, task_id, now=now) is None:
        raise Invalid("the task is being retried already", code="not_failed")
    return find(conn, actor, task_id)


def _claimed(conn: Connection, actor: Actor, task_id: int) -> tuple[Claimed, State] | None:
    row = conn.execute(
        statement(
            f"""{moves.CLAIMED.replace("j.worker_id", "j.worker_id, j.state")}
                WHERE j.id = :job AND j.batch_id IS NULL AND l.organization_id = :organization"""
        ),
        {"job": task_id, "organization": actor.organization_id},
    ).first()
    if row is None or row.kind not in KINDS:
        return None
    return moves.claimed(row), State(row.state)


def _record(conn: Connection, actor: Actor, kind: str, claimed: Claimed, now: int) -> None:
    data = {"task": claimed.id, "kind": claimed.kind}
    log.record(conn, actor, kind, at=now, asset_uuid=_asset_of(claimed.task), data=data)


def _lanes(conn: Connection, actor: Actor, kinds: Sequence[str]) -> list[int]:
    mine = lane.c.kind.in_(kinds) & lane.c.priority.in_((PRIORITY, DEFAULT))
    return list(conn.scalars(select(lane.c.id).where(mine, lane.c.organization_id == actor.organization_id)))


def _newest(lane_id: int, state: State | None, limit: int) -> Any:
    here = select(job.c.id).where(job.c.lane_id == lane_id, job.c.batch_id.is_(None))
    if state is not None:
        here = here.where(job.c.state == int(state))
    return here.order_by(job.c.id.desc()).limit(limit).subquery()


def _query() -> Select[Any]:
    return select(job, lane.c.kind, lane.c.priority).join_from(job, lane, lane.c.id == job.c.lane_id)


def _tasks(conn: Connection, rows: Sequence[Row[Any]]) -> list[Task]:
    about = {row.id: _asset_of(row.task) for row in rows}
    there = select(asset.c.uuid, asset.c.kind).where(asset.c.uuid.in_(set(about.values())))
    kinds: dict[bytes, str] = {row.uuid: row.kind for row in conn.execute(there)} if rows else {}
    own = {"asset", "asset_kind", "state"}
    columns = [field for field in Task.__struct_fields__ if field not in own]
    return [
        Task(
            asset=about[row.id],
            asset_kind=kinds.get(about[row.id]),
            state=State(row.state),
            **{field: getattr(row, field) for field in columns},
        )
        for row in rows
    ]


def _asset_of(task: str) -> bytes:
    """Both kinds of jobs say so in the same way."""
    return bytes.fromhex(msgspec.json.decode(task, type=embedding.Task).asset)
