"""Files go from the disk to the client within the kernel, by `sendfile`: bytes that nobody looks at are not copied.

uvicorn does not offer this yet. It is ASGI's extension `http.response.zerocopysend`; where it cannot be had (TLS,
another server), the scope does not name it, and a response sends its bytes in pieces.
"""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION = "http.response.zerocopysend"
AT_ONCE = 4 * 2**20
"""Bytes that one client is sent before others have their turn."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Send], Awaitable[None]]


def with_sendfile(app: App) -> App:
    """`app`, offered the extension on every connection that can do it."""

    async def offering(scope: Any, receive: Any, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        if (
            scope["type"] != "http"
            or not isinstance(cycle, RequestResponseCycle)
            or scope["scheme"] != "http"
        ):
            return await app(scope, receive, send)

        async def sending(message: Message) -> None:
            if message["type"] == EXTENSION:
                await _send_file(cycle, message["file"].fileno(), message["offset"], message["count"])
            else:
                await send(message)

        scope.setdefault("extensions", {})[EXTENSION] = {}
        return await app(scope, receive, sending)

    return offering


async def _send_file(cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
    """Send a part of a file as a part of the body. A client that has gone is let go, as uvicorn does. The answer to
    HEAD has no body, whatever is sent."""
    if cycle.scope["method"] == "HEAD":
        return None
    try:
        await _flushed(cycle)
        socket = os.dup(cycle.transport.get_extra_info("socket").fileno())
    except (OSError, AttributeError):
        return _let_go(cycle)
    try:
        await _pass_on(socket, file, offset, offset + count)
    except OSError:
        _let_go(cycle)
    else:
        cycle.expected_content_length -= count
    finally:
        os.close(socket)


def _let_go(cycle: RequestResponseCycle) -> None:
    cycle.disconnected = True  # from here on it takes what is sent without a word
    cycle.transport.abort()


async def _flushed(cycle: RequestResponseCycle) -> None:
    """Until what was written before, the head of the answer, has left."""
    pause = 0.0
    while cycle.transport.get_write_buffer_size():
        if cycle.disconnected:
            raise ConnectionResetError
        await asyncio.sleep(pause)
        pause = min(pause * 2 or 0.001, 0.1)


async def _pass_on(socket: int, file: int, at: int, stop: int) -> None:
    while at < stop:
        length = min(AT_ONCE, stop - at)
        try:
            if _at_hand(file, at + length - 1):
                sent = os.sendfile(socket, file, at, length)
            else:  # the disk has to be waited for, and others should not wait, too
                sent = await asyncio.to_thread(os.sendfile, socket, file, at, length)
        except BlockingIOError:
            await _writable(socket)
            continue
        if not sent:
            raise OSError(errno.EIO, "the file has become shorter")
        at += sent
        if at < stop:
            await asyncio.sleep(0)


def _at_hand(file: int, at: int) -> bool:
    """Whether a byte can be read without waiting for the disk."""
    try:
        os.preadv(file, [bytearray(1)], at, os.RWF_NOWAIT)
    except OSError:  # not in memory; or a file system that cannot tell
        return False
    return True


async def _writable(socket: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(socket, ready.set)
    try:
        await ready.wait()
    finally:
        with suppress(OSError):
            loop.remove_writer(socket)
