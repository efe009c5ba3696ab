"""Uploads: bytes come in by a signed URL, are verified, and become assets.

    open      a ticket for one file in one place: what may come, how large, until when
    receive   the bytes, streamed to a temporary file and hashed; then stored under their hash
    prepare   look at the bytes: what they really are; convert, make thumbnails. No transaction is open.
    register  the asset, in the caller's transaction

A process may die between any two of these. Bytes without a blob are loose, blobs without an asset hang on an upload
that expires: the sweeper finds both.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from stackroom import clock, faults, ids
from stackroom.access import Actor, Role, require
from stackroom.clock import Clock
from stackroom.database.schema import blob, organization, upload
from stackroom.database.transaction import Database
from stackroom.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    StackroomError,
    TooLarge,
    UnsupportedMedia,
)
from stackroom.events import log
from stackroom.ingest.gathering import gathered
from stackroom.ingest.keeping import final_name, put_again, store_converted, store_thumbnails, told_of
from stackroom.library import assets, blobs, datasets, folders, similarity
from stackroom.library.assets import Asset, NewAsset
from stackroom.library.blobs import Arrival
from stackroom.library.names import MAX_NAME, clean_name, clean_path, split_name
from stackroom.library.sweep import forget_uploads
from stackroom.media.examined import MAX_PIXELS
from stackroom.media.formats import HEAD_SIZE, sniff
from stackroom.media.studio import Studio
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.staging import Staged, Staging

TICKET_LIFE = 15 * 60 * clock.SECOND
REGISTER_WITHIN = clock.HOUR
"""How long received bytes wait for their registration, beyond the life of the URL."""
THUMBNAILS = (200,)

ACCEPTED_TYPES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/bmp",
        "image/tiff",
        "image/gif",
        "image/heic",
        "image/heif",
        "image/avif",
        "image/jp2",
    }
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One file someone wants to put somewhere."""

    folder_path: str
    name: str
    content_type: str | None = None
    size: int | None = None
    ticket: str | None = None
    """The upload's id, where the caller knows it; otherwise the newest upload for this place is meant."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to send one file. `name` and `folder_path` are as they will be looked up."""

    uuid: bytes
    name: str
    folder_path: str
    content_type: str
    expires_at: int


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that was looked at and is an image; nothing of it is in the library yet."""

    upload_id: int
    dataset_id: int
    folder_path: str
    name: str
    original_name: str
    content_type: str
    width: int
    height: int
    size: int
    fingerprint: bytes
    blob_id: int | None
    """The blob that came in, or None if it was converted; `converted` then is what it became, at `key`."""
    converted: Arrival | None = None
    key: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One of several files that did not become an asset, and why."""

    wanted: Wanted
    error: StackroomError


def open_uploads(
    conn: Connection,
    actor: Actor,
    dataset_ref: str,
    files: Sequence[Wanted],
    *,
    refuse_taken: bool = True,
    now: int,
) -> list[Ticket]:
    """Tickets for files, in their order. Opening is free: what is never sent expires.

    Raises `UnsupportedMedia` for a type the library does not keep, `Invalid` for a bad name or path, and `Conflict`
    for a name that a live asset has, unless that is to be found out file by file at registration.
    """
    require(actor, Role.MEMBER, "uploading")
    tickets = [_ticket(each, now) for each in files]
    found = datasets.find(conn, actor, dataset_ref)
    if refuse_taken:
        for ticket in tickets:
            _refuse_taken(conn, found.id, ticket)
    rows = [
        {
            "uuid": ticket.uuid,
            "organization_id": actor.organization_id,
            "dataset_id": found.id,
            "folder_path": ticket.folder_path,
            "name": ticket.name,
            "content_type": ticket.content_type,
            "created_at": now,
            "expires_at": ticket.expires_at + REGISTER_WITHIN,
        }
        for ticket in tickets
    ]
    conn.execute(insert(upload), rows)
    return tickets


