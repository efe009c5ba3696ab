"""What an organization stores, and what it asks: counted from the rows when it is asked for, its own alone."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, literal_column, select

from stackroom.access import Actor, Role, require
from stackroom.database.schema import asset, event
from stackroom.events.requests import HTTP_REQUEST
from stackroom.library import media
from stackroom.media.kinds import Kind

_NOTHING: Final = 0
_CLASSES: Final = (2, 3, 4, 5)
# Said as the index says it that holds requests alone.
_OF_REQUESTS: Final = event.c.type == literal_column(f"'{HTTP_REQUEST}'")


class Amount(msgspec.Struct, frozen=True):
    """How many files there are, and how many bytes they have."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.count + other.count, self.bytes + other.bytes)


class Storage(msgspec.Struct, frozen=True):
    """Media by kind and content type."""

    held: dict[tuple[str, str], Amount]

    @property
    def total(self) -> Amount:
        return sum(self.held.values(), Amount())

    def of_kind(self, kind: str) -> Amount:
        return sum((amount for (each, _), amount in self.held.items() if each == kind), Amount())

    def by_content_type(self) -> dict[str, Amount]:
        found: dict[str, Amount] = {}
        for (_, content_type), amount in sorted(self.held.items()):
            found[content_type] = found.get(content_type, Amount()) + amount
        return found


class Period(msgspec.Struct, frozen=True):
    """From one moment to another, both included; None is without end."""

    since: int | None = None
    until: int | None = None


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Of requests: how many, their bytes, how long they took, and how many of them were answered 2xx, 3xx, 4xx, 5xx."""

    requests: int
    sent: int
    received: int
    average_us: float
    shortest_us: int
    longest_us: int
    answered: tuple[int, int, int, int]


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    all: Numbers
    by_method: dict[str, int]
    by_status: dict[int, int]


def storage(conn: Connection, actor: Actor, *, now: int) -> Storage:
    """All media that are seen now."""
    counted = (
        select(asset.c.kind, asset.c.content_type, func.count(), func.coalesce(func.sum(asset.c.size), 0))
        .where(media.visible(actor, now), asset.c.kind.in_([kind.value for kind in Kind]))
        .group_by(asset.c.kind, asset.c.content_type)
    )
    return Storage(
        {
            (str(kind), content_type): Amount(count, int(size))
            for kind, content_type, count, size in conn.execute(counted)
        }
    )


def traffic(conn: Connection, actor: Actor, period: Period) -> Traffic:
    """What was asked in a period, as far back as requests are remembered. Raises `Forbidden`."""
    require(actor, Role.ADMIN, "seeing what was asked")
    where = _requests(actor, period)
    columns = event.c.method, event.c.status
    counted = conn.execute(select(*columns, func.count()).where(*where).group_by(*columns)).all()
    by_method: dict[str, int] = {}
    by_status: dict[int, int] = {}
    for method, status, count in counted:
        by_method[method or ""] = by_method.get(method or "", 0) + count
        by_status[status or 0] = by_status.get(status or 0, 0) + count
    together = conn.execute(select(*_numbers()).where(*where)).one()
    return Traffic(all=_read(together), by_method=by_method, by_status=by_status)


def paths(conn: Connection, actor: Actor, period: Period, *, limit: int) -> list[tuple[str, Numbers]]:
    """The paths that were asked for most, with what was asked of each. Raises `Forbidden`."""
    require(actor, Role.ADMIN, "seeing what was asked")
    numbers = _numbers()
    found = (
        select(event.c.path, *numbers)
        .where(*_requests(actor, period))
        .group_by(event.c.path)
        .order_by(numbers[0].desc(), event.c.path)
        .limit(limit)
    )
    return [(row.path or "", _read(row)) for row in conn.execute(found)]


def _requests(actor: Actor, period: Period) -> Sequence[ColumnElement[bool]]:
    where = [event.c.organization_id == actor.organization_id, _OF_REQUESTS]
    if period.since is not None:
        where.append(event.c.at >= period.since)
    if period.until is not None:
        where.append(event.c.at <= period.until)
    return where


def _numbers() -> list[ColumnElement[Any]]:
    took = func.coalesce(event.c.duration_us, _NOTHING)
    answered = [
        func.sum(case((event.c.status.between(100 * first, 100 * first + 99), 1), else_=0))
        for first in _CLASSES
    ]
    return [
        func.count().label("requests"),
        func.sum(func.coalesce(event.c.response_bytes, _NOTHING)).label("sent"),
        func.sum(func.coalesce(event.c.request_bytes, _NOTHING)).label("received"),
        func.avg(took).label("average"),
        func.min(took).label("shortest"),
        func.max(took).label("longest"),
        *(each.label(f"answered_{first}") for first, each in zip(_CLASSES, answered, strict=True)),
    ]


def _read(row: Any) -> Numbers:
    ok, elsewhere, refused, failed = (int(getattr(row, f"answered_{first}") or 0) for first in _CLASSES)
    return Numbers(
        requests=row.requests,
        sent=int(row.sent or 0),
        received=int(row.received or 0),
        average_us=float(row.average or 0),
        shortest_us=int(row.shortest or 0),
        longest_us=int(row.longest or 0),
        answered=(ok, elsewhere, refused, failed),
    )
