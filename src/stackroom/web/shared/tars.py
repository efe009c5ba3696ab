"""Files as one TAR, in the format of POSIX, which knows long names and large files."""

from collections.abc import Generator, Iterable, Sequence
from tarfile import BLOCKSIZE, PAX_FORMAT, RECORDSIZE, TarInfo

from stackroom import clock
from stackroom.web.shared.archives import ENOUGH, ArchiveResponse, Entry


class TarResponse(ArchiveResponse):
    """How long it will be is known before it is made."""

    media_type = "application/x-tar"

    def __init__(self, filename: str, entries: Sequence[Entry]) -> None:
        super().__init__(filename, entries, tarred(entries), length=length_of(entries))


def tarred(entries: Iterable[Entry]) -> Generator[bytes]:
    """The bytes of an archive of `entries`, in pieces; each entry is read when its turn has come.

    Raises OSError for one that has not as many bytes as it was said to have.
    """
    held = bytearray()
    written = 0
    for entry in entries:
        held += _header(entry)
        size = 0
        for piece in entry.pieces:
            size += len(piece)
            held += piece
            if len(held) >= ENOUGH:
                written += len(held)
                yield bytes(held)
                held.clear()
        if size != entry.size:
            raise OSError(f"{entry.name} has {size} bytes, and {entry.size} were announced")
        held += bytes(-size % BLOCKSIZE)
    held += bytes(2 * BLOCKSIZE)
    yield bytes(held) + bytes(-(written + len(held)) % RECORDSIZE)


def length_of(entries: Iterable[Entry]) -> int:
    """How many bytes `tarred` will give."""
    length = sum(len(_header(each)) + each.size + -each.size % BLOCKSIZE for each in entries)
    return length + 2 * BLOCKSIZE + -(length + 2 * BLOCKSIZE) % RECORDSIZE


def _header(entry: Entry) -> bytes:
    info = TarInfo(entry.name)
    info.size = entry.size
    info.mtime = entry.modified // clock.SECOND
    info.mode = 0o644  # for everybody to read
    return info.tobuf(PAX_FORMAT)
