"""Deliveries: one event on its way to one endpoint. How each stands, and having one made again.

pending     nobody has tried yet
retrying    it was tried in vain, and will be tried again at `next_at`
delivered   the receiver has said so
failed      it is not tried any more: often enough, or the endpoint is off
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, insert, literal_column, select

from stackroom import ids
from stackroom.access import Actor, Role, nobody, require
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import delivery, event, webhook_endpoint
from stackroom.errors import Conflict, NotFound
from stackroom.events import log
from stackroom.library import endpoints
from stackroom.library.endpoints import Endpoint
from stackroom.queue.jobs import DEFAULT, NewJob
from stackroom.queue.submit import submit_one
from stackroom.webhooks.telling import KIND, Task

State = Literal["pending", "retrying", "delivered", "failed"]
STATES: tuple[State, ...] = ("pending", "retrying", "delivered", "failed")
OFF = "the webhook is switched off"
FORGOTTEN = "the event has been forgotten"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` counts those made; `status_code`, `response` and `error` are of the last, which began at `sent_at`."""

    id: int
    uuid: bytes
    endpoint_id: int
    endpoint_uuid: bytes
    event_id: int
    event_uuid: bytes | None
    event_type: str | None
    state: State
    attempts: int
    status_code: int | None
    response: str | None
    error: str | None
    created_at: int
    sent_at: int | None
    next_at: int | None
    finished_at: int | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver: when it began, and what came of it. Without an `error` it is delivered."""

    sent_at: int
    status_code: int | None = None
    response: str | None = None
    error: str | None = None


def page(
    conn: Connection,
    actor: Actor,
    *,
    endpoint: Endpoint | None = None,
    states: tuple[State, ...] = (),
    before: int | None = None,
    offset: int = 0,
    limit: int,
) -> list[Delivery]:
    """Deliveries to one endpoint or to all, newest first, from `before` that number on."""
    require(actor, Role.ADMIN, "seeing the deliveries of webhooks")
    where = [delivery.c.organization_id == actor.organization_id]
    if endpoint is not None:
        where.append(delivery.c.endpoint_id == endpoint.id)
    if before is not None:
        where.append(delivery.c.id < before)
    if states:
        where.append(delivery.c.state.in_(states))
        if (
            "delivered" not in states
        ):  # which is most of them: of the others there is an index, that says it so
            where.append(literal_column("state <> 'delivered'"))
    query = _query(*where).order_by(delivery.c.id.desc()).offset(offset).limit(limit)
    return [_from_row(row) for row in conn.execute(query)]


def find(conn: Connection, actor: Actor, reference: str, endpoint: Endpoint | None = None) -> Delivery:
    """By id, of one endpoint or of any. Raises `NotFound`, for another organization's delivery as for none."""
    require(actor, Role.ADMIN, "seeing a delivery")
    raw = ids.parse(reference)
    where = [delivery.c.organization_id == actor.organization_id, delivery.c.uuid == (raw or b"")]
    if endpoint is not None:
        where.append(delivery.c.endpoint_id == endpoint.id)
    row = conn.execute(_query(*where)).first()
    if row is None:
        raise NotFound(
            f"delivery {reference!r} not found", hint="List them to see their ids; old ones are forgotten."
        )
    return _from_row(row)


def by_id(conn: Connection, delivery_id: int) -> Delivery | None:
    """Anybody's, for who delivers it."""
    row = conn.execute(_by_id(), {"number": delivery_id}).first()
    return None if row is None else _from_row(row)