class Uploads:
    """Takes bytes in. Everything that touches a transaction is a plain function of its connection."""

    def __init__(
        self, database: Database, store: BlobStore, staging: Staging, studio: Studio, now: Clock = clock.now
    ) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._studio = studio
        self._now = now

    async def receive(
        self, ticket: str, stream: AsyncIterator[bytes], *, content_type: str, length: int | None
    ) -> None:
        """Take the bytes of an upload. Sending again before registration replaces them.

        Raises `NotFound` for an upload that is not (or no longer) waiting, `Forbidden` for another content type than
        announced, `TooLarge` past the limit, `Invalid` if the length is not as announced. Then nothing is kept, nor
        if the sender goes away.
        """
        row = await self._database.read(lambda conn: _waiting(conn, ticket, self._now()))
        if content_type.split(";", maxsplit=1)[0].strip().lower() != row.content_type:
            raise Forbidden(
                f"this URL is for {row.content_type}, not {content_type or 'an unnamed type'}",
                code="content_type_mismatch",
                hint="Send the Content-Type that the URL was asked for.",
            )
        with self._staging.receive() as arrival:
            head = b""
            async for piece in gathered(stream):
                head = head or piece[:HEAD_SIZE]
                await asyncio.to_thread(arrival.write, piece)
            staged = arrival.finish(expected_size=length)
            faults.reach("upload:after-receive")
            kind = sniff(head) or row.content_type
            await self._keep(row, staged, Arrival(sha256=staged.sha256, size=staged.size, content_type=kind))
            faults.reach("upload:after-commit")

    async def prepare(self, actor: Actor, dataset_ref: str, wanted: Wanted) -> Prepared:
        """Look at received bytes. Raises what `Studio.examine` raises, `Invalid` (`upload_missing`, `size_mismatch`),
        `NotFound` for the dataset. Bytes that are refused are given up at once."""
        row, key = await self._database.read(
            lambda conn: _received(conn, actor, dataset_ref, wanted, self._now())
        )
        try:
            return await self._examine(actor, row, key, wanted)
        except StackroomError as error:
            if isinstance(error, Invalid | TooLarge | UnsupportedMedia):
                await self._database.write(lambda conn: forget_uploads(conn, [row.id], now=self._now()))
            raise

    async def prepare_many(
        self, actor: Actor, dataset_ref: str, files: Sequence[Wanted]
    ) -> list[Prepared | Refused]:
        """`prepare` for each, side by side; a file that is refused does not stop the others."""
        await self._database.read(lambda conn: datasets.find(conn, actor, dataset_ref))

        async def one(wanted: Wanted) -> Prepared | Refused:
            try:
                return await self.prepare(actor, dataset_ref, wanted)
            except StackroomError as error:
                return Refused(wanted=wanted, error=error)

        return list(await asyncio.gather(*(one(wanted) for wanted in files)))

    async def _keep(self, row: Row[Any], staged: Staged, arrival: Arrival) -> None:
        """Store bytes and note on the upload which blob they are. Content already here is not stored again."""
        key, known = await self._database.write(lambda conn: _place(conn, row, arrival, now=self._now()))
        if known:
            return await asyncio.to_thread(put_again, self._store, key, staged.path)
        await asyncio.to_thread(self._store.put, key, staged.path)
        faults.reach("upload:after-store")
        return await self._database.write(lambda conn: _attach(conn, row, arrival, key, now=self._now()))

    async def _examine(self, actor: Actor, row: Row[Any], key: str, wanted: Wanted) -> Prepared:
        with self._staging.workspace() as workspace, self._store.open_local(key) as path:
            seen = await self._studio.examine(
                path, workspace, thumbnail_sizes=THUMBNAILS, max_pixels=MAX_PIXELS
            )
            converted, stored_at = await store_converted(self._database, self._store, actor, seen, self._now)
            await asyncio.to_thread(store_thumbnails, self._store, seen, stored_at or key)
            faults.reach("register:after-examine")
        picture = seen.converted or seen.probe
        name = clean_name(wanted.name)
        if converted is not None and not name.lower().endswith(".png"):
            name = split_name(name)[0][: MAX_NAME - 4] + ".png"
        return Prepared(
            upload_id=row.id,
            dataset_id=row.dataset_id,
            folder_path=row.folder_path,
            name=name,
            original_name=wanted.name,
            content_type=picture.content_type,
            width=picture.width,
            height=picture.height,
            size=converted.size if converted else row.size,
            fingerprint=seen.fingerprint,
            blob_id=None if converted else row.blob_id,
            converted=converted,
            key=stored_at or "",
        )


