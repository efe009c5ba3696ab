"""Annotations: one document per asset, replaced as a whole. Their shapes are in `shapes`.

With each document stands how often each class is in it (`annotation_class`), written in the same transaction.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import annotation, annotation_class, asset, dataset
from stackroom.errors import Invalid, NotFound, StackroomError
from stackroom.events import log
from stackroom.library import assets
from stackroom.library.assets import Asset
from stackroom.library.shapes import MAX_DOCUMENT, AnyAnnotation, Document, parse, read

__all__ = [
    "MAX_DOCUMENT",
    "AnyAnnotation",
    "Counted",
    "Document",
    "Saved",
    "get",
    "note_counts",
    "parse",
    "read",
    "remove",
    "save",
    "save_many",
]

Wanted = Document | Sequence[AnyAnnotation]


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    uuid: bytes
    previous_count: int
    new_count: int
    status: str


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What an asset's row says of its document."""

    asset_id: int
    count: int
    min_confidence: float | None


def get(conn: Connection, actor: Actor, which: str | Asset) -> tuple[Asset, bytes]:
    """An asset and its annotations as a JSON list, exactly as stored. Raises `NotFound`."""
    found = _found(conn, actor, which)
    document = conn.scalar(select(annotation.c.document).where(annotation.c.asset_id == found.id))
    return found, (document or "[]").encode()


def save(conn: Connection, actor: Actor, which: str | Asset, wanted: Wanted, *, now: int) -> Saved:
    """Replace an asset's annotations. Never changes its status. Saving the same again leaves the same document.

    Raises `NotFound`, and `Invalid` (`unknown_class`) for a class that the dataset does not list.
    """
    require(actor, Role.MEMBER, "saving annotations")
    return _alone(conn, actor, _found(conn, actor, which), _document(wanted), now=now)


def remove(conn: Connection, actor: Actor, which: str | Asset, *, now: int) -> Saved:
    """Remove an asset's annotations. Removing none is no error. Raises `NotFound`."""
    require(actor, Role.ADMIN, "deleting annotations")
    return _alone(conn, actor, _found(conn, actor, which), Document.of([]), now=now)


def save_many(
    conn: Connection,
    actor: Actor,
    wanted: Sequence[tuple[str, Wanted | StackroomError]],
    *,
    now: int,
) -> list[Saved | StackroomError]:
    """Replace the annotations of many assets, each named by its id. What became of each, in order.

    An asset whose annotations cannot be saved is reported and does not stop the others; so is one whose document
    was refused before. Of an asset that is named twice nobody knows which document is meant: none of them is saved
    (`repeated_image`). As many statements for hundreds of assets as for one.
    """
    require(actor, Role.MEMBER, "saving annotations")
    uuids = [ids.parse(reference) for reference, _ in wanted]
    known = assets.by_uuids(conn, actor, list({uuid for uuid in uuids if uuid is not None}))
    classes = _hold_classes(conn, {each.dataset_id for each in known.values()})
    held = _hold(conn, known.values())
    times = Counter(uuids)
    outcomes: list[Saved | StackroomError] = []
    changes: list[tuple[Asset, Document]] = []
    for uuid, (reference, given) in zip(uuids, wanted, strict=True):
        found = held.get(uuid) if uuid is not None else None
        if isinstance(given, StackroomError):
            outcomes.append(given)
        elif found is None:
            outcomes.append(_unknown(reference))
        elif times[uuid] > 1:
            outcomes.append(_named_twice(reference))
        elif refused := _refused(classes[found.dataset_id], document := _document(given)):
            outcomes.append(refused)
        else:
            changes.append((found, document))
            outcomes.append(_saved(found, document))
    _replace(conn, actor, changes, now=now)
    return outcomes


def _alone(conn: Connection, actor: Actor, known: Asset, document: Document, *, now: int) -> Saved:
    classes = _hold_classes(conn, {known.dataset_id})
    held = _hold(conn, [known])
    if known.uuid not in held:  # purged since it was found
        raise _unknown(ids.text(known.uuid))
    if refused := _refused(classes[known.dataset_id], document):
        raise refused
    found = held[known.uuid]
    _replace(conn, actor, [(found, document)], now=now)
    return _saved(found, document)


