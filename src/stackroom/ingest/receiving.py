"""Media come in: a complete file is checked, looked at, put into the store, and becomes an asset.

    prepare    what it is called and what it is; a picture is turned as it is seen and what its camera said is taken
               out; then it is in the store. No transaction is open.
    register   the asset with all that belongs to it, the jobs that follow and the event, in the caller's transaction
    give_up    for whoever has prepared and will not register

A process may die between any two of these: what was stored hangs on an upload that expires, and is swept.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select

from stackroom import clock, faults, ids
from stackroom.access import Actor, Role, require
from stackroom.clock import Clock
from stackroom.database.schema import asset, asset_media, blob, upload
from stackroom.database.transaction import Database
from stackroom.errors import Invalid, TooLarge, UnsupportedMedia
from stackroom.events import log
from stackroom.ingest import accepted, stored
from stackroom.ingest.accepted import Accepted
from stackroom.ingest.keeping import store_thumbnails, told_of
from stackroom.library import assets, folders, media, media_home, numbering, similarity
from stackroom.library.assets import NewAsset
from stackroom.library.datasets import Dataset
from stackroom.library.media import AUTO, Media
from stackroom.library.names import ROOT, clean_name
from stackroom.library.sweep import forget_uploads
from stackroom.media.examined import MAX_PIXELS, Examined
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.studio import Studio
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.staging import Staged, Staging

THUMBNAILS: Final = (200,)
TEMPORARY: Final = clock.DAY
"""How long something stays that is not to stay."""
STORE: Final = ("0", "1", AUTO)
FollowUp = Callable[[Connection, Actor, Media, int], None]
"""Submits what is to be done with new media, in the transaction that makes them."""

_OF_NO_FORMAT: Final = frozenset({"not_an_image", "unsupported_image"})


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to become of a file: of which kind it is, where it goes, and whether it stays.

    `store` is 0, 1 or auto, in any case. `metadata` is clean.
    """

    kind: Kind
    folder: bytes | None = None
    store: str = AUTO
    metadata: Mapping[str, Any] = {}


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is what it is said to be, and is in the store; nothing of it is in the library yet."""

    wish: Wish
    accepted: Accepted
    upload_id: int
    info: MediaInfo
    size: int
    fingerprint: bytes | None


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file to keep: the one that came, or what it became."""

    staged: Staged
    info: MediaInfo
    examined: Examined | None = None


