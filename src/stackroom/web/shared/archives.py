"""Sending files as one archive that is made while it is sent: neither it nor any file in it is ever whole in memory."""

from collections.abc import Generator, Iterable, Sequence
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stackroom.web.shared.sending import send_pieces

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


class ArchiveResponse(Response):
    """An archive as a download called `filename`, whose bytes are `made` of its entries. Nothing in it is compressed:
    images are already."""

    def __init__(
        self, filename: str, entries: Sequence[Entry], made: Generator[bytes], *, length: int | None = None
    ) -> None:
        super().__init__(
            headers={
                "content-disposition": f"attachment; filename*=UTF-8''{quote(filename)}",
                "cache-control": "private, no-store",
                "x-content-type-options": "nosniff",
            },
        )
        del self.headers["content-length"]  # mostly known when all is sent
        if length is not None:
            self.headers["content-length"] = str(length)
        self._entries = entries
        self._made = made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await send_pieces(self._made, receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._made.close()
            for entry in self._entries:
                if hasattr(entry.pieces, "close"):
                    entry.pieces.close()
