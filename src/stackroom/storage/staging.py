"""Where arriving bytes land until they are known to be complete."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stackroom.errors import Invalid, TooLarge
from stackroom.storage.blobstore import unavailable
from stackroom.storage.files import sweep


class Staged(msgspec.Struct, frozen=True):
    """A complete file, waiting to be stored. It is gone when the `receive` it came from ends."""

    path: Path
    size: int
    sha256: bytes


class Arrival:
    """One file on its way in, hashed and counted as it comes.

    Consecutive calls may come from different threads, but never two at once. Chunks may have any size; each
    costs a system call, so gather small ones to about a mebibyte first.
    """

    def __init__(self, path: Path, descriptor: int, limit: int) -> None:
        self.size = 0
        self._path = path
        self._descriptor: int | None = descriptor
        self._limit = limit
        self._digest = hashlib.sha256()
        # Whoever gives up while a thread of theirs still writes must not close the file under it: its number may be
        # another file's by then.
        self._writing = threading.Lock()

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises TooLarge `payload_too_large` or Unavailable `storage_full`."""
        with self._writing:
            if self._descriptor is None:
                raise ValueError("This arrival is finished.")
            view = memoryview(chunk).cast("B")
            if self.size + len(view) > self._limit:
                raise TooLarge(
                    f"The file is larger than {self._limit} bytes.",
                    hint="Send a smaller file, or ask the operator to raise the limit.",
                    details={"limit": self._limit},
                )
            self._digest.update(view)
            self.size += len(view)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                raise unavailable(error, "receiving a file") from error

    def finish(self, *, expected_size: int | None = None, expected_sha256: bytes | None = None) -> Staged:
        """Close the file; a store's `put` is what makes it durable.

        Raises Invalid `incomplete_upload` or `checksum_mismatch` if it is not what was announced.
        """
        self._close()
        sha256 = self._digest.digest()
        if expected_size is not None and expected_size != self.size:
            raise Invalid(
                f"{expected_size} bytes were announced and {self.size} arrived.",
                code="incomplete_upload",
                hint="The connection probably broke; send the file again.",
                details={"expected": expected_size, "received": self.size},
            )
        if expected_sha256 is not None and expected_sha256 != sha256:
            raise Invalid(
                "The bytes that arrived do not have the announced SHA-256.",
                code="checksum_mismatch",
                hint="Send the file again; if it happens twice, compute the checksum again.",
                details={"expected": expected_sha256.hex(), "received": sha256.hex()},
            )
        return Staged(self._path, self.size, sha256)

    def _close(self) -> None:
        with self._writing:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.close(descriptor)  # some file systems report a full disk only here
            except OSError as error:
                raise unavailable(error, "receiving a file") from error


class Staging:
    """A folder of files that are still arriving. Nothing in it is worth keeping after a restart.

    It should lie on the same file system as the local store, which then links instead of copying.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit

    @contextmanager
    def receive(self, limit: int | None = None) -> Iterator[Arrival]:
        """Open a file for arriving bytes; it is removed at the end of the block, however that ends.

        `limit` is this file's own limit in bytes; the smaller of the two counts.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="arrival-", dir=self._root)
        except OSError as error:
            raise unavailable(error, "receiving a file") from error
        path = Path(name)
        arrival = Arrival(path, descriptor, self._limit if limit is None else min(limit, self._limit))
        try:
            yield arrival
        finally:
            path.unlink(missing_ok=True)
            arrival._close()  # noqa: SLF001 - the two are one thing, and callers should not close

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Lend an empty folder for what is made on the way to the store; removed at the end."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix="work-", dir=self._root, ignore_cleanup_errors=True)
        except OSError as error:
            raise unavailable(error, "making room to work") from error
        with folder as name:
            yield Path(name)

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what killed processes left behind; return how many. For the start, before serving."""
        return sweep(self._root, older_than_seconds)
