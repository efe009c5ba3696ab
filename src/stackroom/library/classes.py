"""Classes of a dataset, changed throughout: in its own list, and in every annotation that carries them.

A class is known in a dataset if the dataset lists it or an annotation carries it. Archived assets are changed like
all others. Each change is one transaction, however many assets it is about, because a dataset whose list says one
name and whose annotations say another would refuse its own annotations.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from stackroom.access import Actor, Role, require
from stackroom.database.flavour import statement
from stackroom.database.schema import annotation, annotation_class, dataset
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import annotations, datasets
from stackroom.library.annotations import Counted
from stackroom.library.datasets import MAX_CLASS_NAME, Dataset

DOCUMENTS_AT_ONCE = 1_000
BYTES_AT_ONCE = 32 * 2**20
"""Of documents in memory at a time, unless a single one is larger."""
SAME_TYPE = {"box": "bbox"}

Annotations = list[dict[str, Any]]


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a class: in how many assets, in how many annotations, and whether the dataset's list changed."""

    dataset: Dataset
    images: int
    annotations: int
    config_updated: bool


def rename(conn: Connection, actor: Actor, reference: str, old: str, new: str, *, now: int) -> ClassChange:
    """Give a class another name. Raises `NotFound`, `Conflict` for a name that another class has (see `merge`)."""
    require(actor, Role.MEMBER, "renaming a class")
    _check_name(new, "new_name")
    _check_differ(old, new, "new_name")
    found = _held(conn, actor, reference)
    known = _known(conn, found, [old, new])
    if old not in known:
        raise _unknown(found, old)
    if new in known:
        raise Conflict(
            f"a class named {new!r} already exists in {found.name!r}",
            hint="Merge one into the other, or choose another name.",
        )
    listed = [_renamed(each, old, new) for each in found.classes]
    done = _relabel(conn, found, old, new, listed, now=now)
    _record(conn, actor, "class.renamed", done, {"old_name": old, "new_name": new}, now=now)
    return done


def merge(
    conn: Connection, actor: Actor, reference: str, source: str, target: str, *, now: int
) -> ClassChange:
    """Give all annotations of one class to another, which stays; the first is no longer listed.

    Raises `NotFound` for either; a dataset that lists its classes must list the one that stays.
    """
    require(actor, Role.MEMBER, "merging classes")
    _check_differ(source, target, "target_name")
    found = _held(conn, actor, reference)
    known = _known(conn, found, [source, target])
    taken = {each["name"] for each in found.classes} or known
    for name, there in ((source, known), (target, taken)):
        if name not in there:
            raise _unknown(found, name)
    listed = [each for each in found.classes if each["name"] != source]
    done = _relabel(conn, found, source, target, listed, now=now)
    _record(conn, actor, "class.merged", done, {"source_name": source, "target_name": target}, now=now)
    return done


def remove(
    conn: Connection,
    actor: Actor,
    reference: str,
    name: str,
    *,
    kind: str | None = None,
    delete_annotations: bool = False,
    now: int,
) -> ClassChange:
    """Take a class off a dataset's list and, with `delete_annotations`, its annotations out of every document.

    `kind` narrows both to one type of annotation. Without `delete_annotations` they stay as they are, but a document
    that has them is not taken again while the dataset lists other classes. Raises `NotFound`.
    """
    require(actor, Role.MEMBER, "deleting a class")
    kind = SAME_TYPE.get(kind, kind) if kind is not None else None
    found = _held(conn, actor, reference)
    listed = [each for each in found.classes if not _is(each, name, kind)]
    where = _rows_of(found, name, kind)
    times = _times(conn, where)
    if listed == found.classes and not times:
        raise _unknown(found, name)
    affected = _affected(conn, where) if delete_annotations else []

    def without(document: Annotations) -> Annotations:
        return [each for each in document if each["name"] != name or kind not in {None, each["type"]}]

    _rewrite(conn, affected, without, now=now)
    if affected:
        conn.execute(delete(annotation_class).where(where))
    done = ClassChange(
        dataset=found,
        images=len(affected),
        annotations=times if affected else 0,
        config_updated=_list(conn, found, listed, now=now),
    )
    about = {"name": name, "type": kind, "delete_annotations": delete_annotations}
    _record(conn, actor, "class.deleted", done, about, now=now)
    return done


def _relabel(
    conn: Connection,
    found: Dataset,
    source: str,
    target: str,
    listed: Sequence[dict[str, Any]],
    *,
    now: int,
) -> ClassChange:
    """Make every annotation of `source` one of `target`."""
    where = _rows_of(found, source)
    times, affected = _times(conn, where), _affected(conn, where)

    def relabelled(document: Annotations) -> Annotations:
        return [{**each, "name": target} if each["name"] == source else each for each in document]

    _rewrite(conn, affected, relabelled, now=now)
    if affected:
        names = {"dataset": found.id, "source": source, "target": target}
        conn.execute(statement(_MOVE_COUNTS), names)
        conn.execute(delete(annotation_class).where(where))
    changed = _list(conn, found, listed, now=now)
    return ClassChange(dataset=found, images=len(affected), annotations=times, config_updated=changed)


_MOVE_COUNTS = """INSERT INTO annotation_class (asset_id, name, type, dataset_id, count)
    SELECT asset_id, CAST(:target AS text), type, dataset_id, count FROM annotation_class
    WHERE dataset_id = :dataset AND name = :source
    ON CONFLICT (asset_id, name, type) DO UPDATE SET count = annotation_class.count + excluded.count"""


