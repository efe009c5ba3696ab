"""Reading the record of what happened: the audit log of every face, with the requests that were answered in it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from stackroom.access import Actor, Role, require
from stackroom.database.schema import api_key, batch, dataset, event, operation, organization
from stackroom.errors import NotFound

REQUEST = "http.request"
"""The type of a row that is no change, but a request: kept for some weeks, and only shown where it is asked for."""
# Said as the two indexes say it of which each holds one kind.
_OF_REQUESTS = event.c.type == literal_column(f"'{REQUEST}'")
_OF_CHANGES = event.c.type != literal_column(f"'{REQUEST}'")

_ANY_ID = "_" * 8 + "-____" * 3 + "-" + "_" * 12
_ESCAPE = "\\"
_LONGEST = 2000  # no path is recorded beyond that, and SQLite takes no pattern of any length
# What came of a change: nothing is recorded of one that failed.
_OF_KIND = {"authentication.failed": 401, "asset.created": 200, "asset.copied": 201}
_OF_VERB = {"created": 201, "deleted": 204}
_MOMENTS = ("uploaded_at", "expires_at")  # of the data of an asset's events
_OUTCOME = func.coalesce(
    event.c.status,
    case(
        *((event.c.type == kind, status) for kind, status in _OF_KIND.items()),
        *((event.c.type.like(f"%.{verb}"), status) for verb, status in _OF_VERB.items()),
        else_=200,
    ),
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. Of what it was about and is gone the id is not known any more, but for an asset's."""

    id: int
    uuid: bytes
    organization_id: int
    organization_uuid: bytes
    type: str
    at: int
    dataset_uuid: bytes | None = None
    asset_uuid: bytes | None = None
    operation_uuid: bytes | None = None
    batch_uuid: bytes | None = None
    key_uuid: bytes | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    status: int | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    duration_us: int | None = None
    data: dict[str, Any]

    def told(self, moment: Callable[[int], object]) -> dict[str, Any]:
        """The data, with each moment in it as whoever tells the event spells it."""
        spelled = {name: moment(self.data[name]) for name in _MOMENTS if isinstance(self.data.get(name), int)}
        return {**self.data, **spelled}

    @property
    def outcome(self) -> int:
        """The status of a request; of a change, that which says what came of it."""
        if self.status is not None:
            return self.status
        return _OF_KIND.get(self.type) or _OF_VERB.get(self.type.rpartition(".")[2], 200)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: those to which all of this applies. `since` and `until` are moments, both included.

    Without `types` these are changes alone; with `requests`, requests as well.
    """

    types: tuple[str, ...] = ()
    requests: bool = False
    since: int | None = None
    until: int | None = None
    asset: bytes | None = None
    operation: bytes | None = None
    batch: bytes | None = None
    request_id: str | None = None
    method: str | None = None
    status: int | None = None
    """What was answered, or would have been had the change been the only one (`outcome`)."""
    path: str | None = None
    """A part of it, in whatever case; `:id` stands for any id."""


def page(
    conn: Connection,
    actor: Actor,
    filters: Filters,
    *,
    before: int | None = None,
    after: int | None = None,
    upto: int | None = None,
    offset: int = 0,
    limit: int,
) -> list[Event]:
    """Events, newest first, from `before` that id on; or, with `after`, oldest first those that follow that id, `upto`
    one at most (`events.following`)."""
    require(actor, Role.ADMIN, "reading the events")
    upwards = after is not None
    found = [*_where(actor, filters)]
    if before is not None:
        found.append(event.c.id < before)
    if after is not None:
        found.append(event.c.id > after)
    if upto is not None:
        found.append(event.c.id <= upto)
    pages = []
    for kind in _kinds(filters):  # of each its own index
        chosen = select(event.c.id).where(*found, kind)
        chosen = chosen.order_by(event.c.id if upwards else event.c.id.desc()).limit(limit + offset)
        pages.append(select(chosen.subquery().c.id))
    ids = (pages[0] if len(pages) == 1 else union_all(*pages)).subquery()
    query = _query().join(ids, ids.c.id == event.c.id)
    query = query.order_by(event.c.id if upwards else event.c.id.desc()).offset(offset).limit(limit)
    return [from_row(row) for row in conn.execute(query)]


def count(conn: Connection, actor: Actor, filters: Filters) -> int:
    """How many there are on all pages together."""
    require(actor, Role.ADMIN, "reading the events")
    found = list(_where(actor, filters))
    return sum(
        conn.scalar(select(func.count()).select_from(event).where(*found, kind)) or 0
        for kind in _kinds(filters)
    )


def find(conn: Connection, actor: Actor, event_id: int) -> Event:
    """By number. Raises `NotFound`, for another organization's event as for none."""
    require(actor, Role.ADMIN, "reading an event")
    found = by_id(conn, event_id)
    if found is None or found.organization_id != actor.organization_id:
        raise NotFound(f"event {event_id} not found", hint="List them; old ones may have been forgotten.")
    return found