class Receiving:
    """Takes media in. `staging` is where files arrive, of any size that is taken; `limits` are in bytes."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        staging: Staging,
        studio: Studio,
        *,
        limits: Mapping[str, int],
        expire: bool,
        keep_exif: bool,
        follow_up: FollowUp,
        now: Clock = clock.now,
    ) -> None:
        self.staging = staging
        self._database = database
        self._store = store
        self._studio = studio
        self._limits = limits
        self._expire = expire
        self._keep_exif = keep_exif
        self._follow_up = follow_up
        self._now = now

    def limit(self, kind: Kind) -> int:
        """How many bytes a file of this kind may have."""
        return self._limits[kind.value]

    async def check(self, actor: Actor, wish: Wish) -> None:
        """Refuse a wish that cannot be met, before its file is on its way. Raises as `prepare` does."""
        require(actor, Role.MEMBER, "uploading")
        if wish.store.lower() not in STORE:
            raise Invalid(f"store: {wish.store[:100]!r} is not 0, 1 or auto", code="invalid_store")
        await self._database.read(lambda conn: _check_folder(conn, actor, wish.folder))

    async def prepare(self, actor: Actor, wish: Wish, named: Accepted, staged: Staged) -> Ready:
        """Look at a file, whose name has been checked, and store it.

        Raises `Invalid` for a file that is not what it is said to be, or is damaged, and for a folder that does not
        exist; then nothing of it is kept.
        """
        await self.check(actor, wish)
        with self.staging.workspace() as workspace:
            try:
                found = await self._look(wish.kind, staged, workspace)
            except (UnsupportedMedia, TooLarge) as error:
                # The library keeps more formats of images than are taken here.
                hint = accepted.taken(wish.kind) if error.code in _OF_NO_FORMAT else error.hint
                raise Invalid(error.message, code=error.code, hint=hint) from error
            accepted.check_bytes(named, found.info.content_type)
            return await self._keep(actor, wish, named, found)

    async def give_up(self, ready: Ready) -> None:
        """Let go of what was prepared and will not be registered."""
        await self._database.write(lambda conn: forget_uploads(conn, [ready.upload_id], now=self._now()))

    def register(self, conn: Connection, actor: Actor, ready: Ready, *, initiator: str, now: int) -> Media:
        """Make the asset, and submit what follows; wake the dispatcher after the commit.

        Raises `Invalid` for a folder that is gone meanwhile, and (`upload_missing`) for what was prepared
        more than an hour ago, or was registered by another call.
        """
        require(actor, Role.MEMBER, "uploading")
        blob_id = conn.scalar(select(upload.c.blob_id).where(upload.c.id == ready.upload_id))
        if blob_id is None:
            raise Invalid("The file is not here any more", code="upload_missing", hint="Send it again")
        dataset_id, folder_id = _enter(conn, actor, ready.wish.folder, now)
        made = _new_asset(conn, ready, blob_id, folder_id, expires_at=self._expiry(ready.wish, now))
        assets.add(conn, actor, dataset_id, [made], now=now)
        _describe(conn, made.uuid, ready)
        if ready.fingerprint is not None:
            similarity.note(conn, {blob_id: ready.fingerprint})
        forget_uploads(conn, [ready.upload_id], now=now)
        seen = media.find(conn, actor, made.uuid, now=now)
        told = told_of(made, initiator, now)
        if seen.kind is Kind.VIDEO:
            told["processing"] = "pending"
        log.record(
            conn, actor, "asset.created", at=now, dataset_id=dataset_id, asset_uuid=made.uuid, data=told
        )
        self._follow_up(conn, actor, seen, now)
        faults.reach("register:before-commit")
        return media.find(conn, actor, made.uuid, now=now)

    def _expiry(self, wish: Wish, now: int) -> int | None:
        temporary = self._expire if wish.store.lower() == AUTO else wish.store == "0"
        return now + TEMPORARY if temporary else None

    async def _look(self, kind: Kind, staged: Staged, workspace: Any) -> _Source:
        if kind is not Kind.IMAGE:
            return _Source(staged=staged, info=await self._studio.examine_media(kind, staged.path))
        seen = await self._studio.examine(
            staged.path, workspace, thumbnail_sizes=THUMBNAILS, max_pixels=MAX_PIXELS
        )
        made = None if self._keep_exif else await self._studio.upright(staged.path, workspace)
        found = made or seen.probe
        info = MediaInfo(kind=kind, content_type=found.content_type, width=found.width, height=found.height)
        kept = staged if made is None else Staged(made.path, made.size, made.sha256)
        return _Source(staged=kept, info=info, examined=seen)

    async def _keep(self, actor: Actor, wish: Wish, named: Accepted, found: _Source) -> Ready:
        place = await self._home(actor)
        held = await stored.keep(
            self._database,
            self._store,
            actor,
            found.staged,
            dataset_id=place.id,
            content_type=named.content_type,
            now=self._now,
        )
        if found.examined is not None and (key := await self._database.read(lambda conn: _key(conn, held))):
            await asyncio.to_thread(store_thumbnails, self._store, found.examined, key)
        faults.reach("register:after-examine")
        return Ready(
            wish=wish,
            accepted=named,
            upload_id=held,
            info=found.info,
            size=found.staged.size,
            fingerprint=None if found.examined is None else found.examined.fingerprint,
        )

    async def _home(self, actor: Actor) -> Dataset:
        """Looked for first: nearly always it is there, and a write that changes nothing still waits for its turn."""
        found = await self._database.read(lambda conn: media_home.known(conn, actor))
        if found is not None:
            return found
        return await self._database.write(lambda conn: media_home.home(conn, actor, self._now()))


def _key(conn: Connection, upload_id: int) -> str | None:
    """Where the bytes of an upload are. None if it has expired in this very moment."""
    key: str | None = conn.scalar(
        select(blob.c.storage_key).join_from(upload, blob).where(upload.c.id == upload_id)
    )
    return key


def _check_folder(conn: Connection, actor: Actor, wanted: bytes | None) -> None:
    if wanted is not None and media_home.folder(conn, actor, wanted) is None:
        raise _unknown_folder()


def _enter(conn: Connection, actor: Actor, wanted: bytes | None, now: int) -> tuple[int, int]:
    """The dataset and the folder for something new. Others are kept out of the folder until the commit."""
    if wanted is None:
        place = media_home.home(conn, actor, now)
        return place.id, folders.enter(conn, place.id, ROOT, now=now)
    found = media_home.folder(conn, actor, wanted)
    if found is None or not folders.hold(conn, [found.id]):
        raise _unknown_folder()
    return found.dataset_id, found.id


def _unknown_folder() -> Invalid:
    return Invalid("Folder not found", code="unknown_folder", hint="Name one of the folders there are")


def _new_asset(
    conn: Connection, ready: Ready, blob_id: int, folder_id: int, *, expires_at: int | None
) -> NewAsset:
    metadata = ready.wish.metadata
    return NewAsset(
        uuid=ids.new(),
        folder_id=folder_id,
        name=numbering.free_name(conn, folder_id, clean_name(ready.accepted.filename)),
        original_name=ready.accepted.filename,
        blob_id=blob_id,
        size=ready.size,
        content_type=ready.accepted.content_type,
        width=ready.info.width,
        height=ready.info.height,
        kind=ready.wish.kind.value,
        duration=ready.info.duration,
        metadata=msgspec.json.encode(metadata).decode() if metadata else None,
        expires_at=expires_at,
    )


def _describe(conn: Connection, uuid: bytes, ready: Ready) -> None:
    """What only media have. Most images have none of it, and need no row for that."""
    said = {
        "store_behavior": None if ready.wish.store == AUTO else ready.wish.store,
        "bitrate": ready.info.bitrate,
        "sample_rate": ready.info.sample_rate,
        "channels": ready.info.channels,
        "page_count": ready.info.page_count,
        "text": ready.info.text,
    }
    if any(value is not None for value in said.values()):
        asset_id = select(asset.c.id).where(asset.c.uuid == uuid).scalar_subquery()
        conn.execute(insert(asset_media).values(asset_id=asset_id, **said))
