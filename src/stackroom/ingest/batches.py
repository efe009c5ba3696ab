"""Batches: arrivals that were submitted together, and what has become of them.

A batch's counters move in the transactions that settle its jobs, so reading one costs the same whether it has ten
items or a million. `accept` takes a batch in, whole or not at all; everything
else here looks at batches or steers them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, insert, literal_column, or_, select, update

from stackroom import faults, ids
from stackroom.access import Actor, Role, require
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, batch, job, lane
from stackroom.errors import Conflict, NotFound
from stackroom.events import log
from stackroom.ingest import estimates, settling
from stackroom.ingest.arriving import enter
from stackroom.ingest.preparing import KIND, Arriving, Prepared, prepare, read_task
from stackroom.queue import waiting
from stackroom.queue.jobs import State

__all__ = [
    "Arriving",
    "Batch",
    "Item",
    "Prepared",
    "QueueState",
    "accept",
    "cancel",
    "estimate",
    "find",
    "items",
    "page",
    "prepare",
    "queue_state",
    "retry",
    "test",
]

Which = Literal["all", "active", "recent"]
OrderBy = Literal["id", "submitted", "finished"]
ItemState = Literal["waiting", "running", "completed", "failed", "cancelled"]
BatchState = Literal["loading", "waiting", "running", "cancelling", "cancelled", "finished"]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`completed`, `errors` and `cancelled` are exclusive of one another; together they are `count` at the end."""

    id: int
    uuid: bytes
    organization_id: int
    dataset_id: int | None
    name: str | None
    priority: int
    count: int
    completed: int
    errors: int
    cancelled: int
    superseded: bool
    loading: bool
    cancel_requested: bool
    retry_of: int | None
    created_at: int
    started_at: int | None
    finished_at: int | None

    @property
    def settled(self) -> int:
        return self.completed + self.errors + self.cancelled

    @property
    def state(self) -> BatchState:
        if self.finished_at is not None:
            return "cancelled" if self.cancelled else "finished"
        if self.cancel_requested:
            return "cancelling"
        if self.loading:
            return "loading"
        return "waiting" if self.started_at is None else "running"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One arrival of a batch. `name`, `key` and `archived` are the asset's as it is now, None once it is gone."""

    position: int
    state: ItemState
    attempt: int
    asset_uuid: bytes
    name: str | None
    key: str | None
    origin: str
    code: str | None
    reason: str | None
    started_at: int | None
    finished_at: int | None


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do: `size` items of which `running` are being worked on, in `batches` open batches."""

    size: int
    running: int
    batches: int

    @property
    def waiting(self) -> int:
        return self.size - self.running


def accept(
    conn: Connection,
    actor: Actor,
    arrivals: Sequence[Arriving] | Prepared,
    *,
    priority: int,
    dataset_id: int | None = None,
    name: str | None = None,
    now: int,
) -> Batch:
    """Take a batch in: it, its assets and its jobs, or nothing. Wake the dispatcher after the commit.

    The number of statements does not follow that of arrivals; a batch without any is finished at once. Who has very
    many prepares them before the transaction. Raises what `preparing.prepare` and `arriving.enter` do. Repeating it
    makes another batch, which the assets then belong to.
    """
    require(actor, Role.MEMBER, "submitting images")
    ready = arrivals if isinstance(arrivals, Prepared) else prepare(arrivals)
    return _accept(conn, actor, ready, priority=priority, dataset_id=dataset_id, name=name, now=now)


def find(conn: Connection, actor: Actor, reference: int | str) -> Batch:
    """By number or by id. Raises `NotFound`, for another organization's batch as for none."""
    return _from_row(_row(conn, actor, reference))


def page(
    conn: Connection,
    actor: Actor,
    which: Which,
    *,
    order_by: OrderBy | None = None,
    descending: bool | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Batch], int]:
    """Batches and how many there are in all.

    `all` is by number, `active` (neither finished nor superseded) by when it was submitted, `recent` (finished, not
    superseded) by when it finished, the last first; unless another order is asked for.
    """
    where = batch.c.organization_id == actor.organization_id, *_WHICH[which]
    total = conn.scalar(select(func.count()).select_from(batch).where(*where)) or 0
    column = _ORDERS[order_by or _USUAL_ORDER[which]]
    down = descending if descending is not None else (order_by is None and which == "recent")
    order = (column.desc().nulls_last(), batch.c.id.desc()) if down else (column.nulls_last(), batch.c.id)
    rows = conn.execute(select(batch).where(*where).order_by(*order).limit(limit).offset(offset))
    return [_from_row(row) for row in rows], total