def by_id(conn: Connection, event_id: int) -> Event | None:
    """An event of anybody, for who has the right to it."""
    row = conn.execute(_by_id(), {"number": event_id}).first()
    return None if row is None else from_row(row)


@cache
def _by_id() -> Select[Any]:
    """Put together once, and not for each event."""
    return _query().where(event.c.id == bindparam("number"))


def _kinds(filters: Filters) -> list[ColumnElement[bool]]:
    wanted = []
    if not filters.types or set(filters.types) - {REQUEST}:
        wanted.append(_OF_CHANGES)
    of_none = filters.asset is filters.operation is filters.batch is None
    if (filters.requests or REQUEST in filters.types) and (of_none or not wanted):
        wanted.append(_OF_REQUESTS)
    return wanted


def _where(actor: Actor, filters: Filters) -> list[ColumnElement[bool]]:
    mine, c = actor.organization_id, event.c
    said: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "types": c.type.in_,
        "since": lambda it: c.at >= it,
        "until": lambda it: c.at <= it,
        "asset": lambda it: c.asset_uuid == it,
        "operation": lambda it: c.operation_id == _id_of(operation, it, mine),
        "batch": lambda it: c.batch_id == _id_of(batch, it, mine),
        "request_id": lambda it: c.request_id == it,
        "method": lambda it: c.method == it.upper(),
        "status": lambda it: _OUTCOME.in_([it]),
        "path": _has,
    }
    values = {name: getattr(filters, name) for name in said}
    given = {name: it for name, it in values.items() if it not in {None, ()}}
    # An asset's events have an index of their own, which SQLite overlooks for that of the organization's.
    owner = c.organization_id + 0 if filters.asset is not None else c.organization_id
    return [owner == mine, *(said[name](it) for name, it in given.items())]


def _has(part: str) -> ColumnElement[bool]:
    """The path as it is, or with each id in it as `:id`, has this part."""
    if len(part) > _LONGEST:
        return false()
    spelled = part.lower()
    for special in (_ESCAPE, "%", "_"):
        spelled = spelled.replace(special, _ESCAPE + special)
    path = func.lower(event.c.path)
    ways = {spelled, spelled.replace(":id", _ANY_ID)}
    return or_(*(path.like(f"%{way}%", escape=_ESCAPE) for way in sorted(ways)))


def _id_of(table: Any, uuid: bytes | None, organization_id: int) -> Any:
    mine = table.c.organization_id == organization_id
    return select(table.c.id).where(table.c.uuid == uuid, mine).scalar_subquery()


def _query() -> Select[Any]:
    return (
        select(
            event,
            organization.c.uuid.label("organization_uuid"),
            dataset.c.uuid.label("dataset_uuid"),
            operation.c.uuid.label("operation_uuid"),
            batch.c.uuid.label("batch_uuid"),
            api_key.c.uuid.label("key_uuid"),
        )
        .join(organization, organization.c.id == event.c.organization_id)
        .outerjoin(dataset, dataset.c.id == event.c.dataset_id)
        .outerjoin(operation, operation.c.id == event.c.operation_id)
        .outerjoin(batch, batch.c.id == event.c.batch_id)
        .outerjoin(api_key, api_key.c.id == event.c.key_id)
    )


def from_row(row: Row[Any]) -> Event:
    values = {field: getattr(row, field) for field in Event.__struct_fields__}
    return Event(**{**values, "data": msgspec.json.decode(row.data)})