def _rewrite(
    conn: Connection, affected: Sequence[int], change: Callable[[Annotations], Annotations], *, now: int
) -> None:
    """Put `change` of each document in its place. One is decoded at a time; a few statements for each thousand."""
    for chunk in _chunks(conn, affected):
        written, emptied, counted = [], [], []
        query = select(annotation.c.asset_id, annotation.c.document).where(annotation.c.asset_id.in_(chunk))
        for asset_id, document in conn.execute(query):
            kept = change(msgspec.json.decode(document))
            if kept:
                text = msgspec.json.encode(kept).decode()
                written.append({"changed": asset_id, "text": text, "now": now})
            else:
                emptied.append(asset_id)
            least = min((each["confidence"] for each in kept), default=None)
            counted.append(Counted(asset_id=asset_id, count=len(kept), min_confidence=least))
        if written:
            conn.execute(_WRITE, written)
        if emptied:
            conn.execute(delete(annotation).where(annotation.c.asset_id.in_(emptied)))
        annotations.note_counts(conn, counted, now=now)


_WRITE = (
    update(annotation)
    .where(annotation.c.asset_id == bindparam("changed"))
    .values(document=bindparam("text"), updated_at=bindparam("now"))
)


def _chunks(conn: Connection, affected: Sequence[int]) -> Iterator[list[int]]:
    """The assets in groups whose documents fit into memory together."""
    for start in range(0, len(affected), DOCUMENTS_AT_ONCE):
        some = affected[start : start + DOCUMENTS_AT_ONCE]
        length = func.length(annotation.c.document)
        query = select(annotation.c.asset_id, length).where(annotation.c.asset_id.in_(some))
        chunk: list[int] = []
        room = BYTES_AT_ONCE
        for asset_id, size in conn.execute(query.order_by(annotation.c.asset_id)).all():
            if chunk and size > room:
                yield chunk
                chunk, room = [], BYTES_AT_ONCE
            chunk.append(asset_id)
            room -= size
        if chunk:
            yield chunk


def _rows_of(found: Dataset, name: str, kind: str | None = None) -> ColumnElement[bool]:
    """The counts of a class, or of its annotations of one type."""
    where = (annotation_class.c.dataset_id == found.id) & (annotation_class.c.name == name)
    return where if kind is None else where & (annotation_class.c.type == kind)


def _times(conn: Connection, where: ColumnElement[bool]) -> int:
    """How many annotations there are of it."""
    return int(conn.scalar(select(func.sum(annotation_class.c.count)).where(where)) or 0)


def _affected(conn: Connection, where: ColumnElement[bool]) -> list[int]:
    """The assets that have such annotations, archived ones too, in one order for everybody."""
    query = select(annotation_class.c.asset_id).where(where).distinct()
    return list(conn.scalars(query.order_by(annotation_class.c.asset_id)))


def _held(conn: Connection, actor: Actor, reference: str) -> Dataset:
    """The dataset, and its list of classes until the commit: nobody saves annotations by it meanwhile."""
    known = datasets.find(conn, actor, reference)
    conn.execute(select(dataset.c.id).where(dataset.c.id == known.id).with_for_update(key_share=True))
    return datasets.find(conn, actor, reference)


def _known(conn: Connection, found: Dataset, names: Sequence[str]) -> set[str]:
    """Those of the names that are classes of the dataset."""
    rows = annotation_class.c
    carried = select(rows.name).where(rows.dataset_id == found.id, rows.name.in_(names)).distinct()
    return {each["name"] for each in found.classes} | set(conn.scalars(carried))


def _list(conn: Connection, found: Dataset, listed: Sequence[dict[str, Any]], *, now: int) -> bool:
    """Have the dataset list these classes. Whether that is a change."""
    if listed == found.classes:
        return False
    written = {"classes": msgspec.json.encode(listed).decode(), "updated_at": now}
    conn.execute(update(dataset).where(dataset.c.id == found.id).values(written))
    return True


def _renamed(listed: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A class as it is listed when it, or another, has a new name: a skeleton names the classes of its joints."""
    renamed = {**listed, "name": new} if listed["name"] == old else listed
    nodes = (listed.get("skeleton") or {}).get("nodes", ())
    if any(node["name"] == old for node in nodes):
        joints = [{**node, "name": new} if node["name"] == old else node for node in nodes]
        renamed = {**renamed, "skeleton": {**listed["skeleton"], "nodes": joints}}
    return renamed


def _is(listed: dict[str, Any], name: str, kind: str | None) -> bool:
    of_type = listed.get("type") or ""
    return listed["name"] == name and kind in {None, SAME_TYPE.get(of_type, of_type)}


def _check_name(name: str, what: str) -> None:
    if not name.strip() or len(name) > MAX_CLASS_NAME or "\0" in name:
        raise Invalid(f"{what}: a class needs a name of 1 to {MAX_CLASS_NAME} characters")


def _check_differ(one: str, other: str, what: str) -> None:
    if one == other:
        raise Invalid(f"{what}: is {one!r} already", hint="Name two classes.")


def _unknown(found: Dataset, name: str) -> NotFound:
    known = ", ".join(each["name"] for each in found.classes)
    hint = f"Its classes are: {known}." if known else "It lists no classes; case counts."
    return NotFound(f"class {name!r} not found in {found.name!r}", hint=hint)


def _record(
    conn: Connection, actor: Actor, kind: str, done: ClassChange, about: dict[str, Any], *, now: int
) -> None:
    counts = {"images": done.images, "annotations": done.annotations, "config_updated": done.config_updated}
    log.record(conn, actor, kind, at=now, dataset_id=done.dataset.id, data={**about, **counts})