def last_sent(conn: Connection, of: Sequence[Endpoint]) -> dict[int, int]:
    """When something was last sent to each endpoint, by its number, where something was."""
    latest = (
        select(delivery.c.sent_at)
        .where(delivery.c.endpoint_id == webhook_endpoint.c.id, delivery.c.sent_at.is_not(None))
        .order_by(delivery.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = conn.execute(
        select(webhook_endpoint.c.id, latest).where(webhook_endpoint.c.id.in_([each.id for each in of]))
    )
    return {number: at for number, at in rows if at is not None}


def redeliver(conn: Connection, actor: Actor, found: Delivery, *, now: int) -> Delivery:
    """Have an event brought to an endpoint again, whatever came of it before: as a new delivery, which is returned.

    Raises `Conflict` where that cannot be: the endpoint is off, or the event is no longer known. Each call makes one.
    """
    require(actor, Role.ADMIN, "delivering again")
    endpoint = endpoints.deliver_to(conn, found.endpoint_id)
    if endpoint is None or not endpoint.enabled:
        raise Conflict(OFF, code="webhook_disabled", hint="Enable it first.")
    if found.event_uuid is None:
        raise Conflict(
            FORGOTTEN, code="event_forgotten", hint="What happened longer ago cannot be sent again."
        )
    row = {
        "uuid": ids.new(),
        "organization_id": actor.organization_id,
        "endpoint_id": found.endpoint_id,
        "event_id": found.event_id,
        "created_at": now,
        "next_at": now,
    }
    delivery_id: int = conn.execute(insert(delivery).returning(delivery.c.id), row).scalar_one()
    task = msgspec.json.encode(Task(delivery_id, found.endpoint_id)).decode()
    job_id = submit_one(
        conn,
        organization_id=actor.organization_id,
        kind=KIND,
        priority=DEFAULT,
        job=NewJob(task),
        now=now,
    )
    conn.execute(delivery.update().where(delivery.c.id == delivery_id).values(job_id=job_id))
    made = by_id(conn, delivery_id)
    assert made is not None
    return made


def note_success(conn: Connection, done: Delivery, attempt: Attempt, *, now: int) -> None:
    """It has arrived; the endpoint's failures are forgotten."""
    _note(conn, done, attempt, "delivered", next_at=None, finished_at=now)
    conn.execute(
        statement("UPDATE webhook_endpoint SET failures = 0 WHERE id = :endpoint AND failures <> 0"),
        {"endpoint": done.endpoint_id},
    )


def note_failure(conn: Connection, tried: Delivery, attempt: Attempt, *, next_at: int) -> None:
    """It has not arrived, and will be tried again."""
    _note(conn, tried, attempt, "retrying", next_at=next_at, finished_at=None)
    _count_failure(conn, tried)


def give_up(conn: Connection, tried: Delivery, attempt: Attempt, *, now: int) -> None:
    """It has been tried often enough. Where nothing else has arrived meanwhile, the endpoint is switched off."""
    _note(conn, tried, attempt, "failed", next_at=None, finished_at=now)
    _count_failure(conn, tried)
    tries = tried.attempts + 1
    # Fewer failures than its own: something has arrived, or somebody has switched the endpoint on. Of others it takes a
    # look at what has arrived.
    off = conn.execute(
        statement(f"""{flavour.of(conn).update} webhook_endpoint SET enabled = false, deactivated_at = :now,
                deactivation_reason = :reason
            WHERE id = :endpoint AND enabled AND failures >= :tries AND NOT EXISTS (SELECT 1 FROM delivery d
                WHERE d.endpoint_id = webhook_endpoint.id AND d.state = 'delivered' AND d.finished_at >= :since)
            RETURNING organization_id, deactivation_reason"""),
        {
            "now": now,
            "reason": f"a delivery was tried {tries} times in vain, and none succeeded meanwhile",
            "endpoint": tried.endpoint_id,
            "tries": tries,
            "since": tried.created_at,
        },
    ).first()
    if off is not None:
        data = {"webhook": ids.text(tried.endpoint_uuid), "reason": off.deactivation_reason}
        log.record(conn, nobody(off.organization_id), "webhook.deactivated", at=now, data=data)


def drop(conn: Connection, found: Delivery, reason: str, *, now: int) -> None:
    """It will not be tried any more, through no fault of the receiver's."""
    conn.execute(
        statement("""UPDATE delivery SET state = 'failed', error = :reason, next_at = NULL, finished_at = :now
            WHERE id = :id AND finished_at IS NULL"""),
        {"reason": reason, "now": now, "id": found.id},
    )


def _note(
    conn: Connection,
    tried: Delivery,
    attempt: Attempt,
    state: State,
    *,
    next_at: int | None,
    finished_at: int | None,
) -> None:
    conn.execute(
        statement("""UPDATE delivery SET state = :state, attempts = attempts + 1, status_code = :status_code,
                response = :response, error = :error, sent_at = :sent_at, next_at = :next_at,
                finished_at = :finished_at
            WHERE id = :id"""),
        {
            **msgspec.structs.asdict(attempt),
            "state": state,
            "next_at": next_at,
            "finished_at": finished_at,
            "id": tried.id,
        },
    )


def _count_failure(conn: Connection, tried: Delivery) -> None:
    conn.execute(
        statement("UPDATE webhook_endpoint SET failures = failures + 1 WHERE id = :endpoint"),
        {"endpoint": tried.endpoint_id},
    )


def _query(*where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            delivery,
            webhook_endpoint.c.uuid.label("endpoint_uuid"),
            event.c.uuid.label("event_uuid"),
            event.c.type.label("event_type"),
        )
        .join(webhook_endpoint, webhook_endpoint.c.id == delivery.c.endpoint_id)
        .outerjoin(event, event.c.id == delivery.c.event_id)
        .where(*where)
    )


@cache
def _by_id() -> Select[Any]:
    """Put together once, and not for each delivery."""
    return _query(delivery.c.id == bindparam("number"))


def _from_row(row: Row[Any]) -> Delivery:
    return Delivery(**{field: getattr(row, field) for field in Delivery.__struct_fields__})
