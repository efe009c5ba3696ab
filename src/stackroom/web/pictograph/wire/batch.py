"""Batch: many images in one request."""

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Raw, UnsetType

from stackroom.web.pictograph.wire.base import AboutDataset, Asked, Given, Status


class Batch(AboutDataset, frozen=True, kw_only=True):
    image_ids: list[str]


class IntoFolder(Batch, frozen=True, kw_only=True):
    target_folder_path: str | None = None
    target_directory_path: str | None = None


class BatchCopy(IntoFolder, frozen=True, kw_only=True):
    duplicate_handling: Literal["rename", "skip", "overwrite"] = "rename"
    copy_annotations: bool = False


class CopyToDataset(IntoFolder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is not known is refused: whoever asks for another way of copying would quietly not get it."""

    target_dataset_name: str | None = None
    target_dataset_id: str | None = None
    target_dataset: str | None = None


class BatchDelete(Batch, frozen=True, kw_only=True):
    permanent: bool = False


class Updates(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to set on every image. A key that is not known is refused: it would quietly not be set."""

    status: Status | UnsetType = UNSET
    display_name: str | UnsetType | None = UNSET
    is_archived: bool | UnsetType = UNSET


class BatchUpdate(Batch, frozen=True, kw_only=True):
    updates: Updates


class BatchFailure(Given, frozen=True, kw_only=True):
    id: str
    image_id: str
    reason: str
    code: str


class Created(Given, frozen=True, kw_only=True, gc=False):
    source_id: str
    id: str
    filename: str


class BatchResult(Given, frozen=True, kw_only=True):
    success: bool
    processed: int
    succeeded: Sequence[str]
    failed: Raw
    failed_count: int
    failures: Raw
    affected_folders: Sequence[str]
    affected_directories: Sequence[str]
    renamed: int
    operation: str | None
    operation_id: str
    created: Sequence[Created] | UnsetType = UNSET
    target_dataset: str | UnsetType = UNSET
    classes_added: Sequence[str] | UnsetType = UNSET
