"""Projects and datasets: two views of the same rows."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, UnsetType, field

from stackroom.web.pictograph.wire.base import Asked, Given, Limit, Offset, Pagination, Status, TenThousand


class ClassAttribute(Asked, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    type: Literal["text", "number", "select", "checkbox"] = "text"
    values: list[str] | None = None


class SkeletonNode(Asked, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    x: Annotated[float, Meta(ge=0, le=1)] = 0.5
    y: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Skeleton(Asked, frozen=True, kw_only=True):
    """The joints of a class, and which of them are connected: pairs of their positions, counted from 0."""

    nodes: Annotated[list[SkeletonNode], Meta(min_length=1)]
    edges: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if any(not 0 <= end < len(self.nodes) for edge in self.edges for end in edge):
            raise ValueError("edges: one leads to a node that is not there")


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
    project: "Raw | UnsetType" = UNSET
    dataset: "Raw | UnsetType" = UNSET
    data: "Raw | UnsetType" = UNSET


class DatasetList(Given, frozen=True, kw_only=True):
    success: bool = True
    projects: "Raw | UnsetType" = UNSET
    datasets: "Raw | UnsetType" = UNSET
    data: "Raw | UnsetType" = UNSET
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
    items: "Raw | UnsetType" = UNSET
    total_items: int
    data: DownloadData | UnsetType = UNSET
