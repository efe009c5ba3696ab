"""The record of what happened."""

import builtins
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Unpack

from stackroom.client.models import Event, EventFilters
from stackroom.client.wire import LIBRARY, Call, CursorPage, QueryValue, Shape, cursored

from .connection import AsyncConnection
from .paging import by_cursor

_EVENTS = f"{LIBRARY}/events"
_PAGE = cursored(Shape(Event), int, "events")


class AsyncEvents:
    """`client.events`: what happened in the organization, whoever did it through whichever protocol.

    Everything here needs the admin role.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, *, limit: int = 50, **filters: Unpack[EventFilters]) -> builtins.list[Event]:
        """The newest events, newest first."""
        return (await self._page(filters, limit=limit)).rows

    def iter(
        self, *, page_size: int = 200, max_total: int | None = None, **filters: Unpack[EventFilters]
    ) -> AsyncIterator[Event]:
        """All events, newest first, page by page."""

        async def fetch(before: int | None) -> CursorPage[Event, int]:
            return await self._page(filters, limit=page_size, before=before)

        return by_cursor(fetch, max_total=max_total)

    async def export(self, output_path: str | Path, **filters: Unpack[EventFilters]) -> Path:
        """Stream all events into a local file, oldest first, as JSON lines."""
        return await self._connection.download(f"{_EVENTS}/export", output_path, query=_query(filters))

    async def tail(
        self, *, after: int | None = None, every: float = 1.0, **filters: Unpack[EventFilters]
    ) -> AsyncIterator[Event]:
        """Events as they happen, without an end: those after the one of that number, or from now on.

        Asks every so many seconds. To go on where this ended, remember the `number` of the last event.
        """
        if after is None:
            newest = await self.list(limit=1, requests=True)  # they have numbers as well
            after = newest[0].number if newest else 0
        while True:
            page = await self._page(filters, limit=200, after=after)
            for event in page.rows:
                yield event
                after = event.number
            if page.next is None:
                await self._connection.clock.sleep(every)

    async def _page(self, filters: EventFilters, **window: int | None) -> CursorPage[Event, int]:
        query = {**_query(filters), **window}
        return await self._connection.call(Call(method="GET", path=_EVENTS, query=query, reply=_PAGE))


def _query(filters: EventFilters) -> dict[str, QueryValue]:
    """The filters in the words of the wire."""
    said: dict[str, QueryValue] = {}
    for name, value in filters.items():
        if isinstance(value, datetime):
            said[name] = (value if value.tzinfo else value.astimezone()).isoformat()
        elif name == "types":
            said["type"] = [value] if isinstance(value, str) else value  # type: ignore[assignment]  # words
        else:
            said[name] = value  # type: ignore[assignment]  # a word, a number or a truth
    return said
