"""Datasets: named sets of assets, each with its own tree of folders."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import ARCHIVED, LIVE, asset, dataset, folder, spent_number
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import changes
from stackroom.library.names import ROOT, clean_dataset_name, compose

ANNOTATION_TYPES = frozenset({"bbox", "box", "polygon", "polyline", "keypoint"})
MAX_CLASS_NAME = 120
MAX_NUMBER = 2**31 - 1


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What new images of a dataset are to have, where a protocol has such defaults."""

    tags: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    max_unauthorised: int = -1


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    organization_id: int
    number: int
    name: str
    description: str | None
    readme: str | None
    annotation_types: list[str]
    classes: list[dict[str, Any]]
    archived_at: int | None
    created_at: int
    updated_at: int
    defaults: Defaults = Defaults()


class DatasetChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change of a dataset. UNSET leaves alone; None clears.

    `classes_base` is the list of classes that the caller had seen: then only what differs between it and
    `classes` is changed, and what somebody else has changed meanwhile stays.
    """

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    readme: str | UnsetType | None = UNSET
    annotation_types: list[str] | UnsetType = UNSET
    classes: list[dict[str, Any]] | UnsetType = UNSET
    classes_base: list[dict[str, Any]] | UnsetType = UNSET
    defaults: Defaults | UnsetType = UNSET


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset holds. All but `archived` count live assets only; `bytes` counts shared bytes once per asset."""

    assets: int = 0
    complete: int = 0
    bytes: int = 0
    archived: int = 0


def create(
    conn: Connection,
    actor: Actor,
    name: str,
    *,
    description: str | None = None,
    readme: str | None = None,
    annotation_types: Sequence[str] = ("bbox",),
    classes: Sequence[dict[str, Any]] = (),
    number: int | None = None,
    defaults: Defaults | None = None,
    now: int,
) -> Dataset:
    """Make an empty dataset with its root folder.

    Without a `number` it gets the lowest that none of the organization's datasets ever had. Raises `Conflict` for a
    taken name or number, `Invalid` for a bad one.
    """
    require(actor, Role.MEMBER, "creating a dataset")
    name = clean_dataset_name(name)
    check_annotation_types(annotation_types)
    check_classes(classes)
    _refuse_taken(conn, actor, name)
    number = _free_number(conn, actor) if number is None else _checked_number(conn, actor, number)
    uuid = ids.new()
    conn.execute(
        insert(dataset).values(
            uuid=uuid,
            organization_id=actor.organization_id,
            number=number,
            name=name,
            description=description,
            readme=readme,
            annotation_types=_json(list(annotation_types)),
            classes=_json(list(classes)),
            created_at=now,
            updated_at=now,
            defaults=None if defaults is None else _json(defaults),
        )
    )
    made = find(conn, actor, ids.text(uuid))
    conn.execute(insert(folder).values(uuid=ids.new(), dataset_id=made.id, path=ROOT, created_at=now))
    log.record(conn, actor, "dataset.created", at=now, dataset_id=made.id, data={"name": name})
    return made


def find(conn: Connection, actor: Actor, reference: str) -> Dataset:
    """By id or by name. Raises `NotFound`, for another organization's dataset as for none."""
    raw = ids.parse(reference)
    found = _where(conn, actor, dataset.c.uuid == raw if raw else dataset.c.name == compose(reference))
    if found is None:
        raise NotFound(
            f"dataset {reference!r} not found",
            hint="Names are case-sensitive; list the datasets to see them.",
        )
    return found


def by_id(conn: Connection, actor: Actor, dataset_id: int) -> Dataset | None:
    return _where(conn, actor, dataset.c.id == dataset_id)


def by_number(conn: Connection, actor: Actor, number: int) -> Dataset:
    """Raises `NotFound`, for another organization's dataset as for none."""
    found = by_numbers(conn, actor, [number])
    if not found:
        raise NotFound(f"there is no dataset with number {number}")
    return found[number]


def by_ids(conn: Connection, actor: Actor, dataset_ids: Collection[int]) -> dict[int, Dataset]:
    """Those of these datasets that there are, by row id."""
    mine = dataset.c.organization_id == actor.organization_id, dataset.c.id.in_(dataset_ids)
    rows = conn.execute(select(dataset).where(*mine)) if dataset_ids else ()
    return {row.id: _from_row(row) for row in rows}


