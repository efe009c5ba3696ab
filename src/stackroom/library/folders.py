"""Folders: places in a dataset's tree. Virtual: bytes never move.

A folder is its number: assets and journals name it by that, so a rename changes paths and nothing else. One that is
removed keeps its row with the path it had, and an undo that needs it finds what is there now, or makes it anew.
"""

from collections.abc import Collection
from itertools import groupby

import msgspec
from sqlalchemy import Connection, Select, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import LIVE, asset, dataset, folder
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.library.datasets import Dataset
from stackroom.library.names import MAX_DEPTH, MAX_PATH, ROOT, ancestors, last_part, parent


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    dataset_id: int
    path: str
    created_at: int


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A folder as a part of its tree. None is above one that lies right below the root, which nobody calls a folder."""

    id: int
    uuid: bytes
    above: bytes | None
    path: str
    created_at: int
    updated_at: int

    @property
    def name(self) -> str:
        return last_part(self.path)


def ensure(conn: Connection, dataset_id: int, path: str, *, now: int) -> int:
    """The id of the folder at `path` (clean), made with its parents where missing."""
    return ensure_many(conn, dataset_id, [path], now=now)[path]


def ensure_many(conn: Connection, dataset_id: int, paths: Collection[str], *, now: int) -> dict[str, int]:
    """The ids of the folders at `paths` (clean), made with their parents where missing.

    The number of statements follows the depth of what is missing, not the number of folders.
    """
    wanted = sorted({above for path in paths for above in ancestors(path)}, key=_depth)
    known = _known(conn, dataset_id, wanted)
    if len(known) < len(wanted):
        if hold_tree(conn, dataset_id):
            known = _known(
                conn, dataset_id, wanted
            )  # others may have made them, or renamed what is above them
        missing = [path for path in wanted if path not in known]
        for _, level in groupby(missing, _depth):
            known |= _make(conn, dataset_id, {path: known[parent(path)] for path in level}, now=now)
    return {path: known[path] for path in paths}


def find(conn: Connection, dataset_id: int, path: str) -> int | None:
    """The id of the folder at `path`, or None where there is none."""
    return conn.scalar(select(folder.c.id).where(folder.c.dataset_id == dataset_id, folder.c.path == path))


def at(conn: Connection, found: Dataset, path: str) -> Folder:
    """The folder of a dataset at `path` (clean). Raises `NotFound`."""
    row = conn.execute(_query().where(folder.c.dataset_id == found.id, folder.c.path == path)).first()
    if row is None:
        raise not_found(path)
    return Folder(**row._mapping)


def by_reference(conn: Connection, actor: Actor, reference: str) -> Folder | None:
    """By id; None for another organization's folder, as for none."""
    raw = ids.parse(reference)
    if raw is None:
        return None
    mine = _query().join(dataset, dataset.c.id == folder.c.dataset_id)
    here = (dataset.c.organization_id == actor.organization_id) & folder.c.removed_from.is_(None)
    row = conn.execute(mine.where(folder.c.uuid == raw, here)).first()
    return None if row is None else Folder(**row._mapping)


def by_uuid(conn: Connection, dataset_id: int, uuid: bytes) -> Folder | None:
    """The folder of a dataset that has this id; not its root, which nobody calls a folder."""
    here = (folder.c.dataset_id == dataset_id) & folder.c.removed_from.is_(None) & (folder.c.path != ROOT)
    row = conn.execute(_query().where(folder.c.uuid == uuid, here)).first()
    return None if row is None else Folder(**row._mapping)


def branch(conn: Connection, found: Folder) -> Branch:
    """A folder as a part of its tree. Raises `NotFound` if it has been removed meanwhile."""
    row = conn.execute(_branches(found.dataset_id).where(folder.c.id == found.id)).first()
    if row is None:
        raise not_found(found.path)
    return Branch(**row._mapping)


def branches(conn: Connection, dataset_id: int, *, right_below: str | None = None) -> list[Branch]:
    """All folders of a dataset by path, or those right below one path. One statement however many."""
    query = _branches(dataset_id).order_by(folder.c.path)
    if right_below is not None:
        here = select(folder.c.id).where(folder.c.dataset_id == dataset_id, folder.c.path == right_below)
        query = query.where(folder.c.parent_id == here.scalar_subquery())
    return [Branch(**row._mapping) for row in conn.execute(query)]


