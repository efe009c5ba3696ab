"""Who did what, and who asked for what: the record of an organization, changes and requests alike.

Reads what `events.log` and `events.requests` write. Nothing here changes it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select

from stackroom.access import Actor, Role, require
from stackroom.database.schema import api_key, event
from stackroom.errors import NotFound

_ANY_ID = "_" * 8 + "-____" * 3 + "-" + "_" * 12
_ESCAPE = "\\"

# What came of a change is not kept: the record of changes has none that failed.
_STATUS = func.coalesce(
    event.c.status,
    case(
        (event.c.type == "authentication.failed", 401),
        (event.c.type == "asset.created", 200),
        (event.c.type == "asset.copied", 201),
        (event.c.type.like("%.created"), 201),
        (event.c.type.like("%.deleted"), 204),
        else_=200,
    ),
)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; None is anything. Moments are inclusive, and `path` is a part of one in any case, in which
    `:id` stands for any id."""

    since: int | None = None
    until: int | None = None
    method: str | None = None
    status: int | None = None
    path: str | None = None
    kinds: Sequence[str] | None = None
    request_id: str | None = None
    asset: bytes | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the record. A change has no size and no duration of its own; `key` is whose request it was, if any."""

    id: int
    kind: str
    at: int
    request_id: str | None
    key: bytes | None
    asset: bytes | None
    method: str | None
    path: str | None
    query: str | None
    status: int
    request_bytes: int
    response_bytes: int
    duration_us: int
    ip: str | None
    user_agent: str | None
    data: dict[str, Any]


_ENTRIES = select(event, _STATUS.label("outcome"), api_key.c.uuid.label("key_uuid")).outerjoin_from(
    event, api_key, api_key.c.id == event.c.key_id
)


def page(
    conn: Connection, actor: Actor, wanted: Filters, *, limit: int, offset: int
) -> tuple[list[Entry], int]:
    """Newest first, and how many there are altogether. Raises `Forbidden`."""
    require(actor, Role.ADMIN, "reading the audit log")
    where = and_(event.c.organization_id == actor.organization_id, *_conditions(wanted))
    rows = conn.execute(_ENTRIES.where(where).order_by(event.c.id.desc()).limit(limit).offset(offset))
    found = [_entry(row) for row in rows]
    total = conn.scalar(select(func.count()).select_from(event).where(where)) or 0
    return found, total


def find(conn: Connection, actor: Actor, entry_id: int) -> Entry:
    """Raises `NotFound`, for another organization's as for none, and `Forbidden`."""
    require(actor, Role.ADMIN, "reading the audit log")
    mine = event.c.organization_id == actor.organization_id
    row = conn.execute(_ENTRIES.where(mine, event.c.id == entry_id)).first()
    if row is None:
        raise NotFound("Audit log not found")
    return _entry(row)


def _conditions(wanted: Filters) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield event.c.at >= wanted.since
    if wanted.until is not None:
        yield event.c.at <= wanted.until
    if wanted.method is not None:
        yield event.c.method == wanted.method.upper()
    if wanted.status is not None:
        yield _STATUS.in_([wanted.status])
    if wanted.path is not None:
        yield _has(wanted.path)
    if wanted.kinds is not None:
        yield event.c.type.in_(wanted.kinds)
    if wanted.request_id is not None:
        yield event.c.request_id == wanted.request_id
    if wanted.asset is not None:
        yield event.c.asset_uuid == wanted.asset


def _has(part: str) -> ColumnElement[bool]:
    """The path as it is, or with each id in it as `:id`, has this part."""
    spelled = part.lower()
    for special in (_ESCAPE, "%", "_"):
        spelled = spelled.replace(special, _ESCAPE + special)
    path = func.lower(event.c.path)
    as_it_is = path.like(f"%{spelled}%", escape=_ESCAPE)
    if ":id" not in spelled:
        return as_it_is
    return or_(as_it_is, path.like(f"%{spelled.replace(':id', _ANY_ID)}%", escape=_ESCAPE))


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        kind=row.type,
        at=row.at,
        request_id=row.request_id,
        key=row.key_uuid,
        asset=row.asset_uuid,
        method=row.method,
        path=row.path,
        query=row.query,
        status=row.outcome,
        request_bytes=row.request_bytes or 0,
        response_bytes=row.response_bytes or 0,
        duration_us=row.duration_us or 0,
        ip=row.ip,
        user_agent=row.user_agent,
        data=msgspec.json.decode(row.data, type=dict[str, Any]),
    )
