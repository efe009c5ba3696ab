"""Exports: a dataset written out as a zip."""

from typing import Literal

from msgspec import Struct

from .base import Moment, OpenEnum

ExportFormat = Literal["pictograph", "coco", "yolo", "pascal_voc", "csv"]


class ExportState(OpenEnum):
    """How far an export has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Export(Struct, frozen=True, kw_only=True):
    """An export. The counts grow while it is made; `file_size` and `download_url` are there when it is completed."""

    id: str
    dataset_id: str
    dataset_name: str
    name: str
    format: str
    status: ExportState
    created_at: Moment
    include_images: bool = False
    class_filter: list[str] | None = None
    status_filter: str | None = None
    organize_by_split: bool = False
    error_message: str | None = None
    file_size: int | None = None
    image_count: int | None = None
    annotation_count: int | None = None
    expires_at: Moment | None = None
    download_url: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in {ExportState.COMPLETED, ExportState.FAILED}


class ExportsDeleted(Struct, frozen=True, kw_only=True):
    """What deleting by id came to."""

    succeeded: list[str] = []
    not_found: list[str] = []
    count: int = 0