def again(conn: Connection, known: Folder) -> Folder:
    """A folder as it is by now. Raises `NotFound` if it has been removed meanwhile."""
    row = conn.execute(_query().where(folder.c.id == known.id, folder.c.removed_from.is_(None))).first()
    if row is None:
        raise not_found(known.path)
    return Folder(**row._mapping)


def parent_uuid(conn: Connection, found: Folder) -> bytes | None:
    """The id of the folder above this one; None right below the root, which nobody calls a folder."""
    above = parent(found.path)
    if above == ROOT:
        return None
    return conn.scalar(
        select(folder.c.uuid).where(folder.c.dataset_id == found.dataset_id, folder.c.path == above)
    )


def create(conn: Connection, actor: Actor, within: Dataset, path: str, *, now: int) -> tuple[Folder, bool]:
    """The folder at `path` (clean), made with its parents where missing, and whether it was.

    Repeating it finds the same folder. Raises `Invalid` (`root_folder`) for the root, which is always there.
    """
    require(actor, Role.MEMBER, "creating a folder")
    refuse_root(path)
    made = find(conn, within.id, path) is None
    if made and hold_tree(conn, within.id):  # somebody may have made it meanwhile
        made = find(conn, within.id, path) is None
    if made:
        ensure(conn, within.id, path, now=now)
        log.record(conn, actor, "folder.created", at=now, dataset_id=within.id, data={"path": path})
    return at(conn, within, path), made


def put_elsewhere(conn: Connection, found: Folder, path: str, *, now: int) -> None:
    """Give a folder, and with it all that is below, another path that is free: four statements however many.

    The caller holds the tree, and what is above that path is there. Raises `Invalid` (`invalid_path`) if a path would
    get too long, or have too many levels.
    """
    where = {
        "dataset": found.dataset_id,
        "old": found.path,
        "below": found.path + "/",
        "beyond": found.path + "0",  # the character after "/": the range holds exactly what is below
    }
    inside = "({0} = :old OR ({0} > :below AND {0} < :beyond))"
    here = f"dataset_id = :dataset AND {inside.format('path')}"
    levels = "length(path) - length(replace(path, '/', ''))"
    deepest = conn.execute(
        statement(f"SELECT max(length(path)) AS length, max({levels}) AS levels FROM folder WHERE {here}"),
        where,
    ).one()
    if deepest.levels - _depth(found.path) + _depth(path) > MAX_DEPTH:
        raise Invalid(
            f"a folder below {found.path!r} would have more than {MAX_DEPTH} levels",
            code="invalid_path",
            hint="Nest less.",
        )
    if deepest.length - len(found.path) + len(path) > MAX_PATH:
        raise Invalid(
            f"a folder below {found.path!r} would have a path longer than {MAX_PATH} characters",
            code="invalid_path",
            hint="Choose a shorter name.",
        )
    how = flavour.of(conn)
    moved = {**where, "new": path, "rest": len(found.path) + 1}
    for column, condition in (
        ("path", here),
        # What was removed from below is remembered where it would be by now.
        (
            "removed_from",
            f"dataset_id = :dataset AND removed_from IS NOT NULL AND {inside.format('removed_from')}",
        ),
    ):
        renamed = f"CAST(:new AS text) || substr({column}, CAST(:rest AS integer))"
        conn.execute(statement(f"{how.update} folder SET {column} = {renamed} WHERE {condition}"), moved)
    above = select(folder.c.id).where(folder.c.dataset_id == found.dataset_id, folder.c.path == parent(path))
    values = {"parent_id": above.scalar_subquery(), "updated_at": now}
    conn.execute(update(folder).where(folder.c.id == found.id).values(values))


def remove(conn: Connection, found: Folder) -> None:
    """Take an empty folder out of the tree. Its row stays, with the path it had: journals name it."""
    conn.execute(
        update(folder)
        .where(folder.c.id == found.id)
        .values(removed_from=found.path, path=str(found.id), parent_id=None)
    )


def has_children(conn: Connection, found: Folder) -> bool:
    return conn.scalar(select(folder.c.id).where(folder.c.parent_id == found.id).limit(1)) is not None


def count_children(conn: Connection, found: Folder) -> int:
    """How many folders are right below this one."""
    return conn.scalar(select(func.count()).where(folder.c.parent_id == found.id)) or 0


