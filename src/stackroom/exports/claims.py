"""Who makes an export: whoever has claimed it, as long as they say again and again that they are at it.

A claim is known by the moment until which it holds, which its holder alone puts off. When a process dies, the claim
runs out, and the export is made by another, from the beginning. Every write of a holder asks whether the claim still
holds; where it does not, the export has been deleted or is somebody else's, and what was made is thrown away.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from stackroom import clock, faults, ids
from stackroom.access import nobody
from stackroom.database import flavour
from stackroom.database.schema import dataset_export, loose_bytes, organization
from stackroom.events import log
from stackroom.exports import rows
from stackroom.exports.rows import COMPLETED, FAILED, PENDING, PROCESSING, Export
from stackroom.library.blobs import ARRIVAL_GRACE
from stackroom.storage.keys import export_key

LEASE = 30 * clock.SECOND
AGAIN = 30 * clock.SECOND
"""When an export is tried again that could not be made through no fault of its own."""
PATIENCE = clock.HOUR
"""For how long after it was asked for: making a large one again and again keeps others waiting."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An export that is ours to make until `held_until`. `key` is where its bytes go once they are announced."""

    export: Export
    held_until: int
    key: str | None = None


class Progress(msgspec.Struct, frozen=True):
    """How much has been written."""

    images: int = 0
    annotations: int = 0


def claim(conn: Connection, *, now: int) -> Claim | None:
    """The oldest export that nobody is making; None if there is none. Two that ask at once get different ones."""
    oldest = _due(now).order_by(dataset_export.c.id).limit(1).with_for_update(skip_locked=True)
    export_id = conn.scalar(oldest)
    if export_id is None:
        return None
    values = {"state": PROCESSING, "held_until": now + LEASE, "image_count": 0, "annotation_count": 0}
    conn.execute(update(dataset_export).where(dataset_export.c.id == export_id).values(values))
    row = conn.execute(rows.query().where(dataset_export.c.id == export_id)).one()
    return Claim(export=rows.from_row(row), held_until=now + LEASE)


def are_due(conn: Connection, *, now: int) -> bool:
    """Whether there is any export that nobody is making."""
    return conn.scalar(_due(now).limit(1)) is not None


def free_all(conn: Connection) -> None:
    """At the start of a server whose database nobody else has open: whoever was making an export is dead."""
    if flavour.of(conn) is flavour.SQLITE:
        held = dataset_export.c.state == PROCESSING
        conn.execute(update(dataset_export).where(held).values(state=PENDING, held_until=None))


def keep(conn: Connection, held: Claim, progress: Progress, *, now: int) -> Claim | None:
    """The claim, put off once more; None if it is ours no longer."""
    values = {"image_count": progress.images, "annotation_count": progress.annotations}
    if not _change(conn, held, {**values, "held_until": now + LEASE}):
        return None
    if held.key is not None:  # bytes may take longer to the store than loose ones are left alone
        mine = loose_bytes.c.storage_key == held.key
        conn.execute(update(loose_bytes).where(mine).values(due_at=now + ARRIVAL_GRACE))
    return msgspec.structs.replace(held, held_until=now + LEASE)


def announce(conn: Connection, held: Claim, *, now: int) -> Claim:
    """A key for the bytes that are about to be stored, noted as loose until the export is finished."""
    owner = conn.scalar(select(organization.c.uuid).where(organization.c.id == held.export.organization_id))
    assert owner is not None
    key = export_key(ids.text(owner), ids.text(held.export.uuid), ids.new().hex()[-12:])
    conn.execute(insert(loose_bytes), {"storage_key": key, "due_at": now + ARRIVAL_GRACE})
    return msgspec.structs.replace(held, key=key)


def finish(conn: Connection, held: Claim, size: int, progress: Progress, *, now: int) -> bool:
    """The export is made and its bytes are in the store. False if it is ours no longer: then these are to be swept."""
    values = {
        "state": COMPLETED,
        "held_until": None,
        "storage_key": held.key,
        "size": size,
        "image_count": progress.images,
        "annotation_count": progress.annotations,
        "finished_at": now,
    }
    if not _change(conn, held, values):
        throw_away(conn, held, now=now)
        return False
    conn.execute(delete(loose_bytes).where(loose_bytes.c.storage_key == held.key))
    data = {"state": COMPLETED, "images": progress.images, "annotations": progress.annotations, "size": size}
    _record(conn, held.export, data, now=now)
    faults.reach("export:before-commit")
    return True


def throw_away(conn: Connection, held: Claim, *, now: int) -> None:
    """What was stored, or may have been, is to be swept at once, and not only when its arrival has taken too long.
    Does nothing if that is done, or if there is nothing."""
    if held.key is not None:
        mine = loose_bytes.c.storage_key == held.key
        conn.execute(update(loose_bytes).where(mine).values(due_at=now))


def fail(conn: Connection, held: Claim, reason: str, *, now: int) -> None:
    """The export cannot be made. It stays, with the reason, until it is deleted or its time is over."""
    throw_away(conn, held, now=now)
    if _change(conn, held, {"state": FAILED, "held_until": None, "error": reason, "finished_at": now}):
        _record(conn, held.export, {"state": FAILED, "error": reason}, now=now)


def put_off(conn: Connection, held: Claim, *, now: int) -> None:
    """What the export is made of cannot be reached at the moment: whoever comes in a while begins it anew."""
    throw_away(conn, held, now=now)
    _change(conn, held, {"held_until": now + AGAIN})


def give_back(conn: Connection, held: Claim, *, now: int) -> None:
    """Stop without an end: whoever comes next may begin at once."""
    throw_away(conn, held, now=now)
    _change(conn, held, {"state": PENDING, "held_until": None})


def _due(now: int) -> Select[tuple[int]]:
    abandoned = (dataset_export.c.state == PROCESSING) & (dataset_export.c.held_until <= now)
    return select(dataset_export.c.id).where(or_(dataset_export.c.state == PENDING, abandoned))


def _change(conn: Connection, held: Claim, values: dict[str, Any]) -> bool:
    ours = (
        dataset_export.c.id == held.export.id,
        dataset_export.c.state == PROCESSING,
        dataset_export.c.held_until == held.held_until,
    )
    return conn.execute(update(dataset_export).where(*ours).values(values)).rowcount == 1


def _record(conn: Connection, export: Export, data: dict[str, object], *, now: int) -> None:
    said = {**rows.about(export), **data}
    by = nobody(export.organization_id)
    log.record(conn, by, "export.finished", at=now, dataset_id=export.dataset_id, data=said)
