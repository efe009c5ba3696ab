"""Exports: a dataset as a zip, made by the server in the background."""

import builtins
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from msgspec import Struct

from stackroom.client.errors import ApiError
from stackroom.client.files import Progress
from stackroom.client.models import Export, ExportFormat, ExportsDeleted, ExportState
from stackroom.client.wire import (
    DEVELOPER,
    Call,
    Page,
    Shape,
    flat,
    given,
    id_list,
    many,
    nothing,
    one,
    segment,
)

from .connection import AsyncConnection
from .following import follow
from .paging import by_offset

_EXPORTS = f"{DEVELOPER}/exports/"
ExportProgress = Callable[[Export], None]


class _Place(Struct, frozen=True):
    download_url: str


_SHAPE = Shape(Export, {"dataset_id": ("project_id",)})
_EXPORT = one(_SHAPE, "export", "data")
_PAGE = many(_SHAPE, "exports", "data")
_PLACE = flat(Shape(_Place), "download_url")
_DELETED = flat(Shape(ExportsDeleted, {"succeeded": ("deleted",)}), "not_found")


class AsyncExports:
    """`client.exports`. An export is named by its dataset and its name, or by its id."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        dataset_name: str,
        name: str,
        *,
        format: ExportFormat | str = "pictograph",  # noqa: A002 - the word that everybody uses for it
        include_images: bool = False,
        class_filter: Iterable[str] | None = None,
        status_filter: str | None = None,
        organize_by_split: bool = False,
        wait: bool = True,
        timeout: float | None = 300.0,  # noqa: ASYNC109 - the same signature without async
        progress: ExportProgress | None = None,
    ) -> Export:
        """A new export of a dataset, completed unless `wait=False`.

        `class_filter` keeps the annotations of these classes, `status_filter` the images of this status;
        `organize_by_split` makes a folder for each split. Raises ConflictError if the name is taken, and what
        `wait_for_completion` raises.
        """
        body = given(
            dataset_name=dataset_name,
            name=name,
            format=format,
            include_images=include_images,
            class_filter=None if class_filter is None else id_list(class_filter, "class_filter"),
            status_filter=status_filter,
            organize_by_split=organize_by_split,
        )
        made = await self._connection.call(Call(method="POST", path=_EXPORTS, json=body, reply=_EXPORT))
        return await self.wait_for_completion(made, timeout=timeout, progress=progress) if wait else made

    async def list(
        self,
        *,
        dataset_name: str | None = None,
        status: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Export]:
        """One page of exports, newest first, of all datasets or of one."""
        return (await self._lister(dataset_name, status)(limit, offset)).rows

    def iter(
        self,
        *,
        dataset_name: str | None = None,
        status: str | None = None,
        page_size: int = 100,
        max_total: int | None = None,
    ) -> AsyncIterator[Export]:
        """All exports, page by page."""
        return by_offset(self._lister(dataset_name, status), page_size=page_size, max_total=max_total)

    async def get(self, dataset_name: str, name: str) -> Export:
        """The export of this name. Raises NotFoundError."""
        return await self._get(_by_name(dataset_name, name))

    async def get_by_id(self, export_id: str) -> Export:
        """The export of this id. Raises NotFoundError."""
        return await self._get(_by_id(export_id))

    async def wait_for_completion(
        self,
        export: Export,
        *,
        timeout: float | None = 300.0,  # noqa: ASYNC109 - the same signature without async
        progress: ExportProgress | None = None,
    ) -> Export:
        """The export once it is completed. `progress` is called with each state seen.

        Raises PollTimeoutError after `timeout` seconds (None waits for ever; the export goes on being made),
        ApiError (`export_failed`) if it cannot be made, NotFoundError if it is deleted meanwhile.
        """
        return await follow(
            export,
            lambda it: self.get_by_id(it.id),
            _is_made,
            progress=progress,
            timeout=timeout,
            late=lambda it: f"Export {it.name!r} is not made after {timeout} seconds.",
            clock=self._connection.clock,
        )

    async def download(
        self,
        dataset_name: str,
        name: str,
        output_path: str | Path,
        *,
        progress: Progress | None = None,
    ) -> Path:
        """Stream an export's zip into a local file that appears when it is whole.

        `progress(bytes, total)` follows it. Raises ConflictError while the export is not completed.
        """
        return await self._download(_by_name(dataset_name, name), output_path, progress)

    async def download_by_id(
        self, export_id: str, output_path: str | Path, *, progress: Progress | None = None
    ) -> Path:
        """The same for the export of this id."""
        return await self._download(_by_id(export_id), output_path, progress)

    async def delete(self, dataset_name: str, name: str) -> None:
        """Remove an export with its file, also while it is made. Needs the admin role. Raises NotFoundError."""
        path = _by_name(dataset_name, name)
        await self._connection.call(Call(method="DELETE", path=path, reply=nothing))

    async def bulk_delete(self, export_ids: Iterable[str]) -> ExportsDeleted:
        """Remove up to 1000 exports by id. What is not there is reported. Needs the admin role."""
        body = {"export_ids": id_list(export_ids, "export_ids")}
        path = f"{_EXPORTS}bulk-delete"
        return await self._connection.call(Call(method="POST", path=path, json=body, reply=_DELETED))

    async def _get(self, path: str) -> Export:
        return await self._connection.call(Call(method="GET", path=path, reply=_EXPORT))

    async def _download(self, path: str, output_path: str | Path, progress: Progress | None) -> Path:
        place = await self._connection.call(Call(method="GET", path=f"{path}/download", reply=_PLACE))
        return await self._connection.download_signed(place.download_url, output_path, progress=progress)

    def _lister(
        self, dataset_name: str | None, status: str | None
    ) -> Callable[[int, int], Awaitable[Page[Export]]]:
        async def fetch(limit: int, offset: int) -> Page[Export]:
            query = {"dataset_name": dataset_name, "status": status, "limit": limit, "offset": offset}
            return await self._connection.call(Call(method="GET", path=_EXPORTS, query=query, reply=_PAGE))

        return fetch


def _is_made(export: Export) -> bool:
    if export.status == ExportState.FAILED:
        raise ApiError(f"Export {export.name!r} failed: {export.error_message}", code="export_failed")
    return export.is_over


def _by_name(dataset_name: str, name: str) -> str:
    return f"{_EXPORTS}{segment(dataset_name, 'dataset name')}/{segment(name, 'export name')}"


def _by_id(export_id: str) -> str:
    return _EXPORTS + segment(export_id, "export id")
