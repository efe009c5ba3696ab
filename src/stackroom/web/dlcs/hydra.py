"""Collections and their pages, and how every answer of this face is encoded."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET

from stackroom import ids
from stackroom.library.answers import Answer
from stackroom.web.dlcs.wire import base as wire
from stackroom.web.shared import replies

PAGE = 100
MOST = 500
JSON_LD = {"content-type": "application/json; charset=utf-8"}
_LARGEST = 2**31
"""A page beyond it is beyond anything."""


class Page(msgspec.Struct, frozen=True):
    """Which page a client wants, counted from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def page_of(query: Mapping[str, str]) -> Page:
    """The page that a query asks for. What makes no sense counts as not given, and so does more than there may be."""
    size = _positive(query.get("pageSize"))
    return Page(
        number=min(_positive(query.get("page")) or 1, _LARGEST),
        size=PAGE if size is None or size > MOST else size,
    )


def paged(
    identity: str, members: Sequence[Any], total: int, page: Page, carried: Mapping[str, str] | None = None
) -> wire.Collection:
    """One page of a collection. `carried` is what else was asked for, and stays in the links to other pages."""
    view: Any = UNSET
    if total > len(members):
        pages = -(-total // page.size)

        def link(number: int) -> str:
            query = {"page": str(number), "pageSize": str(page.size), **(carried or {})}
            return f"{identity}?{urlencode(query, quote_via=quote)}"

        view = wire.View(
            at_id=link(page.number),
            first=link(1) if page.number > 1 else UNSET,
            previous=link(min(page.number - 1, pages)) if page.number > 1 else UNSET,
            next=link(page.number + 1) if page.number < pages else UNSET,
            last=link(pages) if page.number < pages else UNSET,
            page=page.number,
            page_size=page.size,
            total_pages=pages,
        )
    return wire.Collection(
        at_id=identity, total_items=total, page_size=page.size, member=list(members), view=view
    )


def whole(identity: str, members: Sequence[Any]) -> wire.Collection:
    """A collection that is always given as one."""
    return wire.Collection(
        at_id=identity, total_items=len(members), page_size=len(members), member=list(members)
    )


def answer(
    value: Any, status: int = 200, headers: dict[str, str] | None = None, *, secret: bool = False
) -> Answer:
    """What is not known (UNSET) is left out. What was created says where it is."""
    placed = {"location": value.at_id} if status == 201 else {}
    return replies.answer(value, status, {**JSON_LD, **placed, **(headers or {})}, secret=secret)


def nothing() -> Answer:
    """The answer to what leaves nothing behind."""
    return Answer(status=204, headers={"cache-control": "no-store"}, body=b"")


def _positive(raw: str | None) -> int | None:
    return ids.number(raw or "") or None