def count_held(conn: Connection, found: Folder) -> tuple[int, int]:
    """How many live and how many archived assets are in exactly this folder."""
    here = select(func.count()).select_from(asset).where(asset.c.folder_id == found.id)
    archived = conn.scalar(here.where(asset.c.archived_at.is_not(None))) or 0
    return conn.scalar(here.where(LIVE)) or 0, archived


def is_empty(conn: Connection, folder_id: int) -> bool:
    """Whether no live asset is in this folder itself."""
    here = select(asset.c.id).where(asset.c.folder_id == folder_id, LIVE).limit(1)
    return conn.scalar(here) is None


def enter(conn: Connection, dataset_id: int, path: str, *, now: int) -> int:
    """`ensure`, and keep others from putting anything there, or removing it, until the commit."""
    return enter_many(conn, dataset_id, [path], now=now)[path]


def enter_many(conn: Connection, dataset_id: int, paths: Collection[str], *, now: int) -> dict[str, int]:
    """`ensure_many`, and keep others from putting anything there, or removing it, until the commit."""
    while True:
        places = ensure_many(conn, dataset_id, paths, now=now)
        if hold(conn, places.values()):
            return places


def hold(conn: Connection, folder_ids: Collection[int]) -> bool:
    """Keep others from putting anything into these folders until the commit. SQLite's one writer needs no such lock.

    False if one of them has been removed while we waited: then the caller must look again.
    """
    lock = flavour.of(conn).lock
    if not lock:
        return True
    wanted = set(folder_ids)
    held = conn.execute(
        statement(f"""SELECT id FROM folder WHERE removed_from IS NULL
            AND id IN (SELECT CAST(value AS bigint) FROM {flavour.of(conn).texts} wanted) ORDER BY id {lock}"""),
        {"texts": msgspec.json.encode([str(each) for each in wanted]).decode()},
    )
    return len(held.all()) == len(wanted)


def hold_tree(conn: Connection, dataset_id: int) -> bool:
    """Keep others from making, renaming or removing folders of a dataset until the commit. Whether that took a lock,
    for which we may have waited, so that what was read before may be otherwise."""
    lock = flavour.of(conn).lock
    if lock:
        conn.execute(statement(f"SELECT id FROM dataset WHERE id = :id {lock}"), {"id": dataset_id})
    return bool(lock)


def refuse_root(path: str) -> None:
    if path == ROOT:
        raise Invalid(
            "this is the root of the dataset, which is always there and has no name",
            code="root_folder",
            hint="Name a folder below it, such as /cars.",
        )


def not_found(path: str) -> NotFound:
    return NotFound(f"folder {path!r} not found", hint="List the folders to see them; case counts.")


def _query() -> Select[tuple[int, bytes, int, str, int]]:
    return select(folder.c.id, folder.c.uuid, folder.c.dataset_id, folder.c.path, folder.c.created_at)


def _branches(dataset_id: int) -> Select[tuple[int, bytes, bytes | None, str, int, int]]:
    above = folder.alias("above")
    return (
        select(
            folder.c.id,
            folder.c.uuid,
            above.c.uuid.label("above"),
            folder.c.path,
            folder.c.created_at,
            func.coalesce(folder.c.updated_at, folder.c.created_at).label("updated_at"),
        )
        .join_from(folder, above, (above.c.id == folder.c.parent_id) & (above.c.path != ROOT), isouter=True)
        .where(folder.c.dataset_id == dataset_id, folder.c.removed_from.is_(None), folder.c.path != ROOT)
    )


def _depth(path: str) -> int:
    return 0 if path == ROOT else path.count("/")


def _known(conn: Connection, dataset_id: int, paths: list[str]) -> dict[str, int]:
    rows = conn.execute(
        statement(f"""SELECT f.path, f.id FROM {flavour.of(conn).texts} wanted CROSS JOIN folder f
            WHERE f.dataset_id = :dataset AND f.path = wanted.value"""),
        {"dataset": dataset_id, "texts": msgspec.json.encode(paths).decode()},
    )
    return {row.path: row.id for row in rows}


def _make(conn: Connection, dataset_id: int, parents: dict[str, int], *, now: int) -> dict[str, int]:
    rows = [
        {"uuid": ids.new(), "dataset_id": dataset_id, "parent_id": above, "path": path, "created_at": now}
        for path, above in parents.items()
    ]
    made = conn.execute(insert(folder).returning(folder.c.path, folder.c.id), rows)
    return {row.path: row.id for row in made}
