"""Files as one ZIP."""

import time
from collections.abc import Generator, Iterable, Sequence
from zipfile import ZipFile, ZipInfo

from stackroom import clock
from stackroom.web.shared.archives import ENOUGH, ArchiveResponse, Entry


class ZipResponse(ArchiveResponse):
    media_type = "application/zip"

    def __init__(self, filename: str, entries: Sequence[Entry]) -> None:
        super().__init__(filename, entries, zipped(entries))


def zipped(entries: Iterable[Entry]) -> Generator[bytes]:
    """The bytes of an archive of `entries`, in pieces; each entry is read when its turn has come."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # what cannot be sought needs less than is asked for
        for entry in entries:
            info = ZipInfo(entry.name, time.gmtime(entry.modified // clock.SECOND)[:6])
            info.external_attr = 0o644 << 16  # for everybody to read
            info.file_size = entry.size  # so that a large one is written as such
            with archive.open(info, "w") as file:
                for piece in entry.pieces:
                    file.write(piece)
                    if sink.held >= ENOUGH:
                        yield sink.taken()
    yield sink.taken()


class _Sink:
    """A file that can only be written to, and gives up what was written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.held = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.held += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back from who takes it."""

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.held = 0
        return taken
