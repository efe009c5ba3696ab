"""Sending stored bytes: streamed, with ranges, a strong ETag and conditional requests (RFC 9110)."""

import asyncio
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote

import msgspec
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stackroom.storage.blobstore import BlobStore, MissingBytes, Pieces
from stackroom.storage.files import FilePieces
from stackroom.web.shared.sending import send_pieces

log = structlog.get_logger(__name__)
FOREVER = "public, max-age=2592000, immutable"  # thirty days
ASK_AGAIN = "private, no-cache"

ZERO_COPY = "http.response.zerocopysend"
"""An extension of ASGI: the server sends an open file by itself."""
_NOT_PLAIN = re.compile(r'[^ -~]|["\\]')
_RANGE = re.compile(r"bytes=(\d{0,40})-(\d{0,40})", re.ASCII | re.IGNORECASE)


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: bytes that never change under their key."""

    key: str
    size: int
    etag: str
    content_type: str
    filename: str
    modified: int
    """When there may have been other bytes of it last, in microseconds since 1970: an asset that is taken in anew
    keeps the moment at which it was made, and must not be told to be as it was."""
    cache_control: str = ASK_AGAIN
    attachment: bool = False
    plain_name: bool = False
    """Name it in the older way as well, for clients that know no other."""


class StoredFileResponse(Response):
    """The whole file or one range of it, in pieces; 304, 412 and 416 where the request's conditions say so."""

    def __init__(self, store: BlobStore, file: StoredFile, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._more = dict(headers or {})
        self._store = store
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        status, start, stop = self._decide(headers, ranged=scope["method"] == "GET")
        fields = self._fields(status, start, stop)
        # Opened before the status is sent, so that missing bytes can still become an error.
        pieces = None
        if status in {200, 206} and scope["method"] != "HEAD":
            wanted = self._file.key, start, stop
            pieces = self._store.read_at_hand(*wanted) or await asyncio.to_thread(self._store.read, *wanted)
            if isinstance(pieces, FilePieces) and pieces.length < stop - start:
                pieces.close()
                raise self._cut_short()
        raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if pieces is not None:
            try:
                await _send_file(pieces, start, scope, receive, send)
            finally:
                pieces.close()
        await send({"type": "http.response.body", "body": b""})

    def _cut_short(self) -> MissingBytes:
        """A file that somebody has cut short is as good as lost: better said at once than by a broken connection."""
        log.error("bytes.cut_short", key=self._file.key, expected=self._file.size)
        return MissingBytes(
            f"Of the bytes of {self._file.filename!r}, some are missing.",
            hint="Tell the operator: `stackroom doctor` says what is missing.",
        )

    def _decide(self, headers: Mapping[str, str], *, ranged: bool) -> tuple[int, int, int]:
        size = self._file.size
        if self._refuses(headers):
            return 412, 0, 0
        if self._is_known(headers):
            return 304, 0, 0
        if ranged and "range" in headers and self._is_same(headers.get("if-range")):
            found = parse_range(headers["range"], size)
            if found is not None:
                return (206, *found) if found[0] < found[1] else (416, 0, 0)
        return 200, 0, size

    def _refuses(self, headers: Mapping[str, str]) -> bool:
        """Whether the client wants only a file that this is not."""
        if (wanted := headers.get("if-match")) is not None:
            return wanted.strip() != "*" and self._file.etag not in _tags(wanted)  # none that is only alike
        until = _moment(headers.get("if-unmodified-since"))
        return until is not None and self._file.modified // 1_000_000 > until

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        if (known := headers.get("if-none-match")) is not None:
            return names(known, self._file.etag)
        since = _moment(headers.get("if-modified-since"))
        return since is not None and self._file.modified // 1_000_000 <= since

    def _is_same(self, condition: str | None) -> bool:
        return condition is None or condition in {self._file.etag, self._last_modified()}

    def _fields(self, status: int, start: int, stop: int) -> dict[str, str]:
        file = self._file
        fields = {
            **{name: value for name, value in self._more.items() if name != "content-type"},
            "etag": file.etag,
            "last-modified": self._last_modified(),
            "cache-control": file.cache_control,
            "accept-ranges": "bytes",
        }
        match status:
            case 200 | 206:
                kind = "attachment" if file.attachment else "inline"
                plain = f' filename="{_plain(file.filename)}";' if file.plain_name else ""
                fields |= {
                    "content-type": file.content_type,
                    "content-length": str(stop - start),
                    "content-disposition": f"{kind};{plain} filename*=UTF-8''{quote(file.filename)}",
                    "x-content-type-options": "nosniff",
                }
                if status == 206:
                    fields["content-range"] = f"bytes {start}-{stop - 1}/{file.size}"
            case 416:
                fields |= {"content-range": f"bytes */{file.size}", "content-length": "0"}
            case 412:
                fields["content-length"] = "0"
        return fields

    def _last_modified(self) -> str:
        return _date(self._file.modified // 1_000_000)


class PiecesResponse(Response):
    """A file that is open and has no name any more. It is closed at the end, also where the client has gone."""

    def __init__(self, pieces: FilePieces, headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "content-length": str(pieces.length)})
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            await _send_file(self._pieces, 0, scope, receive, send)
        finally:
            self._pieces.close()
        await send({"type": "http.response.body", "body": b""})


async def _send_file(pieces: Pieces, start: int, scope: Scope, receive: Receive, send: Send) -> None:
    """What `pieces` has, which is a file from `start` on if it is a file."""
    if ZERO_COPY in scope.get("extensions", {}) and isinstance(pieces, FilePieces):
        await send({"type": ZERO_COPY, "file": pieces, "offset": start, "count": pieces.length})
        return
    await send_pieces(pieces, receive, send)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The half-open range a Range header asks for, (0, 0) if it cannot be satisfied, None if it is to be ignored:
    several ranges, or not bytes at all."""
    match = _RANGE.fullmatch(header.strip().replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    return (start, stop) if start < stop else (0, 0)


def _plain(name: str) -> str:
    """A name in letters that every client can read between quotes."""
    return _NOT_PLAIN.sub("_", name)


@lru_cache(4096)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def etag_of(sha256: bytes) -> str:
    return f'"{sha256.hex()}"'


def names(header: str, etag: str) -> bool:
    """Whether a list of tags has this one, as far as a weak comparison goes."""
    return header.strip() == "*" or etag.removeprefix("W/") in {
        tag.removeprefix("W/") for tag in _tags(header)
    }


def _tags(header: str) -> set[str]:
    return {tag.strip() for tag in header.split(",")}


def _moment(header: str | None) -> float | None:
    """In seconds since 1970. None for what is no date, which is to be ignored."""
    if header is None:
        return None
    try:
        return parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
