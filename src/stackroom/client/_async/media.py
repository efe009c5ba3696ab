"""Media of all kinds: images, videos, sounds and documents."""

import builtins
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stackroom.client.errors import malformed
from stackroom.client.files import Progress
from stackroom.client.media import ids_in_parts, key_of_part, look_at_media
from stackroom.client.models import Media, MediaCopied, MediaDeleted, MediaKind, MediaMetadata, Store
from stackroom.client.wire import Call, Page, Reply, Shape, given, id_list, many, nothing, one, segment

from .connection import AsyncConnection
from .paging import by_offset
from .seam import in_thread

T = TypeVar("T")

_MEDIA = "/api/v0/media"
_ONE = one(Shape(Media))
_PAGE = many(Shape(Media))
_METADATA = one(Shape(MediaMetadata), "metadata")
_MOST_LISTED = 100


class AsyncMediaLibrary:
    """`client.media`. Every medium of the organization by its id, in whatever dataset it is."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def upload(
        self,
        file_path: str | Path,
        *,
        kind: MediaKind | str | None = None,
        folder_id: str | None = None,
        store: Store = "auto",
        filename: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
    ) -> Media:
        """Upload a local file; what it is follows from the end of its name.

        With `store="0"` it is kept for a day. Raises FileNotFoundError or InvalidArgument before any request,
        ValidationError for a file that is not what its name says, ApiError (413) if it is too big. With an
        `idempotency_key` of your own, doing it again gives the same medium. `progress(sent, total)` follows the bytes.
        """
        local = await in_thread(look_at_media, file_path, kind, filename)
        asking = Call(
            method="POST",
            path=_of_kind(local.kind),
            query=given(store=store, folder_id=folder_id),
            idempotency_key=idempotency_key,
            reply=_ONE,
        )
        return await self._connection.call_with_file(asking, local.file, progress)

    async def list(
        self,
        *,
        kind: MediaKind | str | None = None,
        folder_id: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> builtins.list[Media]:
        """One page, newest first, at most 100: of one kind or of all, of one folder (`"none"` for none) or of all."""
        return (await self._lister(kind, folder_id)(limit, offset)).rows

    def iter(
        self,
        *,
        kind: MediaKind | str | None = None,
        folder_id: str | None = None,
        max_total: int | None = None,
    ) -> AsyncIterator[Media]:
        """All that `list` would find, page by page."""
        return by_offset(self._lister(kind, folder_id), page_size=_MOST_LISTED, max_total=max_total)

    async def get(self, media_id: str) -> Media:
        """The medium of this id. Raises NotFoundError."""
        return await self._connection.call(Call(method="GET", path=_path(media_id), reply=_ONE))

    async def download(
        self, media_id: str, output_path: str | Path, *, progress: Progress | None = None
    ) -> Path:
        """Stream its bytes into a local file, making the folders above it.

        The file appears when it is whole; on any error nothing is left behind.
        """
        known = await self.get(media_id)
        path = f"{_of_kind(known.media_type)}/{segment(known.id, 'id')}/file"
        return await self._connection.download(path, output_path, progress=progress)

    async def metadata(self, media_id: str) -> dict[str, Any]:
        """What its owners say of it."""
        path = f"{_path(media_id)}/metadata"
        return (await self._connection.call(Call(method="GET", path=path, reply=_METADATA))).user

    async def set_metadata(self, media_id: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Say this of it, and nothing else. Raises ValidationError for more than 50 keys or 512 bytes of a value."""
        known = await self.get(media_id)
        path = f"{_of_kind(known.media_type)}/{segment(known.id, 'id')}/metadata"
        body = {"metadata": dict(metadata)}
        return (await self._connection.call(Call(method="PUT", path=path, json=body, reply=_METADATA))).user

    async def delete(self, media_id: str) -> None:
        """Remove it for good. Raises NotFoundError."""
        await self._connection.call(Call(method="DELETE", path=_path(media_id), reply=nothing))

    async def batch_delete(
        self, media_ids: Iterable[str], *, idempotency_key: str | None = None
    ) -> builtins.list[MediaDeleted]:
        """Remove any number for good, 50 to a request: what became of each, in the order of the ids.

        What cannot be deleted does not stop the rest. With an `idempotency_key` of your own, doing it again after a
        failure gives the answers that there were already, and goes on.
        """
        reply = _results(Shape(MediaDeleted))
        return await self._batch("delete", media_ids, reply, idempotency_key)

    async def batch_copy(
        self, media_ids: Iterable[str], *, idempotency_key: str | None = None
    ) -> builtins.list[MediaCopied]:
        """Copy any number, 50 to a request; see `batch_delete`. A copy is kept for good, whatever its source was."""
        reply = _results(Shape(MediaCopied))
        return await self._batch("copy", media_ids, reply, idempotency_key)

    async def _batch(
        self,
        verb: str,
        media_ids: Iterable[str],
        reply: Reply[builtins.list[T]],
        idempotency_key: str | None,
    ) -> builtins.list[T]:
        results: builtins.list[T] = []
        for number, ids in enumerate(ids_in_parts(id_list(media_ids, "media_ids"))):
            asking = Call(
                method="POST",
                path=f"{_MEDIA}/batch/{verb}",
                json={"ids": ids},
                idempotency_key=key_of_part(idempotency_key, number),
                reply=reply,
            )
            answers = await self._connection.call(asking)
            if len(answers) != len(ids):
                raise malformed(f"{len(answers)} results for {len(ids)} ids")
            results += answers
        return results

    def _lister(
        self, kind: MediaKind | str | None, folder_id: str | None
    ) -> Callable[[int, int], Awaitable[Page[Media]]]:
        path = _MEDIA if kind is None else _of_kind(MediaKind(kind))

        async def fetch(limit: int, offset: int) -> Page[Media]:
            query = given(limit=limit, offset=offset, folder_id=folder_id)
            return await self._connection.call(Call(method="GET", path=path, query=query, reply=_PAGE))

        return fetch


def _path(media_id: str) -> str:
    return f"{_MEDIA}/{segment(media_id, 'id')}"


def _of_kind(kind: MediaKind) -> str:
    return f"/api/v0/{segment(kind, 'kind')}s"


def _results(shape: Shape[T]) -> Reply[builtins.list[T]]:
    def read(body: bytes) -> builtins.list[T]:
        decoded = msgspec.json.decode(body, type=dict[str, builtins.list[Any]])
        return [shape.read(each) for each in decoded.get("results", [])]

    return read
