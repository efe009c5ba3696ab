"""The words of the Pictograph protocol, as they stand in JSON.

Clients of two generations read the same answer: one knows folders, the other directories; one looks for `image`,
the other for `data`. Everything is accepted in either spelling and given in both.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

Status = Literal["new", "annotate", "review", "complete"]
Split = Literal["train", "val", "test"]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Offset = Annotated[int, Meta(ge=0, le=2**53)]
TenThousand = Annotated[int, Meta(ge=1, le=10_000)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client sends. Keys that only another generation knows are ignored."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client is sent."""


class AboutDataset(Asked, frozen=True, kw_only=True):
    """Names a dataset, by name or id, in any of three spellings."""

    dataset: str | None = None
    dataset_id: str | None = None
    dataset_name: str | None = None


class Place(AboutDataset, frozen=True, kw_only=True):
    """Names a folder of a dataset, in either spelling."""

    folder_path: str | None = None
    directory_path: str | None = None


# Projects and datasets: two views of the same rows.


class ClassAttribute(Asked, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    type: Literal["text", "number", "select", "checkbox"] = "text"
    values: list[str] | None = None


class SkeletonNode(Asked, frozen=True, kw_only=True):
    name: str
    x: Annotated[float, Meta(ge=0, le=1)] = 0.5
    y: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Skeleton(Asked, frozen=True, kw_only=True):
    nodes: list[SkeletonNode] = []
    edges: list[tuple[int, int]] = []


class DatasetClass(Asked, frozen=True, kw_only=True):
    """A label of a dataset. Kept as it was given, because an unknown type would break every later reading."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    type: str | None = None
    color: str | None = None
    attributes: list[ClassAttribute] | None = None
    skeleton: Skeleton | UnsetType | None = UNSET


class NewDataset(Asked, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    readme: str | None = None
    annotation_types: list[str] | None = None
    classes: list[DatasetClass] | None = None


class DatasetUpdate(Asked, frozen=True, kw_only=True):
    """`name` renames a project, `new_name` a dataset."""

    name: str | UnsetType = UNSET
    new_name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    readme: str | UnsetType | None = UNSET
    annotation_types: list[str] | UnsetType = UNSET
    classes: list[DatasetClass] | UnsetType = UNSET
    classes_base: list[DatasetClass] | UnsetType = UNSET


class DatasetPage(Asked, frozen=True, kw_only=True):
    limit: Limit = 100
    offset: Offset = 0
    archived: bool = False


class DatasetView(Asked, frozen=True, kw_only=True):
    include_images: bool = False
    images_limit: TenThousand = 1000
    images_offset: Offset = 0


class DownloadListing(Asked, frozen=True, kw_only=True):
    mode: Literal["full", "images_only", "annotations_only"] = "full"
    limit: TenThousand = 10_000
    offset: Offset = 0
    status_filter: Status | Literal["in_progress"] | None = None


class Pagination(Given, frozen=True, kw_only=True):
    limit: int
    offset: int
    total: int
    has_more: bool


class Dataset(Given, frozen=True, kw_only=True):
    id: str
    organization_id: str
    name: str
    description: str | None
    readme: str | None
    annotation_types: list[str]
    classes: list[dict[str, Any]]
    image_count: int
    completed_image_count: int
    total_size: int
    archived_images: int
    archived_image_count: int
    is_public: bool
    is_archived: bool
    archived_at: str | None
    storage_class: str
    created_at: str
    updated_at: str
    images: "Raw | UnsetType" = UNSET


class DatasetAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    project: Raw
    dataset: Raw
    data: Raw


class DatasetList(Given, frozen=True, kw_only=True):
    success: bool = True
    projects: Raw
    datasets: Raw
    data: Raw
    pagination: Pagination


class DatasetState(Given, frozen=True, kw_only=True):
    success: bool = True
    project_id: str
    is_archived: bool
    dataset: Raw
    data: Raw


class RemovedProject(Given, frozen=True, kw_only=True):
    project_id: str
    images: int
    folders: int
    gcs_blobs: int


class RemovedDataset(Given, frozen=True, kw_only=True):
    id: str
    name: str
    deleted: bool = True
    images_deleted: int
    directories_deleted: int
    gcs_blobs_deleted: int
    gcs_blobs_retained_for_forks: int


class DatasetRemoved(Given, frozen=True, kw_only=True):
    success: bool = True
    deleted: RemovedProject
    data: RemovedDataset


class DownloadItem(Given, frozen=True, kw_only=True):
    """`image_url` is signed and needs no key; `annotation_url` needs one. What was not asked for is left out."""

    id: str
    filename: str
    file_size: int
    annotation_count: int
    directory_path: str
    folder_path: str
    image_url: str | UnsetType = UNSET
    annotation_url: str | UnsetType = UNSET


class DownloadData(Given, frozen=True, kw_only=True):
    id: str
    dataset_id: str
    items: Raw
    total_items: int


class DownloadAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    dataset_id: str
    items: Raw
    total_items: int
    data: DownloadData


# Images


class ImagePage(Place, frozen=True, kw_only=True):
    limit: Limit = 100
    offset: Offset = 0
    filename: str | None = None
    status: Status | None = None
    split: Split | None = None
    include_archived: bool = False
    min_confidence_lt: Annotated[float, Meta(ge=0, le=1)] | None = None


class Deletion(Asked, frozen=True, kw_only=True):
    permanent: bool = False


class Image(Given, frozen=True, kw_only=True):
    id: str
    dataset_id: str
    filename: str
    display_name: str | None
    status: str
    split: str | None
    annotation_count: int
    min_confidence: float | None
    file_size: int
    width: int | None
    height: int | None
    image_width: int | None
    image_height: int | None
    content_type: str
    mime_type: str
    directory_path: str
    folder_path: str
    virtual_folder_path: str
    virtual_directory_path: str
    tags: list[str]
    is_archived: bool
    image_url: str
    thumbnail_url: str
    annotation_url: str
    created_at: str
    updated_at: str


class ImageAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    image: Raw
    data: Raw


class ImageList(Given, frozen=True, kw_only=True):
    success: bool = True
    images: Raw
    data: Raw
    pagination: Pagination


class ImageDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    message: str
    id: str
    operation_id: str


# Uploads


class UploadWanted(Place, frozen=True, kw_only=True):
    filename: str
    content_type: str | None = None
    mime_type: str | None = None


class UploadRegistration(Place, frozen=True, kw_only=True):
    """The sizes in pixels that clients send are not read: the image is measured."""

    filename: str
    file_size: Annotated[int, Meta(ge=0)] | None = None
    gcs_path: str | None = None


class BulkFile(Asked, frozen=True, kw_only=True):
    folder_path: str | None = None
    directory_path: str | None = None
    filename: str
    content_type: str | None = None
    mime_type: str | None = None
    file_size: Annotated[int, Meta(ge=0)] | None = None


class BulkFiles(AboutDataset, frozen=True, kw_only=True):
    images: Annotated[list[BulkFile], Meta(min_length=1, max_length=500)]


class UploadUrl(Given, frozen=True, kw_only=True):
    """The three `gcs_…` are opaque to clients; `gcs_path` names the upload when it is registered."""

    success: bool = True
    upload_url: str
    gcs_bucket: str
    gcs_path: str
    gcs_uri: str
    filename: str
    folder_path: str
    directory_path: str
    expires_in_minutes: int


class UploadUrlAnswer(UploadUrl, frozen=True, kw_only=True):
    data: UploadUrl


class BulkUrls(Given, frozen=True, kw_only=True):
    upload_urls: Sequence[UploadUrl]
    expires_in_minutes: int


class BulkUrlsAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    upload_urls: Sequence[UploadUrl]
    data: BulkUrls


class Registered(Given, frozen=True, kw_only=True):
    success: bool = True
    image_id: str
    filename: str
    image: Raw
    data: Raw


class BulkRegisteredItem(Given, frozen=True, kw_only=True):
    filename: str
    image_id: str
    folder_path: str
    directory_path: str
    status: str
    image_url: str


class BulkRefusedItem(Given, frozen=True, kw_only=True):
    filename: str
    folder_path: str
    directory_path: str
    error: str
    code: str


class BulkRegistrationData(Given, frozen=True, kw_only=True):
    succeeded: Sequence[Image]
    failed: Sequence[BulkRefusedItem]
    count: int


class BulkRegistration(Given, frozen=True, kw_only=True):
    success: bool
    registered: Sequence[BulkRegisteredItem]
    failed: Sequence[BulkRefusedItem]
    data: BulkRegistrationData


# Batch


class Batch(AboutDataset, frozen=True, kw_only=True):
    image_ids: list[str]


class IntoFolder(Batch, frozen=True, kw_only=True):
    target_folder_path: str | None = None
    target_directory_path: str | None = None


class BatchCopy(IntoFolder, frozen=True, kw_only=True):
    duplicate_handling: Literal["rename", "skip", "overwrite"] = "rename"
    copy_annotations: bool = False


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


class Created(Given, frozen=True, kw_only=True):
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


# Annotations


class AnnotationSave(Asked, frozen=True, kw_only=True):
    annotations: Raw
    image_id: str | None = None


class BulkSaveItem(Asked, frozen=True, kw_only=True):
    image_id: str
    annotations: Raw


class BulkSave(Asked, frozen=True, kw_only=True):
    saves: Annotated[list[BulkSaveItem], Meta(min_length=1, max_length=200)]


class Annotations(Given, frozen=True, kw_only=True):
    success: bool = True
    image_id: str
    filename: str
    annotations: Raw
    annotation_count: int


class AnnotationFile(Given, frozen=True, kw_only=True):
    image: str
    annotations: Raw


class AnnotationsSaved(Given, frozen=True, kw_only=True):
    success: bool = True
    image_id: str
    previous_count: int
    new_count: int
    status: str


class AnnotationsNotSaved(Given, frozen=True, kw_only=True):
    image_id: str
    error: str
    code: str


class BulkSaved(Given, frozen=True, kw_only=True):
    success: bool
    saved: Sequence[AnnotationsSaved]
    failed: Sequence[AnnotationsNotSaved]


class AnnotationsDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    image_id: str
    deleted_count: int


# Folders


class FolderPage(Asked, frozen=True, kw_only=True):
    """Without `parent_path`, all folders; with an empty one, those at the root."""

    parent_path: str | None = None


class Folder(Given, frozen=True, kw_only=True):
    id: str
    project_id: str
    dataset_id: str
    organization_id: str
    name: str
    parent_folder_id: str | None
    parent_directory_id: str | None
    full_path: str
    directory_path: str
    image_count: int
    nested_image_count: int
    created_by: str | None
    created_at: str
    updated_at: str | None


class FolderNode(Given, frozen=True, kw_only=True):
    id: str
    name: str
    full_path: str
    directory_path: str
    image_count: int
    nested_image_count: int
    children: "Sequence[FolderNode]"


# Credits: nothing costs anything here, and clients ask to see whether their key is valid.


class Balance(Given, frozen=True, kw_only=True):
    included_allowance_micro_usd: int = 0
    included_remaining_micro_usd: int = 0
    period_spend_micro_usd: int = 0
    period_overage_micro_usd: int = 0
    budget_micro_usd: int = 0
    budget_remaining_micro_usd: int = 0