def by_numbers(conn: Connection, actor: Actor, numbers: Iterable[int]) -> dict[int, Dataset]:
    """Those of the organization's datasets that there are, by number. One statement."""
    wanted = [each for each in numbers if 0 < each <= MAX_NUMBER]
    mine = dataset.c.organization_id == actor.organization_id
    rows = conn.execute(select(dataset).where(mine, dataset.c.number.in_(wanted))) if wanted else ()
    return {row.number: _from_row(row) for row in rows}


def page(
    conn: Connection,
    actor: Actor,
    *,
    limit: int,
    offset: int = 0,
    after: int = 0,
    archived: bool = False,
    by_name: bool = False,
    descending: bool = False,
) -> tuple[list[Dataset], int]:
    """Datasets by age, oldest first, and how many there are in all. Archived ones only on request, and then alone.

    Going on with `after`, a row id, sees each dataset once even while others are made or archived.
    """
    state = dataset.c.archived_at.is_not(None) if archived else dataset.c.archived_at.is_(None)
    where = (dataset.c.organization_id == actor.organization_id) & state
    total = conn.scalar(select(func.count()).select_from(dataset).where(where)) or 0
    key = dataset.c.name if by_name else dataset.c.id
    query = select(dataset).where(where, dataset.c.id > after).order_by(key.desc() if descending else key)
    rows = conn.execute(query.limit(limit).offset(offset))
    return [_from_row(row) for row in rows], total


def totals(conn: Connection, datasets: Iterable[Dataset]) -> dict[int, Totals]:
    """What each of `datasets` holds, counted from the rows, in two statements however many there are."""
    wanted = [each.id for each in datasets]
    live = select(
        asset.c.dataset_id,
        func.count().label("assets"),
        func.coalesce(func.sum(asset.c.size), 0).label("bytes"),
        func.sum(_one_if(asset.c.status == "complete")).label("complete"),
    )
    counted = {
        row.dataset_id: Totals(assets=row.assets, complete=int(row.complete), bytes=int(row.bytes))
        for row in conn.execute(live.where(asset.c.dataset_id.in_(wanted), LIVE).group_by(asset.c.dataset_id))
    }
    hidden = select(asset.c.dataset_id, func.count().label("archived"))
    for row in conn.execute(
        hidden.where(asset.c.dataset_id.in_(wanted), ARCHIVED).group_by(asset.c.dataset_id)
    ):
        counted[row.dataset_id] = msgspec.structs.replace(
            counted.get(row.dataset_id, Totals()), archived=row.archived
        )
    return {each: counted.get(each, Totals()) for each in wanted}


def change(conn: Connection, actor: Actor, reference: str, wanted: DatasetChanges, *, now: int) -> Dataset:
    """Rename or describe a dataset. Raises `Invalid` for nothing to change, `Conflict` for a taken name.

    Repeating it leaves the same dataset.
    """
    require(actor, Role.MEMBER, "changing a dataset")
    values = _checked(wanted)
    found = find(conn, actor, reference)
    if values.get("name", found.name) != found.name:
        _refuse_taken(conn, actor, values["name"])
    if wanted.classes is not UNSET and wanted.classes_base is not UNSET:
        values["classes"] = merge_classes(found.classes, wanted.classes_base, wanted.classes)
        check_classes(values["classes"])
    documents: dict[str, object] = {
        name: _json(values[name]) for name in ("annotation_types", "classes", "defaults") if name in values
    }
    written: dict[str, object] = {**values, **documents, "updated_at": now}
    conn.execute(update(dataset).where(dataset.c.id == found.id).values(written))
    log.record(conn, actor, "dataset.updated", at=now, dataset_id=found.id, data={"fields": sorted(values)})
    return find(conn, actor, ids.text(found.uuid))


