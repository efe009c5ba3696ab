"""Exports."""

from typing import Literal

from msgspec import Raw

from stackroom.web.pictograph.wire.base import (
    AboutDataset,
    Asked,
    Given,
    Limit,
    Offset,
    Pagination,
    Status,
)

State = Literal["pending", "processing", "completed", "failed"]


class NewExport(AboutDataset, frozen=True, kw_only=True):
    name: str
    format: str = "pictograph"
    include_images: bool = False
    class_filter: list[str] | None = None
    status_filter: Status | None = None
    organize_by_split: bool = False


class ExportPage(AboutDataset, frozen=True, kw_only=True):
    status: State | None = None
    limit: Limit = 100
    offset: Offset = 0


class ExportQuery(AboutDataset, frozen=True, kw_only=True):
    """Which dataset an export is of, where the address names the export alone."""


class BulkDelete(Asked, frozen=True, kw_only=True):
    export_ids: list[str]


class Export(Given, frozen=True, kw_only=True):
    """`image_count` and `annotation_count` grow while it is made."""

    id: str
    organization_id: str
    project_id: str
    dataset_id: str
    dataset_name: str
    name: str
    format: str
    include_images: bool
    class_filter: tuple[str, ...] | None
    status_filter: str | None
    organize_by_split: bool
    status: str
    error_message: str | None
    file_size: int | None
    image_count: int | None
    annotation_count: int | None
    created_at: str
    completed_at: str | None
    expires_at: str
    download_url: str | None


class ExportAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    export: Raw
    data: Raw


class ExportList(Given, frozen=True, kw_only=True):
    success: bool = True
    exports: Raw
    data: Raw
    pagination: Pagination


class Download(Given, frozen=True, kw_only=True):
    download_url: str
    expires_at: str
    file_size: int | None


class DownloadAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    download_url: str
    data: Download


class ExportDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    id: str
    deleted: bool = True


class Deleted(Given, frozen=True, kw_only=True):
    succeeded: list[str]
    deleted: list[str]
    not_found: list[str]
    count: int


class BulkDeleted(Deleted, frozen=True, kw_only=True):
    success: bool = True
    data: Deleted
