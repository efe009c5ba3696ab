"""What somebody sends, in pieces that are worth a hop to a thread."""

from collections.abc import AsyncIterator

PIECE = 2**20


async def gathered(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Small chunks put together."""
    waiting = bytearray()
    async for chunk in stream:
        waiting += chunk
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
