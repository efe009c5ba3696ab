"""Renditions: files derived from a stored image, made when they are first asked for, and kept as long as its bytes.

The bytes under a key never change, so what was made of them stays right. It is swept with them.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from stackroom import faults
from stackroom.database.transaction import Database
from stackroom.ingest.keeping import PYRAMID, thumbnail_profile
from stackroom.library import blobs
from stackroom.media.formats import HEAD_SIZE, sniff
from stackroom.media.studio import Studio
from stackroom.media.transformations import Acceptable, Transformation
from stackroom.storage.blobstore import BlobStore, MissingBytes
from stackroom.storage.keys import rendition_key, rendition_prefix
from stackroom.storage.staging import Staging

POSTER: Final = "poster"
"""The profile of the picture by which a video is shown."""
_REMEMBERED = 10_000
MOST_TRANSFORMED = 100
"""How many transformations of one image are kept: there is no end of what can be asked for."""
_TRANSFORMED = "made-1-"
"""What the profiles of transformations begin with. Another number, and all are made anew."""
T = TypeVar("T")
Make = Callable[[Path, Path], Awaitable[Path | None]]
"""Makes a file in a folder from the stored one; None if there is nothing to make."""


class Rendition(msgspec.Struct, frozen=True):
    """A stored derived file."""

    key: str
    size: int
    content_type: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A transformation with all that its bytes depend on beside the image itself."""

    transformation: Transformation
    acceptable: Acceptable = Acceptable()
    """Counts for the format `auto` alone."""
    watermark_key: str | None = None

    @property
    def digest(self) -> str:
        auto = self.transformation.format == "auto"
        said = self.transformation, self.acceptable if auto else None, self.watermark_key
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


