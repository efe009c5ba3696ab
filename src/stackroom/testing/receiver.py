"""A receiver of webhooks that does as it should, or does not: how it answers is said in the address.

    with Receiver() as receiver:
        receiver.url("ok")              # 204
        receiver.heard                  # what was sent there, in order

It runs in a thread of its own, on a free port of this machine. Addresses begin with what is to happen (`ANSWERS` has
the functions): ok, status/404, fail/2 (500 twice, and then 204), hang, silent (stops in mid-answer), gigabyte,
redirect, drop (closes without an answer), slow/0.2 (seconds, then 204). What follows is for the test to tell by.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from stackroom.testing.listening import Listening, heads

PIECE = bytes(65_536)


class Heard(msgspec.Struct, frozen=True):
    """One request: its path, its headers by their small names, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Receiver(Listening):
    """Listens until the `with` ends. `sent` counts the bytes that it has answered with."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Heard] = []
        self.sent = 0
        self.seen: Counter[str] = Counter()

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    def heard_at(self, path: str) -> list[Heard]:
        return [each for each in self.heard if each.path == path]

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (heard := await _read(reader)) is not None:
            self.heard.append(heard)
            self.seen[heard.path] += 1
            kind, *rest = heard.path.split("/")
            if not await ANSWERS[kind](Talk(self, heard, writer), rest):
                break


class Talk(msgspec.Struct, frozen=True):
    """One request that is being answered."""

    receiver: Receiver
    heard: Heard
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.receiver.sent += len(data)

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        said = {"Content-Length": str(len(body)), **headers}
        if status == 204:
            del said["Content-Length"]
        lines = [f"HTTP/1.1 {status} Said So", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        await self.send("\r\n".join(lines).encode() + body)


Answering = Callable[[Talk, list[str]], Awaitable[bool]]
"""Whether the connection is in order for another request."""


async def _read(reader: asyncio.StreamReader) -> Heard | None:
    if reader.at_eof():
        return None
    first, headers = heads(await reader.readuntil(b"\r\n\r\n"))
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(first.split(" ")[1].lstrip("/"), headers, body)


async def _ok(talk: Talk, _rest: list[str]) -> bool:
    await talk.answer(204)
    return True


async def _status(talk: Talk, rest: list[str]) -> bool:
    await talk.answer(int(rest[0]), b"said so")
    return True


async def _fail(talk: Talk, rest: list[str]) -> bool:
    often = talk.receiver.seen[talk.heard.path]
    await talk.answer(500 if often <= int(rest[0]) else 204)
    return True


async def _hang(talk: Talk, _rest: list[str]) -> bool:
    await talk.receiver.stopped.wait()
    return False


async def _silent(talk: Talk, _rest: list[str]) -> bool:
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nand")
    await talk.receiver.stopped.wait()
    return False


async def _gigabyte(talk: Talk, _rest: list[str]) -> bool:
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(2**30 // len(PIECE)):
        await talk.send(PIECE)
    return True


async def _redirect(talk: Talk, _rest: list[str]) -> bool:
    await talk.answer(307, Location=talk.receiver.url("ok/redirected"))
    return True


async def _drop(_talk: Talk, _rest: list[str]) -> bool:
    return False


async def _slow(talk: Talk, rest: list[str]) -> bool:
    await asyncio.sleep(float(rest[0]))
    return await _ok(talk, rest)


ANSWERS: Final[Mapping[str, Answering]] = MappingProxyType(
    {
        "ok": _ok,
        "status": _status,
        "fail": _fail,
        "hang": _hang,
        "silent": _silent,
        "gigabyte": _gigabyte,
        "redirect": _redirect,
        "drop": _drop,
        "slow": _slow,
    }
)
