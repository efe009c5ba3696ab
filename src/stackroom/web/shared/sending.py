"""Sending what is read or made piece by piece, as long as there is somebody to send it to."""

import asyncio
from collections.abc import Iterator
from functools import partial

from starlette.types import Receive, Send

from stackroom.threads import to_its_end


async def send_pieces(pieces: Iterator[bytes], receive: Receive, send: Send) -> None:
    """Each is fetched in a thread, and none for a client that has gone: the server takes what is sent to one without a
    word, and a gigabyte would be read for nobody. When this returns or raises, no thread is at `pieces` any more."""
    gone = asyncio.create_task(_gone(receive))
    try:
        while not gone.done() and (piece := await to_its_end(partial(next, pieces, b""))):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