def newest(
    conn: Connection, actor: Actor, which: Which, *, before: int | None = None, limit: int
) -> list[Batch]:
    """Batches by number, the newest first, from before this number on: so each is seen once while others come in."""
    where = [batch.c.organization_id == actor.organization_id, *_WHICH[which]]
    if before is not None:
        where.append(batch.c.id < before)
    rows = conn.execute(select(batch).where(*where).order_by(batch.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


def items(
    conn: Connection, found: Batch, state: ItemState | None = None, *, after: int = -1, limit: int
) -> list[Item]:
    """A batch's items in their order, from after this position on."""
    where = [job.c.batch_id == found.id, job.c.position > after]
    if state is not None:
        where.append(or_(*(job.c.state == literal_column(str(int(it))) for it in _STATES[state])))
    query = (
        select(job, asset.c.uuid, asset.c.name, asset.c.key)
        .join_from(job, asset, asset.c.id == job.c.asset_id, isouter=True)
        .where(*where)
        .order_by(job.c.position)
    )
    return [_item(row) for row in conn.execute(query.limit(limit))]


def test(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> bool:
    """Put right what a batch says of itself, and say whether there was anything to put right.

    It is about the assets that belong to it by now. With none left it is superseded; when all of them are done it is
    finished, and counts them. Items that are still waiting then count no more. Repeating it changes nothing.
    """
    require(actor, Role.MEMBER, "testing a batch")
    found = _from_row(_row(conn, actor, reference, held=True))
    left = conn.execute(_COUNTED, {"batch": found.id, "submitted": found.created_at}).one()
    changed: dict[str, object] = {}
    if left.members == 0 and not found.superseded:
        changed["superseded"] = True
    if left.pending == 0:
        if found.finished_at is None:
            changed |= {"started_at": found.started_at or now, "finished_at": now, "loading": False}
        errors, cancelled = int(left.errors), int(left.cancelled)
        said = {"completed": left.members - errors - cancelled, "errors": errors, "cancelled": cancelled}
        said["count"] = left.members
        changed |= {name: value for name, value in said.items() if getattr(found, name) != value}
    if changed:
        conn.execute(update(batch).where(batch.c.id == found.id).values(changed))
        log.record(conn, actor, "batch.repaired", at=now, batch_id=found.id, data={"fields": sorted(changed)})
    if "finished_at" in changed:
        settling.record_finished(conn, [found.id], now=now)
    return bool(changed)


def cancel(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> Batch:
    """Give up what nobody has begun. Of a large batch some at once, and the rest within seconds; what is running is
    stopped then as well. Repeating it changes nothing more; a finished batch stays as it is."""
    require(actor, Role.MEMBER, "cancelling a batch")
    found = find(conn, actor, reference)
    if found.finished_at is not None or found.cancel_requested:
        return found
    given_up = waiting.cancel(
        conn, found.id, effect=lambda jobs: settling.cancelled(conn, jobs, now=now), now=now
    )
    log.record(conn, actor, "batch.cancelled", at=now, dataset_id=found.dataset_id, batch_id=found.id)
    settling.record_finished(conn, given_up.finished, now=now)
    return find(conn, actor, found.id)


def retry(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> Batch:
    """A new batch of the failed items, each with its asset and from its origin.

    Not of those whose asset is gone, or has been taken in again since. Raises `Conflict` (`nothing_to_retry`) where
    none is left: so repeating it makes no third batch.
    """
    require(actor, Role.MEMBER, "submitting images")
    found = find(conn, actor, reference)
    again = [
        Arriving(
            dataset_id=row.dataset_id, asset_id=row.asset_id, origin=task.origin, media_type=task.media_type
        )
        for row in conn.execute(_FAILED, {"batch": found.id})
        if ids.parse((task := read_task(row.task)).asset) == bytes(row.uuid)
    ]
    if not again:
        raise Conflict(
            "nothing of this batch has failed and is still waiting for its bytes",
            code="nothing_to_retry",
            hint="Look at the batch's items to see what became of them.",
        )
    return _accept(
        conn,
        actor,
        prepare(again),
        priority=found.priority,
        dataset_id=found.dataset_id,
        name=found.name,
        retry_of=found.id,
        now=now,
    )


def estimate(conn: Connection, found: Batch, *, per_organization: int | None = None, now: int) -> int | None:
    """When the batch will probably be finished, a few cheap questions whatever its size; None when there is nothing
    left to wait for. `per_organization` is how many items of one organization may run at once."""
    return estimated(conn, [found], per_organization=per_organization, now=now).get(found.id)


def estimated(
    conn: Connection, found: Sequence[Batch], *, per_organization: int | None = None, now: int
) -> dict[int, int]:
    """`estimate` for each of an organization's batches that it has an answer for, by number: no more questions."""
    wanted = {
        each.id: each.priority
        for each in found
        if each.finished_at is None and not each.superseded and each.settled < each.count
    }
    return estimates.of(conn, found[0].organization_id, wanted, per_organization, now=now) if wanted else {}


def queue_state(
    conn: Connection, organization_id: int | None = None, priority: int | None = None
) -> QueueState:
    """What waits in an organization's lanes, or in everybody's; in one lane, or in both."""
    lanes, open_batches = [lane.c.kind == KIND], list(_WHICH["active"])
    if organization_id is not None:
        lanes.append(lane.c.organization_id == organization_id)
        open_batches.append(batch.c.organization_id == organization_id)
    if priority is not None:
        lanes.append(lane.c.priority == priority)
        open_batches.append(batch.c.priority == priority)
    sums = [func.coalesce(func.sum(column), 0) for column in (lane.c.unfinished, lane.c.running)]
    size, running = conn.execute(select(*sums).where(*lanes)).one()
    batches = conn.scalar(select(func.count()).select_from(batch).where(*open_batches)) or 0
    return QueueState(size=int(size), running=int(running), batches=batches)


def _accept(
    conn: Connection,
    actor: Actor,
    ready: Prepared,
    *,
    priority: int,
    dataset_id: int | None,
    name: str | None,
    retry_of: int | None = None,
    now: int,
) -> Batch:
    uuid = ids.new()
    row = {
        "uuid": uuid,
        "organization_id": actor.organization_id,
        "dataset_id": dataset_id,
        "name": name,
        "priority": priority,
        "count": len(ready.arrivals),
        "retry_of": retry_of,
        "key_id": actor.key_id,
        "created_at": now,
        "finished_at": None if ready.arrivals else now,
    }
    made = conn.execute(insert(batch), row).inserted_primary_key
    assert made is not None
    said = {"batch_id": ids.text(uuid), "count": len(ready.arrivals), "name": name}
    log.record(conn, actor, "batch.created", at=now, dataset_id=dataset_id, batch_id=made[0], data=said)
    if ready.arrivals:
        enter(conn, actor, ready, priority=priority, batch_id=made[0], now=now)
        faults.reach("accept:before-commit")
    else:
        settling.record_finished(conn, [made[0]], now=now)
    return find(conn, actor, made[0])


def _row(conn: Connection, actor: Actor, reference: int | str, *, held: bool = False) -> Row[Any]:
    raw = ids.parse(reference) if isinstance(reference, str) else None
    number = ids.number(str(reference))
    named = batch.c.uuid == raw if raw is not None else batch.c.id == number
    query = select(batch).where(named, batch.c.organization_id == actor.organization_id)
    known = raw is not None or number is not None
    row = conn.execute(query.with_for_update() if held else query).first() if known else None
    if row is None:
        raise NotFound(f"batch {reference!r} not found", hint="List the batches to see which there are.")
    return row


def _from_row(row: Row[Any]) -> Batch:
    values = {field: getattr(row, field) for field in Batch.__struct_fields__ if field != "count"}
    return Batch(**values | {"count": row._mapping["count"]})  # a row has a method of that name


def _item(row: Row[Any]) -> Item:
    task = read_task(row.task)
    raw = ids.parse(task.asset) or b""
    there = row.uuid is not None and bytes(row.uuid) == raw  # a number may have been given again
    return Item(
        position=row.position,
        state=_WORDS[row.state],
        attempt=row.attempt,
        asset_uuid=raw,
        name=row.name if there else None,
        key=row.key if there else None,
        origin=task.origin,
        code=row.error_code,
        reason=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


_STATES: Mapping[ItemState, tuple[State, ...]] = {
    "waiting": (State.READY, State.WAITING),
    "running": (State.RUNNING,),
    "completed": (State.DONE,),
    "failed": (State.FAILED,),
    "cancelled": (State.CANCELLED,),
}
_WORDS: Mapping[int, ItemState] = {int(it): word for word, states in _STATES.items() for it in states}
_WHICH: Mapping[Which, tuple[ColumnElement[bool], ...]] = {
    "all": (),
    "active": (batch.c.finished_at.is_(None), ~batch.c.superseded),
    "recent": (batch.c.finished_at.is_not(None), ~batch.c.superseded),
}
_ORDERS: Mapping[OrderBy, ColumnElement[Any]] = {
    "id": batch.c.id,
    "submitted": batch.c.created_at,
    "finished": batch.c.finished_at,
}
_USUAL_ORDER: Mapping[Which, OrderBy] = {"all": "id", "active": "submitted", "recent": "finished"}
_COUNTED = statement(
    """SELECT count(*) AS members, COALESCE(sum(CASE WHEN j.state = 4 THEN 1 ELSE 0 END), 0) AS cancelled,
        COALESCE(sum(CASE WHEN a.error IS NOT NULL AND COALESCE(j.state, 0) <> 4 THEN 1 ELSE 0 END), 0) AS errors,
        COALESCE(sum(CASE WHEN a.ingested_at >= :submitted THEN 0 ELSE 1 END), 0) AS pending
    FROM asset a LEFT JOIN job j ON j.id = a.job_id WHERE a.batch_id = :batch"""
)
_FAILED = statement(
    """SELECT j.task, a.id AS asset_id, a.uuid, a.dataset_id FROM job j JOIN asset a ON a.id = j.asset_id
    WHERE j.batch_id = :batch AND j.state = 3 AND a.job_id = j.id AND a.state = 'error' ORDER BY j.position"""
)
