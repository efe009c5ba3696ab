# Made from ../_async/assets.py by tools/generate_sync_client.py: change it there.

"""Listing assets in the words of the native API."""

import builtins
from collections.abc import Iterable, Iterator

from stackroom.client.models import Asset
from stackroom.client.selection import wanted_tags
from stackroom.client.wire import LIBRARY, Call, CursorPage, QueryValue, Shape, cursored, one, segment

from .connection import Connection
from .paging import by_cursor

_ASSETS = f"{LIBRARY}/assets"
_ASSET = one(Shape(Asset))
_PAGE = cursored(Shape(Asset), str, "assets")


class Assets:
    """`client.assets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        dataset: str,
        *,
        folder: str = "/",
        recursive: bool = False,
        status: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        archived: bool | None = False,
        limit: int = 100,
    ) -> builtins.list[Asset]:
        """The newest `limit` assets; see `iter` for the filters."""
        query = _query(
            tags,
            dataset=dataset,
            folder=folder,
            recursive=recursive,
            status=status,
            kind=kind,
            name=name,
            archived="all" if archived is None else archived,
        )
        return (self._page(query, None, limit)).rows

    def iter(
        self,
        dataset: str,
        *,
        folder: str = "/",
        recursive: bool = False,
        status: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        archived: bool | None = False,
        page_size: int = 100,
        max_total: int | None = None,
    ) -> Iterator[Asset]:
        """All assets of a folder, newest first, page by page.

        `dataset` is a name or id; `recursive` takes the folders below in; `name` is a pattern such as
        `*.jpg`; of `tags` all must be there; `archived` is False, True (those only) or None (both).
        """
        query = _query(
            tags,
            dataset=dataset,
            folder=folder,
            recursive=recursive,
            status=status,
            kind=kind,
            name=name,
            archived="all" if archived is None else archived,
        )

        def fetch(cursor: str | None) -> CursorPage[Asset, str]:
            return self._page(query, cursor, page_size)

        return by_cursor(fetch, max_total=max_total)

    def get(self, asset_id: str) -> Asset:
        """The asset of this id. Raises NotFoundError."""
        path = f"{_ASSETS}/{segment(asset_id, 'asset id')}"
        return self._connection.call(Call(method="GET", path=path, reply=_ASSET))

    def _page(self, query: dict[str, QueryValue], cursor: str | None, limit: int) -> CursorPage[Asset, str]:
        paged = {**query, "cursor": cursor, "limit": limit}
        return self._connection.call(Call(method="GET", path=_ASSETS, query=paged, reply=_PAGE))


def _query(tags: Iterable[str] | None, **narrow: QueryValue) -> dict[str, QueryValue]:
    return narrow if tags is None else {**narrow, "tags": wanted_tags(tags)}