def hold(conn: Connection, organization_id: int, dataset_id: int, blob_id: int, *, now: int) -> int:
    """Keep a blob that something is about to refer to, as an upload to a place that is none would: it is given up by
    `forget_uploads`, or expires. The number of that upload."""
    row = {
        "uuid": ids.new(),
        "organization_id": organization_id,
        "dataset_id": dataset_id,
        "folder_path": "",
        "name": "",
        "content_type": "",
        "blob_id": blob_id,
        "created_at": now,
        "received_at": now,
        "expires_at": now + REGISTER_WITHIN,
    }
    made = conn.execute(insert(upload), row).inserted_primary_key
    assert made is not None
    number: int = made[0]
    return number


def register(conn: Connection, actor: Actor, prepared: Prepared, *, now: int) -> Asset:
    """Make the asset. Raises `Conflict` if its name has been taken, `Invalid` (`upload_missing`) if another call has
    registered this upload."""
    require(actor, Role.MEMBER, "uploading")
    made = register_many(conn, actor, [prepared], now=now)[0]
    if isinstance(made, Refused):
        raise made.error
    return made


def register_many(
    conn: Connection, actor: Actor, files: Sequence[Prepared | Refused], *, now: int
) -> list[Asset | Refused]:
    """Make an asset of each file, in a number of statements that follows the number of folders, not of files.

    A name that is taken, also by an earlier file of the same call, refuses that file only.
    """
    good = [each for each in files if isinstance(each, Prepared)]
    if not good:
        return [each for each in files if isinstance(each, Refused)]
    wanted = {each.folder_path for each in good}
    places = folders.enter_many(conn, good[0].dataset_id, wanted, now=now)
    waiting = set(conn.scalars(select(upload.c.id).where(upload.c.id.in_([each.upload_id for each in good]))))
    taken = {
        path: assets.taken_names(conn, folder_id, [each.name for each in good if each.folder_path == path])
        for path, folder_id in places.items()
    }
    made: dict[int, NewAsset] = {}
    results: list[Asset | Refused | NewAsset] = []
    for each in files:
        if isinstance(each, Refused):
            results.append(each)
        elif each.name in taken[each.folder_path]:  # first: so says the loser of a race for one upload, too
            results.append(_refused(each, _name_taken(each.name, each.folder_path)))
        elif each.upload_id not in waiting or each.upload_id in made:
            results.append(_refused(each, _upload_missing(each.name, each.folder_path)))
        else:
            taken[each.folder_path].add(each.name)
            made[each.upload_id] = _new_asset(conn, actor, each, places[each.folder_path], now=now)
            results.append(made[each.upload_id])
    if made:
        assets.add(conn, actor, good[0].dataset_id, list(made.values()), now=now)
        similarity.note(
            conn, {made[it.upload_id].blob_id: it.fingerprint for it in good if it.upload_id in made}
        )
        forget_uploads(conn, list(made), now=now)
        _record(conn, actor, good[0].dataset_id, list(made.values()), now=now)
        faults.reach("register:before-commit")
    found = assets.by_uuids(conn, actor, [each.uuid for each in made.values()])
    return [found[each.uuid] if isinstance(each, NewAsset) else each for each in results]


def _new_asset(conn: Connection, actor: Actor, each: Prepared, folder_id: int, *, now: int) -> NewAsset:
    blob_id = each.blob_id
    if each.converted is not None:
        blob_id = blobs.adopt(conn, actor.organization_id, each.converted, each.key, now=now).id
    assert blob_id is not None
    return NewAsset(
        uuid=ids.new(),
        folder_id=folder_id,
        name=each.name,
        original_name=each.original_name,
        blob_id=blob_id,
        size=each.size,
        content_type=each.content_type,
        width=each.width,
        height=each.height,
    )


def _record(conn: Connection, actor: Actor, dataset_id: int, made: Sequence[NewAsset], *, now: int) -> None:
    about = [(each.uuid, {"name": each.name, **told_of(each, "upload", now)}) for each in made]
    log.record_each(conn, actor, "asset.created", about, at=now, dataset_id=dataset_id)


def _ticket(wanted: Wanted, now: int) -> Ticket:
    name, path = clean_name(wanted.name), clean_path(wanted.folder_path)
    content_type = (wanted.content_type or "").split(";")[0].strip().lower()
    if content_type not in ACCEPTED_TYPES:
        raise UnsupportedMedia(
            f"{content_type or 'a file without a type'} is not supported",
            hint=f"Supported are {', '.join(sorted(ACCEPTED_TYPES))}.",
        )
    return Ticket(
        uuid=ids.new(), name=name, folder_path=path, content_type=content_type, expires_at=now + TICKET_LIFE
    )


