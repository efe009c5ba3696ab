"""All rows of a listing, page by page, as they are asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from stackroom.client.errors import InvalidArgument
from stackroom.client.wire import CursorPage, Page

T = TypeVar("T")
C = TypeVar("C", str, int)


async def by_offset(
    fetch: Callable[[int, int], Awaitable[Page[T]]], *, page_size: int, max_total: int | None
) -> AsyncIterator[T]:
    """Rows of a listing that counts: `fetch(limit, offset)`. Never asks for a row beyond `max_total`."""
    if page_size < 1:
        raise InvalidArgument(f"page_size is {page_size}; it must be at least 1.")
    offset = 0
    while max_total is None or offset < max_total:
        limit = page_size if max_total is None else min(page_size, max_total - offset)
        page = await fetch(limit, offset)
        for row in page.rows[:limit]:
            yield row
        offset += len(page.rows)
        if page.is_last(limit):
            return


async def by_cursor(
    fetch: Callable[[C | None], Awaitable[CursorPage[T, C]]], *, max_total: int | None = None
) -> AsyncIterator[T]:
    """Rows of a listing that hands out where to go on: `fetch(cursor)`."""
    left = max_total
    cursor: C | None = None
    while left is None or left > 0:
        page = await fetch(cursor)
        for row in page.rows[:left]:
            yield row
        left = None if left is None else left - len(page.rows)
        cursor = page.next
        if cursor is None:
            return
