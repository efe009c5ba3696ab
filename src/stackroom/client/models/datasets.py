"""Datasets (older scripts say projects), their classes and folders, and what downloading one came to."""

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from .base import Moment
from .images import Image

DownloadMode = Literal["full", "images_only", "annotations_only"]


class ClassAttribute(Struct, frozen=True, omit_defaults=True):
    """A question asked about every annotation of a class."""

    name: str
    type: str = "text"
    values: list[str] | None = None


class DatasetClass(Struct, frozen=True, omit_defaults=True):
    """A label that annotations of a dataset may carry."""

    name: str
    type: str | None = None
    color: str | None = None
    attributes: list[ClassAttribute] | None = None
    skeleton: dict[str, Any] | None = None


class Dataset(Struct, frozen=True, kw_only=True):
    """A named set of images with its own folder tree. Counters leave archived images out."""

    id: str
    name: str
    created_at: Moment
    organization_id: str | None = None
    description: str | None = None
    readme: str | None = None
    annotation_types: list[str] = []
    classes: list[DatasetClass] = []
    image_count: int = 0
    completed_image_count: int = 0
    archived_image_count: int = 0
    total_size: int = 0
    is_public: bool = False
    is_archived: bool = False
    archived_at: Moment | None = None
    storage_class: str = "standard"
    updated_at: Moment | None = None
    images: list[Image] | None = None


# Two words for one row: `client.projects` and `client.datasets` hand out the same thing.
Project = Dataset


class ProjectDeleted(Struct, frozen=True, kw_only=True):
    """What went with a deleted project."""

    project_id: str | None = None
    images: int = 0
    folders: int = 0


class ProjectArchived(Struct, frozen=True, kw_only=True):
    """Whether a project is archived now."""

    project_id: str
    is_archived: bool


class Folder(Struct, frozen=True, kw_only=True):
    """A place in a dataset's tree. `image_count` is its own, `nested_image_count` the subtree's."""

    id: str
    name: str
    full_path: str
    dataset_id: str | None = None
    parent_folder_id: str | None = None
    image_count: int = 0
    nested_image_count: int = 0
    created_at: Moment | None = None
    updated_at: Moment | None = None


class FolderNode(Struct, frozen=True, kw_only=True):
    """A folder with the folders inside it."""

    id: str
    name: str
    full_path: str
    image_count: int = 0
    nested_image_count: int = 0
    children: list["FolderNode"] = []


class DownloadFailure(Struct, frozen=True, kw_only=True):
    """A file that a dataset download could not bring, and why."""

    filename: str
    kind: Literal["image", "annotation"]
    reason: str


class DownloadReport(Struct, frozen=True, kw_only=True):
    """What downloading a dataset came to.

    `truncated` says that the server listed less than there is: images have come or gone meanwhile.
    """

    dataset_name: str
    output_dir: Path
    total_items: int = 0
    images_downloaded: int = 0
    annotations_downloaded: int = 0
    failures: list[DownloadFailure] = []
    truncated: bool = False

    @property
    def success(self) -> bool:
        """Whether everything is here."""
        return not self.failures and not self.truncated


class DatasetDeleted(Struct, frozen=True, kw_only=True):
    """What went with a deleted dataset."""

    id: str
    name: str
    images_deleted: int = 0
    folders_deleted: int = 0


class ClassesChanged(Struct, frozen=True, kw_only=True):
    """What changing a class has changed: images, annotations in them, and whether the dataset's own list."""

    dataset_id: str
    images_updated: int = 0
    annotations_updated: int = 0
    config_updated: bool = False


class FolderStats(Struct, frozen=True, kw_only=True):
    """What is in a folder and below it; the folder itself is counted as well."""

    total_folders: int
    total_images: int
    total_size_bytes: int
    images_by_status: dict[str, int] = {}


class FolderDeleted(Struct, frozen=True, kw_only=True):
    """A folder that is gone. `operation_id` names the move of its images, which `operations.undo` takes back."""

    folder_id: str
    images_moved: int = 0
    operation_id: str | None = None
