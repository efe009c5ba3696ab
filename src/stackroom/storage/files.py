"""What the local store and the staging folder both do with files."""

import errno
import os
import shutil
import stat
import time
from pathlib import Path
from typing import Self

from stackroom.storage.blobstore import PIECE, unavailable


def sync(path: Path) -> None:
    """Bring a file's bytes, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, older_than: float) -> int:
    """Remove the entries of a folder last changed more than `older_than` seconds ago; count them."""
    limit = time.time() - older_than
    swept = 0
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        try:
            status = path.lstat()
            if status.st_mtime > limit:
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # its owner was quicker
        swept += 1
    return swept


class FilePieces:
    """The bytes of a file, by `pread`: one descriptor, no position. Raises OSError if there is none.

    A `descriptor` of a file that is open already is taken over.
    """

    def __init__(
        self, path: Path | str, start: int, stop: int | None, *, descriptor: int | None = None
    ) -> None:
        self._path = path
        self._at = start
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._descriptor: int | None = descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "not a file", str(path))
        self._stop = status.st_size if stop is None else min(stop, status.st_size)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._descriptor is None or self._at >= self._stop:
            self.close()
            raise StopIteration
        piece = self._piece(self._descriptor)
        self._at += len(piece)
        return piece

    @property
    def length(self) -> int:
        """How many bytes are left."""
        return max(0, self._stop - self._at)

    def fileno(self) -> int:
        """The open file, for whoever can send it without reading it. Raises ValueError once closed."""
        if self._descriptor is None:
            raise ValueError("closed")
        return self._descriptor

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        # A client may leave before the first piece, and then nobody iterates to the end.
        if hasattr(self, "_descriptor"):
            self.close()

    def _piece(self, descriptor: int) -> bytes:
        reading = f"reading {Path(self._path).name}"
        try:
            piece = os.pread(descriptor, min(PIECE, self._stop - self._at), self._at)
        except OSError as error:
            self.close()
            raise unavailable(error, reading) from error
        if not piece:
            self.close()
            raise unavailable(OSError(errno.EIO, "the file has become shorter"), reading)
        return piece
