"""One export on its way: images come in page by page, a zip comes out. No database, and memory for one page.

Called from a thread. Whoever waits for it may set `stop`, and the next image raises `Stopped`.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
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

AHEAD = 8
"""Of how many images the bytes are asked for before they are needed."""
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
        wanted = self._options.include_images
        with closing(self._opened(images) if wanted else ((image, None) for image in images)) as ready:
            for image, pieces in ready:
                if self._stop.is_set():
                    raise Stopped
                self._add(image, pieces)

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

    def _add(self, image: Image, pieces: Pieces | None) -> None:
        part = _PARTS[image.split] if self._options.by_split else ""
        if self._options.include_images and pieces is None:
            self._kit.leave_out(image, "its bytes are gone")
            return
        place = self._places.give(part, image.folder, image.name, image.uuid)
        if pieces is not None:
            name = f"{part}{self._writer.layout.images}/{place}"
            self._archive.copy(name, self._until_stopped(pieces), image.size)
        written = self._writer.add(part, image, place)
        self.progress = Progress(self.progress.images + 1, self.progress.annotations + written)

    def _opened(self, images: Sequence[Image]) -> Generator[tuple[Image, Pieces | None]]:
        """Each image with its bytes; None for those of one that has been purged since its page was read. The store is
        asked for them a few images ahead: one that is far away takes longer to begin than to send a picture."""
        coming = iter(images)
        with ThreadPoolExecutor(AHEAD) as threads:
            ahead = deque((image, self._opening(image, threads)) for image in islice(coming, AHEAD))
            try:
                while ahead:
                    image, opening = ahead.popleft()
                    ahead.extend((each, self._opening(each, threads)) for each in islice(coming, 1))
                    yield image, opening.result()
            finally:
                for _, opening in ahead:
                    opening.add_done_callback(_close)

    def _opening(self, image: Image, threads: Executor) -> Future[Pieces | None]:
        key = image.storage_key
        at_hand = None if key is None else self._store.read_at_hand(key)
        if key is not None and at_hand is None:
            return threads.submit(self._read, key)
        opening = Future[Pieces | None]()
        opening.set_result(at_hand)
        return opening

    def _read(self, key: str) -> Pieces | None:
        try:
            return self._store.read(key)
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


def _close(opening: Future[Pieces | None]) -> None:
    if not opening.cancelled() and opening.exception() is None and (pieces := opening.result()) is not None:
        pieces.close()
