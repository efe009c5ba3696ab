"""What every store of bytes promises, wherever it keeps them. `testing.store_contract` holds a store to it.

Methods block, but for `read_at_hand`: call them from a thread. A store may be used by any number of threads and
processes at once.

Three things can go wrong and are never mixed up: the key is unknown (`MissingBytes`), the store has no room
(Unavailable `storage_full`), or it cannot be reached or read (Unavailable `storage_unreachable`). Only the
first says anything about whether the bytes exist. What cannot be a key at all is Invalid `invalid_key`.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

import msgspec

from stackroom.errors import NotFound, Unavailable

PIECE = 512 * 1024  # four to five times faster than 64 KiB, and no gain above


class MissingBytes(NotFound):
    """Nothing is stored under this key."""

    code = "missing_bytes"


class StoredObject(msgspec.Struct, frozen=True):
    """One object of a listing."""

    key: str
    size: int
    modified: datetime  # with a time zone


class Pieces(Protocol):
    """Bytes in order, in pieces of at most `PIECE`. The end closes; `close` may come earlier, and twice."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...


class BlobStore(Protocol):
    """Objects that are put once, read often, and never changed."""

    def put(self, key: str, source: Path) -> bool:
        """Store a complete local file under a key, unless something is there; say whether it was stored.

        On return, with either answer, the object is complete and survives a power failure. Of concurrent
        puts of one key exactly one returns True. What is there is never overwritten. Nothing incomplete is
        ever visible, and after an error nothing is.

        The source must not be written to again: a store on the same file system shares its inode instead of
        copying. Removing the source's name is the caller's business, before or after makes no difference.
        """
        ...

    def put_all(self, files: Mapping[str, Path]) -> None:
        """`put` each file under its key: for what belongs together, which is quicker than one by one.

        After an error some of them may be stored, and each of those is complete. Repeating it changes nothing more.
        """
        ...

    def size(self, key: str) -> int:
        """Return the number of bytes under a key, or raise MissingBytes."""
        ...

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        """Stream the bytes from `start` up to, not including, `stop` (the end if None or beyond it).

        Raises MissingBytes here, not at the first piece, so that an answer can still become a 404. An
        object that ends too early raises Unavailable rather than ending quietly.
        """
        ...

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> Pieces | None:
        """What `read` gives, if it takes no waiting; else None, also where nothing is there. Needs no thread."""
        ...

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        """Lend a file with these bytes, for tools that need a path. It must not be changed or kept."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove these objects. Absent keys are fine; if one fails, that is raised when all others are gone.

        A removed object may come back after a power failure: whoever sweeps must be ready to sweep twice.
        """
        ...

    def delete_all(self, prefix: str) -> None:
        """Remove all objects whose keys begin with `prefix`, which ends in `/`, however many there are.

        For what belongs together and to which nothing is added any more. After an error, or the end of the process,
        some may be left: repeating it removes them too.
        """
        ...

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """List the objects whose keys begin with `prefix`, in no order, also while others put and delete."""
        ...

    def sweep_temporary(self, older_than: float) -> int:
        """Remove what killed processes left half-made more than `older_than` seconds ago; count them."""
        ...

    def check(self) -> None:
        """Try it once, at start. Raises Unavailable `storage_unusable` with the reason and what to do."""
        ...


def unavailable(error: OSError, doing: str) -> Unavailable:
    """Turn the operating system's error into ours, with what the operator can do about it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:  # the last: past a process's own limit
        return Unavailable(
            "The disk is full; nothing was stored.",
            code="storage_full",
            hint="Free some space or raise the quota, then send the same request again.",
        )
    return Unavailable(
        f"The store failed while {doing}: {error.strerror or error}.",
        code="storage_unreachable",
        hint="Try again later. The operator finds the cause in the server's log.",
    )
