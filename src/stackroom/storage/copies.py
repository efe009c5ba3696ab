"""Files on this machine of what is stored elsewhere, for tools that need a path."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

from stackroom.storage.blobstore import Pieces, unavailable
from stackroom.storage.files import sweep, sync

_LOOKED_THROUGH = 16
"""A sixteenth of what may be kept comes in before it is looked whether that is too much."""


class Copies:
    """Each is fetched once and lent as often as it is wanted; of too much, what was not wanted longest goes first.

    What is under a key never changes, so a copy is as good as the original. Any number of threads and processes may use
    one folder, in which all is on one file system. `most` bytes are kept, and a little more for a while.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._kept = folder / "kept"
        self._lent = folder / "lent"
        self._most = most
        self._added = most  # unknown what is there already: the first one looks
        self._guard = threading.Lock()
        self._turns = WeakValueDictionary[str, threading.Lock]()

    @contextmanager
    def lend(self, key: str, fetch: Callable[[], Pieces]) -> Iterator[Path]:
        """A file with the bytes of a key, until the end of the block; what is not here is fetched. It keeps its bytes,
        whatever goes meanwhile. Raises what `fetch` does, and Unavailable (`storage_full`)."""
        kept = self._place(key)
        with self.room() as loan:
            if not _linked(kept, loan):
                with self._turn(key):  # of all who want it now, one fetches it
                    if not _linked(kept, loan):
                        self._fetch(loan, fetch())
                        self.keep(key, loan)
            with suppress(OSError):
                os.utime(loan)  # the same file as the one that is kept: it was wanted now
            yield loan

    def keep(self, key: str, source: Path) -> None:
        """Keep a file that is at hand, unless it lies elsewhere: it takes no more room, and spares fetching it."""
        with suppress(OSError):
            self._kept.mkdir(parents=True, exist_ok=True)
            sync(source)  # what is kept is lent unseen: it must be whole even after a power failure
            os.link(source, self._place(key))
            self._count(source.stat().st_size)

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            with suppress(OSError):
                self._place(key).unlink()

    @contextmanager
    def room(self) -> Iterator[Path]:
        """The path of a file that is not there yet, and not any more at the end."""
        try:
            self._lent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unavailable(error, "making room for a copy") from error
        path = self._lent / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def sweep(self, older_than: float) -> int:
        """Remove what killed processes left more than `older_than` seconds ago; count them."""
        return sweep(self._lent, older_than)

    def _fetch(self, path: Path, pieces: Pieces) -> None:
        try:
            with path.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            raise unavailable(error, "fetching a file") from error
        finally:
            pieces.close()

    def _place(self, key: str) -> Path:
        return self._kept / hashlib.sha256(key.encode()).hexdigest()

    def _turn(self, key: str) -> threading.Lock:
        with self._guard:
            return self._turns.setdefault(key, threading.Lock())

    def _count(self, size: int) -> None:
        with self._guard:
            self._added += size
            if self._added <= self._most // _LOOKED_THROUGH:
                return
            self._added = 0
        self._make_room()

    def _make_room(self) -> None:
        found = []
        for entry in os.scandir(self._kept):
            with suppress(FileNotFoundError):  # another process was quicker
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime_ns, status.st_size, entry.path))
        too_much = sum(size for _, size, _ in found) - self._most
        for _, size, path in sorted(found):
            if too_much <= 0:
                break
            Path(path).unlink(missing_ok=True)
            too_much -= size


def _linked(kept: Path, loan: Path) -> bool:
    try:
        os.link(kept, loan)
    except OSError:
        return False
    return True
