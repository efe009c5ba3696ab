"""Finding assets by what was said of them: which, and in which order. Row ids only; `registrations` reads the rest."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    case,
    false,
    func,
    literal_column,
    select,
)

from stackroom.database.schema import ARCHIVED, LIVE, asset, asset_manifest, dataset, job, registration
from stackroom.errors import Invalid
from stackroom.library import assets, listing
from stackroom.library.datasets import MAX_NUMBER

STRINGS = ("string1", "string2", "string3")
NUMBERS = ("number1", "number2", "number3")
INGESTING = "ingesting"
State = Literal["completed", "failed", "failed or cancelled"]
# Spelled out, as in the index of those that failed; cancelled ones have none.
_JOB_STATES: dict[State, ColumnElement[bool]] = {
    "completed": job.c.state == literal_column("2"),
    "failed": job.c.state == literal_column("3"),
    "failed or cancelled": job.c.state.in_((literal_column("3"), literal_column("4"))),
}


class Where(msgspec.Struct, kw_only=True, frozen=True):
    """Which live assets of an organization: those for which all that is given holds.

    `pointer` is the batch that an asset belongs to now, `member_of` one that it was ever part of; `state` is what
    became of it there. Of `manifests` an asset has at least one. An unknown space has none.
    """

    space: int | None = None
    pointer: int | None = None
    member_of: int | None = None
    state: State | None = None
    string1: str | None = None
    string2: str | None = None
    string3: str | None = None
    number1: int | None = None
    number2: int | None = None
    number3: int | None = None
    manifests: tuple[str, ...] | None = None


class _Order(msgspec.Struct, frozen=True):
    """What to sort by; nothing means by age, the order of the row ids. `said`: it stands in the registration."""

    expression: Callable[[Connection], ColumnElement[Any]] | None = None
    said: bool = False


def _of_asset(column: ColumnElement[Any]) -> _Order:
    return _Order(lambda _: column)


def _of_registration(name: str, otherwise: Any) -> _Order:
    return _Order(lambda _: func.coalesce(registration.c[name], otherwise), said=True)


def _key(conn: Connection) -> ColumnElement[Any]:
    """A key or, for an asset without one, its id, whose digits are in the same order with dashes and without."""
    sqlite = conn.dialect.name == "sqlite"
    digits = func.lower(func.hex(asset.c.uuid)) if sqlite else func.encode(asset.c.uuid, "hex")
    return func.coalesce(asset.c.key, digits)


_SPACE = select(dataset.c.number).where(dataset.c.id == asset.c.dataset_id).scalar_subquery()
_FAMILY = case(
    (asset.c.content_type.like("image/%"), "I"),
    (asset.c.content_type.like("audio/%") | asset.c.content_type.like("video/%"), "T"),
    else_="F",
)
ORDERS: Mapping[str, _Order] = MappingProxyType(
    {
        "created": _Order(),
        "id": _Order(_key),
        "space": _of_asset(_SPACE),
        "width": _of_asset(func.coalesce(asset.c.width, 0)),
        "height": _of_asset(func.coalesce(asset.c.height, 0)),
        "duration": _of_asset(func.coalesce(asset.c.duration, 0)),
        "finished": _of_asset(func.coalesce(asset.c.ingested_at, asset.c.created_at)),
        "ingesting": _of_asset(case((asset.c.state == INGESTING, 1), else_=0)),
        "error": _of_asset(func.coalesce(asset.c.error, "")),
        "batch": _of_asset(func.coalesce(asset.c.batch_id, 0)),
        "origin": _of_registration("origin", ""),
        "mediatype": _of_registration("media_type", asset.c.content_type),
        "family": _of_registration("family", _FAMILY),
        "maxunauthorised": _of_registration("max_unauthorised", -1),
        **{name: _of_registration(name, "") for name in STRINGS},
        **{name: _of_registration(name, 0) for name in NUMBERS},
    }
)
"""By which properties assets can be ordered, in lower case."""


def page(
    conn: Connection,
    organization_id: int,
    where: Where,
    *,
    order: str = "created",
    descending: bool = False,
    limit: int,
    offset: int = 0,
    now: int | None = None,
) -> tuple[list[int], int]:
    """The row ids of a page, those that are alike in its order by their age, and how many there are in all; given the
    present moment, without what has expired and is not gone yet.

    Raises `Invalid` (`unknown_order`) for what is not one of `ORDERS`, in any case.
    """
    by = ORDERS.get(order.lower())
    if by is None:
        raise Invalid(
            f"images cannot be ordered by {order!r}",
            code="unknown_order",
            hint="Order by a property that an image has one value of, such as created, id, string1 or number2.",
        )
    froms, key, conditions = _matching(organization_id, where, said=by.said)
    late = listing.unexpired(conn, now)
    conditions += late
    if where == Where(space=where.space) and not late:
        total = _count(conn, _of_datasets(organization_id, where.space))
    else:
        total = conn.scalar(select(func.count()).select_from(froms).where(*conditions)) or 0
    if offset >= total:
        return [], total
    keys = [by.expression(conn), key] if by.expression else [key]
    ordered = [each.desc() if descending else each.asc() for each in keys]
    chosen = select(key).select_from(froms).where(*conditions).order_by(*ordered)
    return list(conn.scalars(chosen.limit(limit).offset(offset))), total


def _count(conn: Connection, here: ColumnElement[bool]) -> int:
    """All but the archived: two short indexes say so, where asking for the live ones looks at every row."""
    every, hidden = (
        select(func.count()).select_from(asset).where(here, *state).scalar_subquery()
        for state in ((), (ARCHIVED,))
    )
    return conn.scalar(select(every - hidden)) or 0


def _matching(
    organization_id: int, where: Where, *, said: bool
) -> tuple[FromClause, ColumnElement[int], list[ColumnElement[bool]]]:
    """What to select from, the column of the row ids in it, and the conditions. `said` joins what is sorted by.

    What finds the fewest is looked up in its index; all else is asked of each row of that and of no index, because
    with a second one to choose from the planners choose wrongly.
    """
    given = {name: value for name in (*STRINGS, *NUMBERS) if (value := getattr(where, name)) is not None}
    told = [name for name, value in given.items() if value]
    found = _looked_up(where)
    froms: FromClause = asset
    key: ColumnElement[int] = asset.c.id
    conditions: list[ColumnElement[bool]] = [LIVE, *found]
    if told and not found:
        froms, key = registration.join(asset, asset.c.id == registration.c.asset_id), registration.c.asset_id
        # The index holds only what is not empty, and must be told so in these words.
        empty: ColumnElement[Any] = literal_column("0" if told[0] in NUMBERS else "''")
        conditions += [registration.c.organization_id == organization_id, registration.c[told[0]] != empty]
    elif given or said:
        froms = asset.outerjoin(registration, registration.c.asset_id == asset.c.id)
    for name, value in given.items():
        column = registration.c[name]
        conditions.append(column == value if value else func.coalesce(column, value) == value)
    if not found and not told:
        conditions.append(_of_datasets(organization_id, where.space))
        return froms, key, conditions
    conditions.append(assets.belongs_to(organization_id))
    if where.space is not None:
        conditions.append(false() if not 0 < where.space <= MAX_NUMBER else _SPACE == where.space)  # noqa: SIM300 - a comparison of SQL's
    return froms, key, conditions


def _looked_up(where: Where) -> list[ColumnElement[bool]]:
    """The conditions that have an index of their own: the first is looked up, others are asked of what it finds."""
    conditions: list[ColumnElement[bool]] = []
    if where.pointer is not None:
        conditions.append(asset.c.batch_id == where.pointer)
    if where.member_of is not None:
        members = select(job.c.asset_id).where(job.c.batch_id == where.member_of, job.c.asset_id.is_not(None))
        if where.state is not None:
            members = members.where(_JOB_STATES[where.state])
        conditions.append(_among(members, job.c.asset_id, first=not conditions))
    if where.manifests is not None:
        using = select(asset_manifest.c.asset_id).where(asset_manifest.c.manifest.in_(where.manifests))
        conditions.append(_among(using, asset_manifest.c.asset_id, first=not conditions))
    return conditions


def _among(chosen: Select[Any], asset_id: ColumnElement[Any], *, first: bool) -> ColumnElement[bool]:
    return asset.c.id.in_(chosen) if first else chosen.where(asset_id == asset.c.id).exists()


def _of_datasets(organization_id: int, space: int | None) -> ColumnElement[bool]:
    """Every asset belongs to a dataset, which belongs to the organization: that need not be asked again."""
    mine = select(dataset.c.id).where(dataset.c.organization_id == organization_id)
    if space is None:
        return asset.c.dataset_id.in_(mine)
    if not 0 < space <= MAX_NUMBER:
        return false()
    return asset.c.dataset_id == mine.where(dataset.c.number == space).scalar_subquery()
