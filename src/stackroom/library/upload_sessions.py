"""Files that come in pieces: what was announced, and which pieces are there.

A piece that is on its way is loose by itself (`loose_bytes`). Once it is there it stands under the prefix of its
session, which is loose from the moment the session is over: nothing that is stored is ever without one of the two.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from stackroom import clock, ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import folder, loose_bytes, upload_chunk, upload_session
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.library import prefixes
from stackroom.media.kinds import Kind
from stackroom.storage.keys import new_generation, piece_key, pieces_prefix

LIFE: Final = clock.DAY
MOST_CHUNKS: Final = 10_000
MOST_BYTES: Final = 2**63 - 1
PENDING, COMPLETED, FAILED = "pending", "completed", "failed"
UPLOADING: Final = "uploading"
"""What one is that has begun to come; it is not kept, but seen from its pieces."""


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody is about to send. Its name and its type were checked, and so was its metadata."""

    filename: str
    content_type: str
    kind: Kind
    size: int
    chunk_size: int
    store: str
    metadata: Mapping[str, Any] = {}
    folder_id: int | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    state: str
    filename: str
    content_type: str
    kind: Kind
    size: int
    chunk_size: int
    chunk_count: int
    store: str
    metadata: dict[str, Any]
    folder: bytes | None
    """The id of the folder that it was to go to; empty where that is gone."""
    prefix: str
    asset_uuid: bytes | None
    expires_at: int

    def length(self, position: int) -> int:
        """How many bytes a piece has. The last one has the rest."""
        return min(self.chunk_size, self.size - position * self.chunk_size)


class Chunk(msgspec.Struct, frozen=True):
    position: int
    size: int
    storage_key: str


