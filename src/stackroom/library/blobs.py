"""Blobs: bytes known by their SHA-256, shared by the assets of one organization, never changed.

Whether a blob is still needed is derived: no asset and no waiting upload refers to it. Bytes without a blob row
stand in `loose_bytes`, both on their way in and on their way out, so that a process may die anywhere:

    in     note the key as loose → put the bytes → insert the blob row and strike the key, in one transaction
    out    delete the blob row and note its key as loose, in one transaction → remove the bytes → strike the key

A key is never used again (it ends in random characters), so bytes on their way out cannot be mistaken for the same
content arriving anew. What stays loose for an hour may be swept at any moment: whoever takes longer to adopt it, as
where the database was away or the clock was put forward, has lost it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, insert, select

from stackroom import clock, ids
from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.database.schema import blob, loose_bytes
from stackroom.errors import Conflict
from stackroom.library.prefixes import MARGIN
from stackroom.storage.keys import blob_key

ARRIVAL_GRACE = clock.HOUR


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    sha256: bytes
    size: int
    content_type: str
    storage_key: str


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that have come in and are in nobody's library yet."""

    sha256: bytes
    size: int
    content_type: str


def find(conn: Connection, organization_id: int, sha256: bytes) -> Blob | None:
    return _first(conn, _BY_CONTENT, {"organization": organization_id, "sha256": sha256})


def get(conn: Connection, blob_id: int) -> Blob | None:
    return _first(conn, _BY_ID, {"id": blob_id})


def announce(conn: Connection, organization_uuid: bytes, sha256: bytes, *, now: int) -> str:
    """A fresh storage key for bytes about to be put, noted as loose until `adopt` strikes it."""
    key = blob_key(ids.text(organization_uuid), sha256, ids.new().hex()[-12:])
    conn.execute(_LOOSEN, {"storage_key": key, "due_at": now + ARRIVAL_GRACE})
    return key


def adopt(conn: Connection, organization_id: int, arrival: Arrival, key: str, *, now: int) -> Blob:
    """The blob of `arrival`, whose bytes stand at `key`. If the same content came in meanwhile, that blob is used
    and the bytes at `key` stay loose. Raises `Conflict` (`bytes_lost`) for bytes that may be swept already."""
    known = find(conn, organization_id, arrival.sha256)
    if known is not None:
        return known
    if conn.execute(_TAKE_OVER, {"key": key, "late": now + MARGIN}).rowcount != 1:
        raise Conflict(
            "What was sent was kept too late, and may be swept already.",
            code="bytes_lost",
            hint="Send the file once more.",
        )
    row = msgspec.structs.asdict(arrival) | {"storage_key": key}
    mine = {"organization_id": organization_id, "created_at": now}
    made = conn.execute(_INSERT, {**row, **mine}).inserted_primary_key
    assert made is not None
    return Blob(id=made[0], **row)


def release(
    conn: Connection,
    candidates: str,
    parameters: Mapping[str, object],
    *,
    doomed: str | None = None,
    doomed_uploads: str | None = None,
    now: int,
) -> int:
    """Give up those of the `candidates` (a SELECT of blob ids) that nothing refers to: two statements for any number.
    How many those were.

    `doomed` (a condition on `asset`) says which assets are about to be deleted in this transaction and no longer
    count; `doomed_uploads` says the same of `upload`.
    """
    but_doomed = f"AND NOT ({doomed})" if doomed else ""
    but_doomed_uploads = f"AND NOT ({doomed_uploads})" if doomed_uploads else ""
    unneeded = f"""FROM blob WHERE id IN ({candidates})
        AND NOT EXISTS (SELECT 1 FROM asset WHERE asset.blob_id = blob.id {but_doomed})
        AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.blob_id = blob.id {but_doomed_uploads})"""
    loosen = (
        f"INSERT INTO loose_bytes (storage_key, due_at) SELECT storage_key, CAST(:now AS bigint) {unneeded}"
    )
    _hold(conn, candidates, parameters)
    conn.execute(statement(loosen), {**parameters, "now": now})
    return conn.execute(statement(f"DELETE {unneeded}"), parameters).rowcount


def _hold(conn: Connection, candidates: str, parameters: Mapping[str, object]) -> None:
    """Wait for whoever else is giving up the same bytes, so that the last of us sees that it is the last."""
    if flavour_of(conn).lock:
        held = f"SELECT id FROM blob WHERE id IN ({candidates}) ORDER BY id FOR UPDATE"
        conn.execute(statement(f"SELECT count(*) FROM ({held}) held"), parameters)


def due(conn: Connection, *, now: int, limit: int, but: Collection[str] = ()) -> list[str]:
    """Keys of loose bytes whose time has come, without these."""
    query = (
        select(loose_bytes.c.storage_key).where(loose_bytes.c.due_at <= now).order_by(loose_bytes.c.due_at)
    )
    if but:
        query = query.where(loose_bytes.c.storage_key.not_in(but))
    return list(conn.scalars(query.limit(limit)))


def strike(conn: Connection, keys: Sequence[str]) -> None:
    """The bytes at `keys` are gone."""
    conn.execute(delete(loose_bytes).where(loose_bytes.c.storage_key.in_(keys)))


def _first(conn: Connection, query: Select[Any], parameters: Mapping[str, object]) -> Blob | None:
    row = conn.execute(query, parameters).first()
    return None if row is None else Blob(**row._mapping)


# Run once for each arrival, and built once for all: building a statement takes longer than running it.
_BLOB: Select[Any] = select(blob.c.id, blob.c.sha256, blob.c.size, blob.c.content_type, blob.c.storage_key)
_BY_ID = _BLOB.where(blob.c.id == bindparam("id"))
_BY_CONTENT = _BLOB.where(
    blob.c.organization_id == bindparam("organization"), blob.c.sha256 == bindparam("sha256")
)
_INSERT = insert(blob)
_LOOSEN = insert(loose_bytes)
_TAKE_OVER = delete(loose_bytes).where(
    loose_bytes.c.storage_key == bindparam("key"), loose_bytes.c.due_at > bindparam("late")
)