def set_archived(conn: Connection, actor: Actor, reference: str, *, archived: bool, now: int) -> Dataset:
    """Hide a dataset from listings, or bring it back; its assets stay as they are. Repeating changes nothing."""
    require(actor, Role.ADMIN, "archiving or restoring a dataset")
    found = find(conn, actor, reference)
    if (found.archived_at is not None) == archived:
        return found
    values = {"archived_at": now if archived else None, "updated_at": now}
    conn.execute(update(dataset).where(dataset.c.id == found.id).values(**values))
    log.record(
        conn, actor, "dataset.archived" if archived else "dataset.restored", at=now, dataset_id=found.id
    )
    return msgspec.structs.replace(found, **values)


def merge_classes(
    stored: Sequence[dict[str, Any]], base: Sequence[dict[str, Any]], wanted: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """`stored` with what differs between `base` and `wanted`: what was added, changed or removed there."""
    before, after = ({each["name"]: each for each in classes} for classes in (base, wanted))
    gone = before.keys() - after.keys()
    changed = {name: each for name, each in after.items() if before.get(name) != each}
    kept = [changed.pop(each["name"], each) for each in stored if each["name"] not in gone]
    return [*kept, *changed.values()]


def check_annotation_types(wanted: Sequence[str]) -> None:
    """Raise `Invalid` unless every one is known."""
    unknown = sorted(set(wanted) - ANNOTATION_TYPES)
    if unknown:
        allowed = ", ".join(sorted(ANNOTATION_TYPES))
        raise Invalid(f"annotation_types: {unknown[0]!r} is not one of {allowed}")


def check_classes(classes: Sequence[dict[str, Any]]) -> None:
    """Raise `Invalid` unless every class has a name of its own."""
    seen = set()
    for each in classes:
        name = each.get("name")
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_CLASS_NAME:
            raise Invalid(f"classes: a class needs a name of 1 to {MAX_CLASS_NAME} characters")
        if name in seen:
            raise Invalid(f"classes: {name!r} appears twice", hint="Class names are unique in a dataset.")
        seen.add(name)


def _checked(wanted: DatasetChanges) -> dict[str, Any]:
    """The columns to set, their values clean."""
    values = changes.some(msgspec.structs.replace(wanted, classes_base=UNSET))
    if "name" in values:
        values["name"] = clean_dataset_name(values["name"])
    check_annotation_types(values.get("annotation_types", ()))
    check_classes(values.get("classes", ()))
    check_classes(wanted.classes_base or ())
    return values


def _refuse_taken(conn: Connection, actor: Actor, name: str) -> None:
    if _where(conn, actor, dataset.c.name == name) is not None:
        raise Conflict(
            f"a dataset named {name!r} already exists", hint="Choose another name, or use that dataset."
        )


def _checked_number(conn: Connection, actor: Actor, number: int) -> int:
    if not 0 < number <= MAX_NUMBER:
        raise Invalid(f"number: a dataset's is from 1 to {MAX_NUMBER}")
    if _where(conn, actor, dataset.c.number == number) is not None:
        raise Conflict(f"there is a dataset with number {number} already")
    return number


def _free_number(conn: Connection, actor: Actor) -> int:
    """The lowest that no dataset has or had: who remembers one that is gone must not come upon another."""
    used = union_all(
        *(
            select(table.c.number.label("number")).where(table.c.organization_id == actor.organization_id)
            for table in (dataset, spent_number)
        )
    ).cte("used")
    next_ones = (
        select(literal(1, BigInteger).label("number"))
        .union_all(select(cast(used.c.number, BigInteger) + 1))
        .subquery()
    )
    free = select(func.min(next_ones.c.number)).where(next_ones.c.number.not_in(select(used.c.number)))
    return conn.scalar(free) or 1


def _where(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> Dataset | None:
    mine = dataset.c.organization_id == actor.organization_id
    row = conn.execute(select(dataset).where(mine, where)).first()
    return None if row is None else _from_row(row)


def _from_row(row: Row[Any]) -> Dataset:
    values = {field: getattr(row, field) for field in Dataset.__struct_fields__}
    for document in ("annotation_types", "classes"):
        values[document] = msgspec.json.decode(values[document])
    values["defaults"] = msgspec.json.decode(values["defaults"] or "{}", type=Defaults)
    return Dataset(**values)


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
