"""Exports as they are kept: their names, how they stand, where their bytes are.

Their bytes are their own and nobody else's: when the row goes, the key becomes loose in the same transaction.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select

from stackroom import clock, ids
from stackroom.access import Actor, Role, nobody, require
from stackroom.database.schema import dataset, dataset_export, loose_bytes
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.exports.request import Format, Options, check_options, clean_export_name
from stackroom.library import datasets

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
KEPT_FOR = 30 * clock.DAY
MOST_AT_ONCE = 1000


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """While it is made, the counts say how far that has come; `storage_key` and `size` are there when it is done."""

    id: int
    uuid: bytes
    organization_id: int
    dataset_id: int
    dataset_uuid: bytes
    dataset_name: str
    name: str
    format: Format
    options: Options
    state: str
    error: str | None
    storage_key: str | None
    size: int | None
    image_count: int | None
    annotation_count: int | None
    created_at: int
    finished_at: int | None
    expires_at: int


class Removed(msgspec.Struct, frozen=True):
    """What a removal by id came to, in the order asked for, each id once."""

    removed: list[str]
    not_found: list[str]


def create(
    conn: Connection,
    actor: Actor,
    dataset_ref: str,
    name: str,
    *,
    format: Format,  # noqa: A002 - the word that everybody uses for it
    options: Options,
    now: int,
) -> Export:
    """Ask for an export, which somebody will then make. Raises `Invalid` for a bad name or options, `Conflict` for a
    name that another export of the dataset has."""
    require(actor, Role.MEMBER, "making an export")
    name = clean_export_name(name)
    check_options(options)
    found = datasets.find(conn, actor, dataset_ref)
    here = (dataset_export.c.dataset_id == found.id, dataset_export.c.name == name)
    if conn.scalar(select(dataset_export.c.id).where(*here)) is not None:
        raise Conflict(
            f"an export named {name!r} already exists in {found.name!r}",
            hint="Choose another name, or delete the one that is there.",
        )
    uuid = ids.new()
    row = {
        "uuid": uuid,
        "organization_id": actor.organization_id,
        "dataset_id": found.id,
        "name": name,
        "format": format.value,
        "options": msgspec.json.encode(options).decode(),
        "created_at": now,
        "expires_at": now + KEPT_FOR,
    }
    conn.execute(insert(dataset_export), row)
    made = get(conn, actor, ids.text(uuid))
    log.record(conn, actor, "export.created", at=now, dataset_id=found.id, data=about(made))
    return made


def get(conn: Connection, actor: Actor, reference: str) -> Export:
    """By id. Raises `NotFound`, for another organization's export as for none."""
    row = None
    if (raw := ids.parse(reference)) is not None:
        mine = dataset_export.c.organization_id == actor.organization_id
        row = conn.execute(query().where(mine, dataset_export.c.uuid == raw)).first()
    if row is None:
        raise _not_found(reference)
    return from_row(row)


def find(conn: Connection, actor: Actor, dataset_ref: str, name: str) -> Export:
    """By dataset and name. Raises `NotFound` for either."""
    found = datasets.find(conn, actor, dataset_ref)
    where = (dataset_export.c.dataset_id == found.id, dataset_export.c.name == name)
    row = conn.execute(query().where(*where)).first()
    if row is None:
        raise _not_found(name)
    return from_row(row)


def page(
    conn: Connection,
    actor: Actor,
    *,
    dataset_ref: str | None = None,
    state: str | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Export], int]:
    """Exports, newest first, and how many there are in all."""
    where = [dataset_export.c.organization_id == actor.organization_id]
    if dataset_ref is not None:
        where.append(dataset_export.c.dataset_id == datasets.find(conn, actor, dataset_ref).id)
    if state is not None:
        where.append(dataset_export.c.state == state)
    total = conn.scalar(select(func.count()).select_from(dataset_export).where(*where)) or 0
    newest_first = query().where(*where).order_by(dataset_export.c.id.desc()).limit(limit).offset(offset)
    return [from_row(row) for row in conn.execute(newest_first)], total


def with_bytes(conn: Connection, reference: str) -> Export:
    """An export of any organization that is made, for a caller whose signed URL names it. Raises `NotFound`."""
    raw = ids.parse(reference)
    done = (dataset_export.c.uuid == raw, dataset_export.c.state == COMPLETED)
    row = conn.execute(query().where(*done)).first() if raw else None
    if row is None:
        raise _not_found(reference)
    return from_row(row)