def start(conn: Connection, actor: Actor, wanted: NewSession, *, now: int) -> Session:
    """Leave to send a file in pieces, for a day. Raises `Invalid` for sizes that no pieces can have.

    Starting is free: what is never completed is swept. Repeating it starts another.
    """
    require(actor, Role.MEMBER, "uploading")
    if not (1 <= wanted.size <= MOST_BYTES and 1 <= wanted.chunk_size <= MOST_BYTES):
        raise Invalid("file_size and chunk_size: from 1 byte to what a file can have", code="invalid_size")
    count = -(-wanted.size // wanted.chunk_size)
    if count > MOST_CHUNKS:
        raise Invalid(
            f"chunk_size: {wanted.size} bytes in pieces of {wanted.chunk_size} are {count}; at most {MOST_CHUNKS}",
            code="too_many_chunks",
            hint="Send larger pieces",
        )
    uuid = ids.new()
    prefix = pieces_prefix(ids.text(actor.organization_uuid), ids.text(uuid))
    expires_at = now + LIFE
    prefixes.announce(conn, prefix, now=now, due_at=expires_at + prefixes.ARRIVAL_GRACE)
    conn.execute(
        insert(upload_session).values(
            uuid=uuid,
            organization_id=actor.organization_id,
            state=PENDING,
            filename=wanted.filename,
            content_type=wanted.content_type,
            kind=wanted.kind.value,
            size=wanted.size,
            chunk_size=wanted.chunk_size,
            chunk_count=count,
            store_behavior=wanted.store,
            metadata=msgspec.json.encode(wanted.metadata).decode(),
            folder_id=wanted.folder_id,
            prefix=prefix,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return find(conn, actor, uuid, now=now)


def find(conn: Connection, actor: Actor, uuid: bytes, *, now: int, lock: bool = False) -> Session:
    """By id, until it expires. Raises `NotFound`, for another organization's as for none."""
    query = (
        select(upload_session, folder.c.uuid.label("folder"), folder.c.removed_from)
        .outerjoin(folder, folder.c.id == upload_session.c.folder_id)
        .where(
            upload_session.c.uuid == uuid,
            upload_session.c.organization_id == actor.organization_id,
            upload_session.c.expires_at > now,
        )
    )
    row = conn.execute(query.with_for_update(of=upload_session) if lock else query).first()
    if row is None:
        raise NotFound("Upload session not found", hint="Start the upload again")
    return _from_row(row)


def chunks(conn: Connection, session: Session) -> list[Chunk]:
    """The pieces that are there, in their order."""
    here = upload_chunk.c.session_id == session.id
    rows = conn.execute(select(upload_chunk).where(here).order_by(upload_chunk.c.position))
    return [Chunk(row.position, row.size, row.storage_key) for row in rows]


def announce(conn: Connection, actor: Actor, uuid: bytes, position: int, *, now: int) -> tuple[Session, str]:
    """The session, and a fresh key for one of its pieces, which is about to be put.

    Raises `NotFound`, `Invalid` for a piece that the file has not, and `Conflict` for a session that is over.
    """
    found = find(conn, actor, uuid, now=now)
    check(found, position)
    key = piece_key(found.prefix, position, new_generation())
    conn.execute(insert(loose_bytes).values(storage_key=key, due_at=now + prefixes.ARRIVAL_GRACE))
    return found, key


def check(session: Session, position: int) -> None:
    """Raises `Invalid` for a piece that the file has not, and `Conflict` for a session that is over."""
    if not 0 <= position < session.chunk_count:
        raise Invalid(
            f"chunk {position}: the file has {session.chunk_count}, counted from 0", code="unknown_chunk"
        )
    if session.state != PENDING:
        raise Conflict(f"The upload has {session.state} already", code="already_finished")


def attach(conn: Connection, actor: Actor, uuid: bytes, chunk: Chunk, *, now: int) -> None:
    """A piece is there, at the key that was announced. One that was sent before is given up.

    Raises as `announce` does: then the piece stays loose.
    """
    found = find(conn, actor, uuid, now=now, lock=True)
    check(found, chunk.position)
    here = (upload_chunk.c.session_id == found.id) & (upload_chunk.c.position == chunk.position)
    values = msgspec.structs.asdict(chunk)
    before = conn.scalar(select(upload_chunk.c.storage_key).where(here))
    if before is None:
        conn.execute(insert(upload_chunk).values(session_id=found.id, **values))
    else:
        conn.execute(update(upload_chunk).where(here).values(values))
        conn.execute(insert(loose_bytes).values(storage_key=before, due_at=now))
    conn.execute(delete(loose_bytes).where(loose_bytes.c.storage_key == chunk.storage_key))


def finish(
    conn: Connection, session: Session, state: str, *, asset_uuid: bytes | None = None, now: int
) -> None:
    """A session is over: it has become this asset, or has failed. Its pieces are given up; it is told of until it
    expires. One that was over already stays what it is."""
    pending = (upload_session.c.id == session.id) & (upload_session.c.state == PENDING)
    conn.execute(update(upload_session).where(pending).values(state=state, asset_uuid=asset_uuid))
    prefixes.give_up(conn, session.prefix, now=now)


def forget_old(conn: Connection, *, now: int) -> None:
    """Drop the sessions that have expired, with what is known of their pieces."""
    late = select(upload_session.c.id).where(upload_session.c.expires_at <= now)
    conn.execute(delete(upload_chunk).where(upload_chunk.c.session_id.in_(late)))
    conn.execute(delete(upload_session).where(upload_session.c.expires_at <= now))


def _from_row(row: Row[Any]) -> Session:
    gone = row.folder_id is not None and (row.folder is None or row.removed_from is not None)
    return Session(
        id=row.id,
        uuid=row.uuid,
        state=row.state,
        filename=row.filename,
        content_type=row.content_type,
        kind=Kind(row.kind),
        size=row.size,
        chunk_size=row.chunk_size,
        chunk_count=row.chunk_count,
        store=row.store_behavior,
        metadata=msgspec.json.decode(row.metadata or "{}"),
        folder=b"" if gone else row.folder,
        prefix=row.prefix,
        asset_uuid=row.asset_uuid,
        expires_at=row.expires_at,
    )
