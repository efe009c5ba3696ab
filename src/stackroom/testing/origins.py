"""An HTTP server for originals that does as it should, or does not: files of a folder, and faults by path.

    with OriginServer(tmp_path) as origin:
        origin.url("a.jpg")              # the file
        origin.url("fail/2/a.jpg")       # 500 twice, and then the file
        origin.asked                     # the paths that were asked for, in order

It runs in a thread of its own, on a free port of this machine. What can be put before a file's name (`FAULTS` has the
functions): status/404, fail/2, busy/120 (503 with Retry-After), hang, silent (stops in mid-body), drip (slowly), short
(fewer bytes than announced), long (more), cut (resets the connection), close (without an answer), garbage (no HTTP),
chunked (as it should be), badchunks, packed (gzip), bomb (the same, of 100 MB), endless, redirect/3, loop, html,
login/ada/s3cret (basic authentication), type/image/png, named/other.jpg. And to/URL, encoded, leads to any URL.
"""

import asyncio
import base64
import gzip
import itertools
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from stackroom.media.media_types import by_extension
from stackroom.testing.listening import Listening, heads

DRIP_SECONDS = 0.05


class Asked(msgspec.Struct, frozen=True):
    """One request: its path, decoded, and its headers by their small names."""

    path: str
    headers: Mapping[str, str]


class OriginServer(Listening):
    """Serves a folder until the `with` ends. `asked` are the paths, `requests` the same with their headers."""

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.folder = folder
        self.requests: list[Asked] = []
        self.seen: Counter[str] = Counter()
        self._scheme = "https" if tls else "http"

    @property
    def asked(self) -> list[str]:
        return [each.path for each in self.requests]

    def url(self, path: str = "") -> str:
        return f"{self._scheme}://{self.host}/{quote(path)}"

    def url_to(self, target: str) -> str:
        """The address of a redirect to any URL."""
        return self.url("to/") + quote(target, safe="")

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await _read(reader)) is not None:
            self.requests.append(request)
            self.seen[request.path] += 1
            if not await _answer(Talk(self, request, writer)):
                break