def remove(conn: Connection, actor: Actor, found: Export, *, now: int) -> None:
    """Remove an export; its bytes are swept after the commit. Whoever is making it stops.

    Raises `NotFound` if somebody else has removed it meanwhile.
    """
    require(actor, Role.ADMIN, "deleting an export")
    if not _remove(conn, [found], now=now):
        raise _not_found(found.name)
    log.record(conn, actor, "export.deleted", at=now, dataset_id=found.dataset_id, data=about(found))


def remove_many(conn: Connection, actor: Actor, references: Sequence[str], *, now: int) -> Removed:
    """Remove exports by id, in a constant number of statements. What is not there is reported, and stops no other."""
    require(actor, Role.ADMIN, "deleting exports")
    if not references:
        raise Invalid(
            "export_ids: at least one is needed",
            code="empty_selection",
            hint="An empty list selects nothing.",
        )
    if len(references) > MOST_AT_ONCE:
        raise Invalid(
            f"export_ids: at most {MOST_AT_ONCE} per request, and these are {len(references)}",
            code="too_many_ids",
            hint=f"Send {MOST_AT_ONCE} at a time.",
            details={"limit": MOST_AT_ONCE, "count": len(references)},
        )
    asked = {raw or each: each for raw, each in zip(ids.parse_many(references), references, strict=True)}
    wanted = [key for key in asked if isinstance(key, bytes)]
    mine = dataset_export.c.organization_id == actor.organization_id
    rows = conn.execute(query().where(mine, dataset_export.c.uuid.in_(wanted))) if wanted else ()
    gone = _remove(conn, [from_row(row) for row in rows], now=now)
    record_removed(conn, actor, gone, now=now)
    there = {each.uuid for each in gone}
    return Removed(
        removed=[each for key, each in asked.items() if key in there],
        not_found=[each for key, each in asked.items() if key not in there],
    )


def are_late(conn: Connection, *, now: int) -> bool:
    """Whether `expire` has anything to do."""
    return conn.scalar(select(dataset_export.c.id).where(_over(now)).limit(1)) is not None


def expire(conn: Connection, *, now: int) -> int:
    """Remove exports whose time is over, but for those that are just being made; how many."""
    late = [from_row(row) for row in conn.execute(query().where(_over(now)).limit(MOST_AT_ONCE))]
    gone = _remove(conn, late, now=now)
    for organization_id in sorted({each.organization_id for each in gone}):
        theirs = [each for each in gone if each.organization_id == organization_id]
        record_removed(conn, nobody(organization_id), theirs, now=now, expired=True)
    return len(gone)


def record_removed(
    conn: Connection, actor: Actor, gone: Sequence[Export], *, now: int, **more: object
) -> None:
    happened = [
        log.Happening(kind="export.deleted", dataset_id=each.dataset_id, data={**about(each), **more})
        for each in gone
    ]
    log.record_all(conn, actor, happened, at=now)


def about(found: Export) -> dict[str, object]:
    """What an event says of an export."""
    return {
        "export_id": ids.text(found.uuid),
        "name": found.name,
        "format": found.format.value,
        "dataset": found.dataset_name,
    }


@cache
def query() -> Select[Any]:
    """Selects exports with the dataset they are of."""
    columns = [dataset_export.c[name] for name in Export.__struct_fields__ if name in dataset_export.c]
    return select(
        *columns, dataset.c.uuid.label("dataset_uuid"), dataset.c.name.label("dataset_name")
    ).join_from(dataset_export, dataset, dataset.c.id == dataset_export.c.dataset_id)


def from_row(row: Row[Any]) -> Export:
    values = dict(row._mapping)
    options = msgspec.json.decode(values.pop("options"), type=Options)
    return Export(**{**values, "format": Format(values["format"]), "options": options})


def _over(now: int) -> ColumnElement[bool]:
    return (dataset_export.c.expires_at <= now) & dataset_export.c.state.in_([COMPLETED, FAILED])


def _remove(conn: Connection, known: Sequence[Export], *, now: int) -> list[Export]:
    """Those that were still there to be removed.

    Where its bytes are is asked of the row as it goes: on PostgreSQL one that was read before may have been finished
    since, and its bytes would then be nobody's, for ever.
    """
    if not known:
        return []
    removing = delete(dataset_export).where(dataset_export.c.id.in_([each.id for each in known]))
    gone = conn.execute(removing.returning(dataset_export.c.id, dataset_export.c.storage_key)).all()
    loose = [{"storage_key": row.storage_key, "due_at": now} for row in gone if row.storage_key is not None]
    if loose:
        conn.execute(insert(loose_bytes), loose)
    there = {row.id for row in gone}
    return [each for each in known if each.id in there]


def _not_found(reference: str) -> NotFound:
    return NotFound(
        f"export {reference!r} not found", hint="It may have expired; list the exports to see them."
    )
