"""What is kept of a file that came in, and what it is called; the same whether it was uploaded or fetched."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import structlog

from stackroom.access import Actor
from stackroom.clock import Clock
from stackroom.database.transaction import Database
from stackroom.library import blobs
from stackroom.library.assets import NewAsset
from stackroom.library.blobs import Arrival
from stackroom.library.names import MAX_NAME, split_name
from stackroom.media.examined import Examined
from stackroom.storage.blobstore import BlobStore, MissingBytes
from stackroom.storage.keys import rendition_key

log = structlog.get_logger(__name__)
_BRINGING_BACK = threading.Lock()
_CONVERTED = (".heic", ".heif")
PYRAMID = "pyramid"
"""The profile of the rendition that large pictures are zoomed into by."""
_KINDS = ("image", "video", "audio")


def final_name(name: str) -> str:
    """What a file will be called once it is stored: HEIC and HEIF become PNG."""
    if not name.lower().endswith(_CONVERTED):
        return name
    stem, extension = split_name(name)
    return stem[: MAX_NAME - 4] + ".png" if extension.lower() in _CONVERTED else name


def kind_of(content_type: str | None) -> str:
    """Which kind of asset has this type; what is not known yet will be an image."""
    family = (content_type or "image/unknown").partition("/")[0]
    return family if family in _KINDS else "document"


def told_of(made: NewAsset, initiator: str, now: int) -> dict[str, Any]:
    """What those are told who want to know of new media, whoever has brought them: the same of all that is made,
    deleted and copied."""
    return {
        "filename": made.original_name,
        "content_type": made.content_type,
        "size": made.size,
        "kind": made.kind,
        "width": made.width,
        "height": made.height,
        "uploaded_at": now,
        "expires_at": made.expires_at,
        "initiator": initiator,
    }


def thumbnail_profile(box: int) -> str:
    return f"thumb-{box}"


def put_again(store: BlobStore, key: str, path: Path) -> None:
    """Bytes have come that the library has already. They are not stored a second time, unless the store has lost
    them or a part of them, as after a restore of an older copy: then they are back, for all that is made of them."""
    if _is_whole(store, key, path):
        return
    with _BRINGING_BACK:  # nobody removes what another has just brought back
        if not _is_whole(store, key, path):
            store.delete([key])  # what is there is never overwritten
            store.put(key, path)
            log.warning("bytes.brought_back", key=key)


def _is_whole(store: BlobStore, key: str, path: Path) -> bool:
    try:
        return store.size(key) == path.stat().st_size
    except MissingBytes:
        return False


async def store_converted(
    database: Database, store: BlobStore, actor: Actor, seen: Examined, now: Clock
) -> tuple[Arrival | None, str | None]:
    """Put what an image was converted to into the store, where it is nobody's yet; and under which key. Where the
    library has the same already, it is that which is used in the end: so it is seen to as well."""
    if seen.converted is None:
        return None, None
    made = seen.converted
    arrival = Arrival(sha256=made.sha256, size=made.size, content_type=made.content_type)
    known = await database.read(lambda conn: blobs.find(conn, actor.organization_id, made.sha256))
    if known is not None:
        await asyncio.to_thread(put_again, store, known.storage_key, made.path)
    owner = actor.organization_uuid
    key = await database.write(lambda conn: blobs.announce(conn, owner, made.sha256, now=now()))
    await asyncio.to_thread(store.put, key, made.path)
    return arrival, key


def store_thumbnails(store: BlobStore, seen: Examined, key: str) -> None:
    """Put thumbnails beside the blob they were made from. Repeating it changes nothing."""
    store.put_all({rendition_key(key, thumbnail_profile(it.box)): it.path for it in seen.thumbnails})
