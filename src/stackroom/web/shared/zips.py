"""Sending files as one ZIP that is made while it is sent: neither it nor any file in it is ever whole in memory."""

import asyncio
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from urllib.parse import quote
from zipfile import ZipFile, ZipInfo

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stackroom import clock

ENOUGH = 64 * 1024
"""Bytes are sent on when there are so many."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an archive: its name, its bytes in pieces, how many they are, and when it was changed last.

    Pieces that can be closed are closed, whether they were wanted or not.
    """

    name: str
    pieces: Iterable[bytes]
    size: int
    modified: int


class ZipResponse(Response):
    """An archive as a download called `filename`. Nothing in it is compressed: images are already."""

    def __init__(self, filename: str, entries: Sequence[Entry]) -> None:
        super().__init__(
            media_type="application/zip",
            headers={
                "content-disposition": f"attachment; filename*=UTF-8''{quote(filename)}",
                "cache-control": "private, no-store",
                "x-content-type-options": "nosniff",
            },
        )
        del self.headers["content-length"]  # known when all is sent
        self._entries = entries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing to receive
        pieces = zipped(self._entries)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                while piece := await asyncio.to_thread(next, pieces, b""):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            with suppress(ValueError):  # in a thread that is still reading: then it ends when that does
                pieces.close()
            for entry in self._entries:
                if hasattr(entry.pieces, "close"):
                    entry.pieces.close()


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
