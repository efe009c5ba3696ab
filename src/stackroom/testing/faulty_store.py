"""A wrapper that makes any store misbehave in the ways stores do."""

import errno
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from stackroom.storage.blobstore import BlobStore, Pieces, StoredObject, unavailable


class FaultyStore:
    """A store with switches. All are off at first; turn them while it is in use, and off again.

    `full`          every put finds the disk full
    `unreachable`   nothing answers
    `breaks_after`  every read breaks after this many bytes
    `delay`         seconds each call takes longer
    `puts`          how many puts were tried (only counts)
    """

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner
        self.full = False
        self.unreachable = False
        self.breaks_after: int | None = None
        self.delay = 0.0
        self.puts = 0

    def put(self, key: str, source: Path) -> bool:
        self.puts += 1
        self._call("storing")
        if self.full:
            raise unavailable(_os_error(errno.ENOSPC), "storing")
        return self._inner.put(key, source)

    def put_all(self, files: Mapping[str, Path]) -> None:
        for key, source in files.items():
            self.put(key, source)

    def size(self, key: str) -> int:
        self._call("reading")
        return self._inner.size(key)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        self._call("reading")
        pieces = self._inner.read(key, start, stop)
        return pieces if self.breaks_after is None else _broken(pieces, self.breaks_after)

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> Pieces | None:
        if self.delay or self.unreachable or self.breaks_after is not None:
            return None  # whoever waits for it meets what goes wrong
        return self._inner.read_at_hand(key, start, stop)

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        self._call("reading")
        return self._inner.open_local(key)

    def delete(self, keys: Sequence[str]) -> None:
        self._call("deleting")
        self._inner.delete(keys)

    def delete_all(self, prefix: str) -> None:
        self._call("deleting")
        self._inner.delete_all(prefix)

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        self._call("listing")
        return self._inner.objects(prefix)

    def sweep_temporary(self, older_than: float) -> int:
        return self._inner.sweep_temporary(older_than)

    def check(self) -> None:
        self._call("checking")
        self._inner.check()

    def _call(self, doing: str) -> None:
        if self.delay:
            time.sleep(self.delay)
        if self.unreachable:
            raise unavailable(_os_error(errno.ETIMEDOUT), doing)


def _broken(pieces: Pieces, after: int) -> Generator[bytes, None, None]:
    left = after
    for piece in pieces:
        if len(piece) > left:
            pieces.close()
            yield piece[:left]
            raise unavailable(_os_error(errno.EIO), "reading")
        left -= len(piece)
        yield piece


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
