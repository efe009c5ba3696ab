"""Folders: places in a dataset's tree. Virtual: bytes never move."""

from collections.abc import Collection

from sqlalchemy import Connection, insert, select

from stackroom import ids
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import LIVE, asset, folder
from stackroom.library.names import ancestors, parent


def ensure(conn: Connection, dataset_id: int, path: str, *, now: int) -> int:
    """The id of the folder at `path` (clean), made with its parents where missing."""
    wanted = ancestors(path)
    where = (folder.c.dataset_id == dataset_id) & folder.c.path.in_(wanted)
    known: dict[str, int] = {
        row.path: row.id for row in conn.execute(select(folder.c.path, folder.c.id).where(where))
    }
    for missing in wanted:
        if missing not in known:
            row = {
                "uuid": ids.new(),
                "dataset_id": dataset_id,
                "parent_id": known[parent(missing)],
                "path": missing,
                "created_at": now,
            }
            made = conn.execute(insert(folder), row).inserted_primary_key
            assert made is not None
            known[missing] = int(made[0])
    return known[path]


def ensure_many(conn: Connection, dataset_id: int, paths: Collection[str], *, now: int) -> dict[str, int]:
    return {path: ensure(conn, dataset_id, path, now=now) for path in paths}


def find(conn: Connection, dataset_id: int, path: str) -> int | None:
    """The id of the folder at `path`, or None where nothing was ever put."""
    return conn.scalar(select(folder.c.id).where(folder.c.dataset_id == dataset_id, folder.c.path == path))


def is_empty(conn: Connection, folder_id: int) -> bool:
    """Whether no live asset is in this folder itself."""
    here = select(asset.c.id).where(asset.c.folder_id == folder_id, LIVE).limit(1)
    return conn.scalar(here) is None


def hold(conn: Connection, folder_id: int) -> None:
    """Keep others from putting anything into this folder until the commit. SQLite's one writer needs no such lock."""
    lock = flavour.of(conn).lock
    if lock:
        conn.execute(statement(f"SELECT id FROM folder WHERE id = :id {lock}"), {"id": folder_id})
