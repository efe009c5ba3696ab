"""Datasets: named sets of assets, each with its own tree of folders."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, case, func, insert, select

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import ARCHIVED, LIVE, asset, dataset, folder
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library.names import ROOT, clean_dataset_name

ANNOTATION_TYPES = frozenset({"bbox", "box", "polygon", "polyline", "keypoint"})
MAX_CLASS_NAME = 120


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
    now: int,
) -> Dataset:
    """Make an empty dataset with its root folder. Raises `Conflict` for a taken name, `Invalid` for a bad one."""
    require(actor, Role.MEMBER, "creating a dataset")
    name = clean_dataset_name(name)
    unknown = sorted(set(annotation_types) - ANNOTATION_TYPES)
    if unknown:
        allowed = ", ".join(sorted(ANNOTATION_TYPES))
        raise Invalid(f"annotation_types: {unknown[0]!r} is not one of {allowed}")
    check_classes(classes)
    if _where(conn, actor, dataset.c.name == name) is not None:
        raise Conflict(
            f"a dataset named {name!r} already exists", hint="Choose another name, or use that dataset."
        )
    mine = dataset.c.organization_id == actor.organization_id
    number = 1 + (conn.scalar(select(func.max(dataset.c.number)).where(mine)) or 0)
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
        )
    )
    made = find(conn, actor, ids.text(uuid))
    conn.execute(insert(folder).values(uuid=ids.new(), dataset_id=made.id, path=ROOT, created_at=now))
    log.record(conn, actor, "dataset.created", at=now, dataset_id=made.id, data={"name": name})
    return made


def find(conn: Connection, actor: Actor, reference: str) -> Dataset:
    """By id or by name. Raises `NotFound`, for another organization's dataset as for none."""
    raw = ids.parse(reference)
    found = _where(conn, actor, dataset.c.uuid == raw if raw else dataset.c.name == reference)
    if found is None:
        raise NotFound(
            f"dataset {reference!r} not found",
            hint="Names are case-sensitive; list the datasets to see them.",
        )
    return found


def by_id(conn: Connection, actor: Actor, dataset_id: int) -> Dataset | None:
    return _where(conn, actor, dataset.c.id == dataset_id)


def page(
    conn: Connection, actor: Actor, *, limit: int, offset: int = 0, archived: bool = False
) -> tuple[list[Dataset], int]:
    """Datasets by age, oldest first, and how many there are in all. Archived ones only on request, and then alone."""
    state = dataset.c.archived_at.is_not(None) if archived else dataset.c.archived_at.is_(None)
    where = (dataset.c.organization_id == actor.organization_id) & state
    total = conn.scalar(select(func.count()).select_from(dataset).where(where)) or 0
    rows = conn.execute(select(dataset).where(where).order_by(dataset.c.id).limit(limit).offset(offset))
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


def _where(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> Dataset | None:
    mine = dataset.c.organization_id == actor.organization_id
    row = conn.execute(select(dataset).where(mine, where)).first()
    return None if row is None else _from_row(row)


def _from_row(row: Row[Any]) -> Dataset:
    values = {field: getattr(row, field) for field in Dataset.__struct_fields__}
    for document in ("annotation_types", "classes"):
        values[document] = msgspec.json.decode(values[document])
    return Dataset(**values)


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