class Talk:
    """One request that is being answered."""

    def __init__(self, server: OriginServer, request: Asked, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.request = request
        self.writer = writer

    async def head(self, status: int = 200, /, **headers: object) -> None:
        """The answer's head; underscores in the names stand for hyphens."""
        lines = [f"HTTP/1.1 {status} Said So", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        await self.send("\r\n".join((*lines, "", "")).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def whole(self, body: bytes, status: int = 200, **headers: object) -> None:
        await self.head(status, Content_Length=len(body), **headers)
        await self.send(body)

    async def file(self, name: str, **headers: object) -> None:
        """A file, as fast as the machine can."""
        path = self.server.folder / name
        if not path.is_file():
            await self.whole(b"not here", 404)
            return
        kind = by_extension(name) or "application/octet-stream"
        await self.head(200, **{"Content_Type": kind, "Content_Length": path.stat().st_size, **headers})
        with path.open("rb") as file:
            await asyncio.get_running_loop().sendfile(self.writer.transport, file)

    def content(self, name: str) -> bytes:
        return (self.server.folder / name).read_bytes()


Fault = Callable[[Talk, list[str]], Awaitable[None]]


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    if reader.at_eof():
        return None
    first, headers = heads(await reader.readuntil(b"\r\n\r\n"))
    path = first.partition(" ")[2].partition(" ")[0].partition("?")[0]
    return Asked(unquote(path.lstrip("/")), headers) if first else None


async def _answer(talk: Talk) -> bool:
    """Whether the connection is in order for another request."""
    kind, *rest = talk.request.path.split("/")
    fault = FAULTS.get(kind)
    if fault is None:
        await talk.file(talk.request.path)
        return True
    await fault(talk, rest)
    return False


async def _status(talk: Talk, rest: list[str]) -> None:
    await talk.whole(b"said so", int(rest[0]))


async def _fail(talk: Talk, rest: list[str]) -> None:
    if talk.server.seen[talk.request.path] <= int(rest[0]):
        await talk.whole(b"not now", 500)
    else:
        await talk.file(rest[1])


async def _busy(talk: Talk, rest: list[str]) -> None:
    await talk.whole(b"later", 503, Retry_After=rest[0])


async def _hang(talk: Talk, _rest: list[str]) -> None:
    await talk.server.stopped.wait()


async def _silent(talk: Talk, rest: list[str]) -> None:
    body = talk.content(rest[0])
    await talk.head(Content_Length=len(body))
    await talk.send(body[: len(body) // 2])
    await talk.server.stopped.wait()


async def _drip(talk: Talk, rest: list[str]) -> None:
    body = talk.content(rest[0])
    await talk.head(Content_Length=len(body))
    for byte in body:
        await talk.send(bytes([byte]))
        await asyncio.sleep(DRIP_SECONDS)


async def _short(talk: Talk, rest: list[str]) -> None:
    body = talk.content(rest[0])
    await talk.head(Content_Length=len(body) + 10)
    await talk.send(body)


async def _long(talk: Talk, rest: list[str]) -> None:
    body = talk.content(rest[0])
    await talk.head(Content_Length=len(body) - 1)
    await talk.send(body)


async def _cut(talk: Talk, rest: list[str]) -> None:
    body = talk.content(rest[0])
    await talk.head(Content_Length=len(body))
    await talk.send(body[: len(body) // 2])
    connection = talk.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.writer.transport.abort()


async def _close(_talk: Talk, _rest: list[str]) -> None:
    pass


async def _garbage(talk: Talk, _rest: list[str]) -> None:
    await talk.send(b"\x00\x01\x02 this is no HTTP\r\n\r\n")


async def _chunked(talk: Talk, rest: list[str]) -> None:
    await talk.head(Transfer_Encoding="chunked")
    body = talk.content(rest[0])
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        await talk.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    await talk.send(b"0\r\n\r\n")


async def _bad_chunks(talk: Talk, rest: list[str]) -> None:
    await talk.head(Transfer_Encoding="chunked")
    await talk.send(b"5\r\nhello\r\nzz\r\n" + talk.content(rest[0]))


async def _packed(talk: Talk, rest: list[str]) -> None:
    await talk.whole(gzip.compress(talk.content(rest[0])), Content_Encoding="gzip")


async def _bomb(talk: Talk, _rest: list[str]) -> None:
    await talk.whole(gzip.compress(bytes(10**6)) * 100, Content_Encoding="gzip")


async def _endless(talk: Talk, _rest: list[str]) -> None:
    await talk.head(Content_Type="image/jpeg")
    for _ in itertools.count():
        await talk.send(bytes(65536))


async def _redirect(talk: Talk, rest: list[str]) -> None:
    left, name = int(rest[0]), "/".join(rest[1:])
    target = f"/redirect/{left - 1}/{quote(name)}" if left > 1 else f"/{quote(name)}"
    await talk.whole(b"", 302, Location=target)


async def _loop(talk: Talk, _rest: list[str]) -> None:
    await talk.whole(b"", 301, Location="/loop")


async def _to(talk: Talk, rest: list[str]) -> None:
    await talk.whole(b"", 307, Location="/".join(rest))


async def _html(talk: Talk, _rest: list[str]) -> None:
    await talk.whole(b"<!doctype html><title>Sorry</title>", Content_Type="text/html; charset=utf-8")


async def _login(talk: Talk, rest: list[str]) -> None:
    wanted = base64.b64encode(f"{rest[0]}:{rest[1]}".encode()).decode()
    if talk.request.headers.get("authorization") == f"Basic {wanted}":
        await talk.file(rest[2])
    else:
        await talk.whole(b"who is there?", 401, WWW_Authenticate='Basic realm="originals"')


async def _type(talk: Talk, rest: list[str]) -> None:
    await talk.file(rest[2], Content_Type=f"{rest[0]}/{rest[1]}")


async def _named(talk: Talk, rest: list[str]) -> None:
    given = f"attachment; filename*=UTF-8''{quote(rest[0])}"
    await talk.file(rest[1], Content_Disposition=given)


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "status": _status,
        "fail": _fail,
        "busy": _busy,
        "hang": _hang,
        "silent": _silent,
        "drip": _drip,
        "short": _short,
        "long": _long,
        "cut": _cut,
        "close": _close,
        "garbage": _garbage,
        "chunked": _chunked,
        "badchunks": _bad_chunks,
        "packed": _packed,
        "bomb": _bomb,
        "endless": _endless,
        "redirect": _redirect,
        "loop": _loop,
        "to": _to,
        "html": _html,
        "login": _login,
        "type": _type,
        "named": _named,
    }
)
