"""One export on its way: images come in page by page, a zip comes out. No database, and memory for one page.

Called from a thread. Whoever waits for it may set `stop`, and the next image raises `Stopped`.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from stackroom import clock
from stackroom.exports.archive import Archive
from stackroom.exports.claims import Progress
from stackroom.exports.formats import WRITERS
from stackroom.exports.formats.kit import About, Kit
from stackroom.exports.places import Places
from stackroom.exports.reading import Image
from stackroom.exports.request import Format
from stackroom.storage.blobstore import BlobStore, MissingBytes, Pieces

_PARTS = {"train": "train/", "val": "valid/", "test": "test/", None: "train/"}


class Stopped(Exception):
    """Nobody wants this any more."""


class Making:
    """Made with an empty `workspace`; after `finish` the zip is at `path`. `close` in any case."""

    def __init__(
        self, wanted: Format, about: About, store: BlobStore, workspace: Path, stop: threading.Event
    ) -> None:
        self.path = workspace / "export.zip"
        self.progress = Progress()
        self._store = store
        self._stop = stop
        self._options = about.options
        self._archive = Archive(self.path, clock.to_datetime(about.made_at))
        self._kit = Kit(self._archive, about, workspace)
        self._writer = WRITERS[wanted](self._kit)
        self._places = Places(self._writer.layout)

    def add(self, images: Sequence[Image]) -> None:
        """Raises `Stopped`, and OSError where there is no room."""
        for image in images:
            if self._stop.is_set():
                raise Stopped
            self._add(image)

    def finish(self) -> None:
        """Raises `Stopped`, and OSError where there is no room."""
        self._writer.finish()
        self._kit.finish()
        self._archive.close()
        if self._stop.is_set():
            raise Stopped

    def close(self) -> None:
        self._kit.close()
        self._archive.abandon()

    def _add(self, image: Image) -> None:
        part = _PARTS[image.split] if self._options.by_split else ""
        pieces = None
        if self._options.include_images:
            pieces = self._open(image)
            if pieces is None:
                self._kit.leave_out(image, "its bytes are gone")
                return
        place = self._places.give(part, image.folder, image.name, image.uuid)
        if pieces is not None:
            name = f"{part}{self._writer.layout.images}/{place}"
            self._archive.copy(name, self._until_stopped(pieces), image.size)
        written = self._writer.add(part, image, place)
        self.progress = Progress(self.progress.images + 1, self.progress.annotations + written)

    def _open(self, image: Image) -> Pieces | None:
        """The bytes of an image; None if it has been purged since its page was read."""
        try:
            return None if image.storage_key is None else self._store.read(image.storage_key)
        except MissingBytes:
            return None

    def _until_stopped(self, pieces: Pieces) -> Iterator[bytes]:
        try:
            for piece in pieces:
                if self._stop.is_set():
                    raise Stopped
                yield piece
        finally:
            pieces.close()
