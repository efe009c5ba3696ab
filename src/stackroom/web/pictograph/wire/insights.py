"""What a dataset consists of, which of its images are nearly the same, and where it is kept."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given


class StatusCounts(Given, frozen=True, kw_only=True):
    new: int
    annotate: int
    review: int
    complete: int


class Size(Given, frozen=True, kw_only=True):
    w: int
    h: int
    count: int


class Orientation(Given, frozen=True, kw_only=True):
    landscape: int
    portrait: int
    square: int


class Dimensions(Given, frozen=True, kw_only=True):
    min_width: int | None
    max_width: int | None
    avg_width: int | None
    min_height: int | None
    max_height: int | None
    avg_height: int | None
    orientation: Orientation
    sizes: Sequence[Size]
    distinct_size_count: int
    images_with_dimensions: int
    images_missing_dimensions: int


class ConfidenceBuckets(Given, frozen=True, kw_only=True):
    lt50: int
    b50_70: int
    b70_90: int
    b90_100: int


class ModelConfidence(Given, frozen=True, kw_only=True):
    flagged: int
    lowest: float
    avg_flagged: float
    buckets: ConfidenceBuckets


class Insights(Given, frozen=True, kw_only=True):
    total_images: int
    total_annotations: int
    annotated_images: int
    unannotated_images: int
    avg_annotations_per_image: float
    total_bytes: int
    status_counts: StatusCounts
    class_annotation_counts: dict[str, int]
    class_image_counts: dict[str, int]
    type_counts: dict[str, int]
    annotation_density: dict[str, int]
    dimensions: Dimensions
    model_confidence: ModelConfidence | None
    data: "Insights | UnsetType" = UNSET


class DuplicatesQuery(Asked, frozen=True, kw_only=True):
    """More than a bound allows is refused, except of `sample`: the answer says how many were taken."""

    threshold: Annotated[float, Meta(ge=0.5, le=0.9999)] = 0.92
    sample: Annotated[int, Meta(ge=1, le=2**53)] = 1000
    neighbors: Annotated[int, Meta(ge=1, le=100)] = 10
    max_pairs: Annotated[int, Meta(ge=1, le=10_000)] = 2000
    folder_path: str | None = None
    directory_path: str | None = None


class DuplicateMember(Given, frozen=True, kw_only=True):
    id: str
    filename: str
    virtual_folder_path: str
    virtual_directory_path: str
    status: str
    annotation_count: int


class DuplicateGroup(Given, frozen=True, kw_only=True):
    members: Sequence[DuplicateMember]
    size: int
    max_similarity: float


class Duplicates(Given, frozen=True, kw_only=True):
    groups: Sequence[DuplicateGroup]
    group_count: int
    duplicate_image_count: int
    redundant_count: int
    analyzed: int
    total_images: int
    sample_limit: int
    sample_capped: bool
    pairs_capped: bool
    threshold: float
    folder_path: str | None
    directory_path: str | None
    data: "Duplicates | UnsetType" = UNSET


class Storage(Given, frozen=True, kw_only=True):
    """All is kept in one way here, and is at hand at any time."""

    storage_class: str = "standard"
    storage_state: str = "idle"
    cold_since: str | None = None
    cold_bytes: int = 0
    cold_image_count: int = 0
    storage_job_id: str | None = None
    restore_estimate: None = None
    data: "Storage | UnsetType" = UNSET


class StorageTransition(Given, frozen=True, kw_only=True):
    """`job_id` is the dataset's: there is no job, and nothing to wait for."""

    success: bool = True
    job_id: str
    storage_state: str = "idle"
    quoted_micro_usd: int = 0
    charged_micro_usd: int = 0
    data: "StorageTransition | UnsetType" = UNSET