def _refuse_taken(conn: Connection, dataset_id: int, ticket: Ticket) -> None:
    folder_id = folders.find(conn, dataset_id, ticket.folder_path)
    name = final_name(ticket.name)
    if folder_id is not None and assets.is_taken(conn, folder_id, name):
        raise _name_taken(name, ticket.folder_path)


def _name_taken(name: str, folder_path: str) -> Conflict:
    return Conflict(
        f"a file named {name!r} already exists in {folder_path}",
        hint="Choose another name or folder, or delete the one that is there.",
        details={"filename": name, "folder_path": folder_path},
    )


def _upload_missing(name: str, folder_path: str) -> Invalid:
    return Invalid(
        f"no uploaded file {name!r} is waiting for {folder_path}",
        code="upload_missing",
        hint="Ask for an upload URL, PUT the bytes there, then register.",
    )


def _refused(each: Prepared, error: StackroomError) -> Refused:
    return Refused(wanted=Wanted(folder_path=each.folder_path, name=each.original_name), error=error)


def _waiting(conn: Connection, ticket: str, now: int) -> Row[Any]:
    raw = ids.parse(ticket)
    query = select(upload, organization.c.uuid.label("organization_uuid")).join_from(upload, organization)
    row = conn.execute(query.where(upload.c.uuid == raw, upload.c.expires_at > now)).first() if raw else None
    if row is None:
        raise _not_waiting()
    return row


def _not_waiting() -> NotFound:
    return NotFound(
        "this upload is not waiting for bytes", hint="It was registered or has expired; ask anew."
    )


def _received(
    conn: Connection, actor: Actor, dataset_ref: str, wanted: Wanted, now: int
) -> tuple[Row[Any], str]:
    """The upload that is meant, with its bytes' size and key."""
    require(actor, Role.MEMBER, "uploading")
    found = datasets.find(conn, actor, dataset_ref)
    name, path = clean_name(wanted.name), clean_path(wanted.folder_path)
    where = [upload.c.dataset_id == found.id, upload.c.blob_id.is_not(None), upload.c.expires_at > now]
    where += [upload.c.folder_path == path, upload.c.name == name]
    if wanted.ticket is not None:
        where.append(upload.c.uuid == (ids.parse(wanted.ticket) or b""))
    query = select(upload, blob.c.size, blob.c.storage_key).join_from(upload, blob).where(*where)
    row = conn.execute(query.order_by(upload.c.received_at.desc()).limit(1)).first()
    if row is None:
        folder_id = folders.find(conn, found.id, path)
        if folder_id is not None and assets.is_taken(conn, folder_id, final_name(name)):
            raise _name_taken(final_name(name), path)
        raise _upload_missing(name, path)
    if wanted.size is not None and wanted.size != row.size:
        raise Invalid(
            f"{wanted.size} bytes were announced, and {row.size} were uploaded",
            code="size_mismatch",
            hint="Upload the file again.",
        )
    return row, row.storage_key


def _place(conn: Connection, row: Row[Any], arrival: Arrival, *, now: int) -> tuple[str, bool]:
    """The key of this content, and whether it is known: then it is referred to, else announced."""
    known = blobs.find(conn, row.organization_id, arrival.sha256)
    if known is None:
        return blobs.announce(conn, row.organization_uuid, arrival.sha256, now=now), False
    _refer(conn, row, known.id, now=now)
    return known.storage_key, True


def _attach(conn: Connection, row: Row[Any], arrival: Arrival, key: str, *, now: int) -> None:
    _refer(conn, row, blobs.adopt(conn, row.organization_id, arrival, key, now=now).id, now=now)


def _refer(conn: Connection, row: Row[Any], blob_id: int, *, now: int) -> None:
    mine = upload.c.id == row.id
    # Asked again, and held: another PUT to the same URL may have come in since `row` was read.
    before = conn.execute(select(upload.c.blob_id).where(mine).with_for_update()).first()
    if before is None:
        raise _not_waiting()
    conn.execute(update(upload).where(mine).values(blob_id=blob_id, received_at=now))
    if before.blob_id is not None and before.blob_id != blob_id:
        blobs.release(conn, str(int(before.blob_id)), {}, now=now)