class Renditions:
    """Finds or makes them. However many ask for one at the same time, it is made once."""

    def __init__(self, database: Database, store: BlobStore, staging: Staging, studio: Studio) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._studio = studio
        self._at_work: dict[str, asyncio.Task[bool]] = {}
        self._pyramids: OrderedDict[str, str] = OrderedDict()
        self._found: OrderedDict[str, Rendition] = OrderedDict()

    async def thumbnail(self, blob_id: int, key: str, box: int, *, of_video: bool = False) -> Rendition:
        """The thumbnail that fits into a square of one of `examined.THUMBNAIL_SIZES`: JPEG, or WebP with transparency.
        That of a video is made from its poster.

        Raises what decoding raises, and MissingBytes where the image was purged meanwhile.
        """

        async def make(_: Path, folder: Path) -> Path:
            best = (await self.poster(blob_id, key)).key if of_video else await self.zoomable(key)
            with self._store.open_local(best) as path:
                return (await self._studio.thumbnail(path, folder, box)).path

        return await self._found_or_made(blob_id, key, thumbnail_profile(box), make)

    async def poster(self, blob_id: int, key: str) -> Rendition:
        """One picture of a video, as a JPEG. Raises as `thumbnail` does."""

        async def make(original: Path, folder: Path) -> Path:
            out = folder / POSTER
            await self._studio.poster(original, out)
            return out

        return await self._found_or_made(blob_id, key, POSTER, make)

    async def transformed(self, blob_id: int, key: str, asked: Asked) -> Rendition:
        """What was asked to be made of an image. The newest `MOST_TRANSFORMED` of it are kept.

        Raises what decoding raises, TooLarge for a result that would be too large, and MissingBytes where the image
        was purged meanwhile.
        """
        profile = _TRANSFORMED + asked.digest

        async def make(original: Path, folder: Path) -> Path:
            mark = (
                nullcontext() if asked.watermark_key is None else self._store.open_local(asked.watermark_key)
            )
            with mark as watermark:
                return await self._studio.transform(
                    original, asked.transformation, folder, acceptable=asked.acceptable, watermark=watermark
                )

        wanted = rendition_key(key, profile)
        found = await asyncio.to_thread(self._find, wanted)
        if found is None:
            await self._make_once(blob_id, key, profile, make)
            await asyncio.to_thread(self._keep_newest, rendition_prefix(key) + _TRANSFORMED, wanted)
            found = await asyncio.to_thread(self._find, wanted)
        if found is None:
            raise MissingBytes("this image has just been deleted")
        return found

    def _keep_newest(self, prefix: str, wanted: str) -> None:
        kept = sorted(self._store.objects(prefix), key=lambda it: (it.key == wanted, it.modified))
        if len(kept) > MOST_TRANSFORMED:
            self._store.delete([it.key for it in kept[:-MOST_TRANSFORMED]])

    async def zoomable(self, key: str) -> str:
        """The key of what a piece of this image is best rendered from, by what there is: its pyramid, or itself."""
        if key not in self._pyramids:
            pyramid = rendition_key(key, PYRAMID)
            if not await asyncio.to_thread(self._exists, pyramid):
                return key
            _keep(self._pyramids, key, pyramid)
        return self._pyramids[key]

    async def pyramid(self, blob_id: int, key: str) -> str:
        """The key of the image's pyramid, which is made if there is none: its own if it is one itself.

        Raises what decoding raises, and MissingBytes where the image was purged meanwhile.
        """
        if (found := await self.zoomable(key)) != key or key in self._pyramids:
            return found

        async def make(original: Path, folder: Path) -> Path | None:
            out = folder / PYRAMID
            return out if await self._studio.pyramid(original, out) else None

        made = await self._make_once(blob_id, key, PYRAMID, make)
        _keep(self._pyramids, key, rendition_key(key, PYRAMID) if made else key)
        return self._pyramids[key]

    def forget(self, key: str) -> None:
        """What was known of an image turned out to be no longer so."""
        self._pyramids.pop(key, None)

    async def _found_or_made(self, blob_id: int, key: str, profile: str, make: Make) -> Rendition:
        wanted = rendition_key(key, profile)
        if (known := self._known(wanted)) is not None:
            return known
        found = await asyncio.to_thread(self._find, wanted)
        if found is None:
            await self._make_once(blob_id, key, profile, make)
            found = await asyncio.to_thread(self._find, wanted)
        if found is None:
            raise MissingBytes("this image has just been deleted")
        _keep(self._found, wanted, found)
        return found

    def _known(self, wanted: str) -> Rendition | None:
        """What was found before, if it is there at hand: it may have gone since."""
        pieces = self._store.read_at_hand(wanted) if wanted in self._found else None
        if pieces is None:
            return None
        pieces.close()
        return self._found[wanted]

    async def _make_once(self, blob_id: int, key: str, profile: str, make: Make) -> bool:
        """Whether something was made. Who gives up waiting does not take it from the others who wait."""
        wanted = rendition_key(key, profile)
        task = self._at_work.get(wanted)
        if task is None:
            task = asyncio.create_task(self._make(blob_id, key, wanted, make))
            self._at_work[wanted] = task
            task.add_done_callback(lambda done: self._finished(wanted, done))
        return await asyncio.shield(task)

    def _finished(self, wanted: str, task: asyncio.Task[bool]) -> None:
        del self._at_work[wanted]
        if not task.cancelled():
            task.exception()  # those who waited have had it; if nobody did any more, nobody needs to be told

    async def _make(self, blob_id: int, key: str, wanted: str, make: Make) -> bool:
        with self._staging.workspace() as folder, self._store.open_local(key) as original:
            made = await make(original, folder)
            if made is None:
                return False
            faults.reach("render:before-store")
            await asyncio.to_thread(self._store.put, wanted, made)
        # If the image was purged meanwhile, the sweeper may have been here already. If it is purged later, the sweeper
        # will find this one. So it is enough to look once, after it has been stored.
        found = await self._database.read(lambda conn: blobs.get(conn, blob_id))
        if found is None or found.storage_key != key:
            await asyncio.to_thread(self._store.delete, [wanted])
            raise MissingBytes("this image has just been deleted")
        return True

    def _find(self, key: str) -> Rendition | None:
        try:
            size = self._store.size(key)
            head = b"".join(self._store.read(key, 0, HEAD_SIZE))
        except MissingBytes:
            return None
        return Rendition(key, size, sniff(head) or "image/jpeg")

    def _exists(self, key: str) -> bool:
        try:
            self._store.size(key)
        except MissingBytes:
            return False
        return True


def _keep(known: OrderedDict[str, T], key: str, value: T) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