def _replace(conn: Connection, actor: Actor, changes: Sequence[tuple[Asset, Document]], *, now: int) -> None:
    """Put each document in the place of the one that is there. Each asset is held, and is in here once."""
    if not changes:
        return
    changed = [found.id for found, _ in changes]
    conn.execute(delete(annotation).where(annotation.c.asset_id.in_(changed)))
    conn.execute(delete(annotation_class).where(annotation_class.c.asset_id.in_(changed)))
    kept = [(found, document) for found, document in changes if document.count]
    if kept:
        conn.execute(
            insert(annotation),
            [
                {"asset_id": found.id, "document": document.json, "updated_at": now}
                for found, document in kept
            ],
        )
        conn.execute(insert(annotation_class), [row for each in kept for row in _class_rows(*each)])
    counted = [
        Counted(asset_id=found.id, count=document.count, min_confidence=document.min_confidence)
        for found, document in changes
    ]
    note_counts(conn, counted, now=now)
    log.record_all(conn, actor, [_event(*each) for each in changes], at=now)


def note_counts(conn: Connection, counted: Sequence[Counted], *, now: int) -> None:
    """Say of assets what their documents have come to hold, in one statement. Each is changed by it."""
    conn.execute(
        _COUNTED,
        [
            {
                "changed": each.asset_id,
                "annotations": each.count,
                "least": each.min_confidence,
                "now": now,
            }
            for each in counted
        ],
    )


_COUNTED = (
    update(asset)
    .where(asset.c.id == bindparam("changed"))
    .values(
        annotation_count=bindparam("annotations"),
        min_confidence=bindparam("least"),
        version=asset.c.version + 1,
        updated_at=bindparam("now"),
    )
)


def _class_rows(found: Asset, document: Document) -> list[dict[str, Any]]:
    """How often each class stands in an asset's document, as rows."""
    common = {"asset_id": found.id, "dataset_id": found.dataset_id}
    return [
        {**common, "name": name, "type": kind, "count": count}
        for (name, kind), count in document.classes.items()
    ]


def _event(found: Asset, document: Document) -> log.Happening:
    return log.Happening(
        kind="annotations.saved" if document.count else "annotations.deleted",
        dataset_id=found.dataset_id,
        asset_uuid=found.uuid,
        data={"previous_count": found.annotation_count, "new_count": document.count},
    )


def _saved(found: Asset, document: Document) -> Saved:
    return Saved(
        uuid=found.uuid,
        previous_count=found.annotation_count,
        new_count=document.count,
        status=found.status,
    )


def _hold_classes(conn: Connection, datasets: Collection[int]) -> dict[int, set[str]]:
    """What classes each dataset lists, and goes on listing until the commit: a class that is renamed meanwhile would
    leave its old name in what is saved. Taken before the assets, as a renaming takes them."""
    query = select(dataset.c.id, dataset.c.classes).where(dataset.c.id.in_(datasets)).order_by(dataset.c.id)
    rows = conn.execute(query.with_for_update(read=True)) if datasets else ()
    return {row.id: {each["name"] for each in msgspec.json.decode(row.classes)} for row in rows}


def _hold(conn: Connection, known: Iterable[Asset]) -> dict[bytes, Asset]:
    """The assets as they are now, and stay until the commit: two who save at once do it one after the other."""
    wanted = [each.id for each in known]
    query = assets.query().where(asset.c.id.in_(wanted)).order_by(asset.c.id)
    rows = conn.execute(query.with_for_update(key_share=True, of=asset)) if wanted else ()
    return {row.uuid: assets.from_row(row) for row in rows}


def _refused(known: Collection[str], document: Document) -> StackroomError | None:
    """A dataset that lists its classes takes no others; one that lists none takes any."""
    unknown = sorted({name for name, _ in document.classes} - set(known)) if known else []
    if not unknown:
        return None
    return Invalid(
        f"annotations: class {unknown[0]!r} is not in this dataset",
        code="unknown_class",
        hint=f"Its classes are: {', '.join(sorted(known))}. Add the class to the dataset first.",
    )


def _unknown(reference: str) -> StackroomError:
    return NotFound(
        f"image {reference!r} not found", hint="It may have been deleted for good, or the id is wrong."
    )


def _named_twice(reference: str) -> StackroomError:
    return Invalid(
        f"image {reference!r} is named twice in this request, so which annotations are meant is not known",
        code="repeated_image",
        hint="Send all annotations of an image at once.",
    )


def _found(conn: Connection, actor: Actor, which: str | Asset) -> Asset:
    return which if isinstance(which, Asset) else assets.find(conn, actor, which)


def _document(wanted: Wanted) -> Document:
    return wanted if isinstance(wanted, Document) else Document.of(wanted)
