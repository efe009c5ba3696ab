"""What a dataset consists of, and which of its images look alike."""

from msgspec import Struct

from .images import ImageStatus


class ImageSize(Struct, frozen=True):
    """How many images have this size."""

    w: int
    h: int
    count: int


class Orientation(Struct, frozen=True):
    """How many images are wide, high and square."""

    landscape: int = 0
    portrait: int = 0
    square: int = 0


class Dimensions(Struct, frozen=True, kw_only=True):
    """The sizes of a dataset's images; `sizes` has the most frequent."""

    min_width: int | None = None
    max_width: int | None = None
    avg_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    avg_height: int | None = None
    orientation: Orientation = Orientation()
    sizes: list[ImageSize] = []
    distinct_size_count: int = 0
    images_with_dimensions: int = 0
    images_missing_dimensions: int = 0


class ModelConfidence(Struct, frozen=True, kw_only=True):
    """Images with annotations that somebody, mostly a model, was not sure of."""

    flagged: int = 0
    lowest: float | None = None
    avg_flagged: float | None = None
    buckets: dict[str, int] = {}


class Insights(Struct, frozen=True, kw_only=True):
    """Counts over all live images of a dataset."""

    total_images: int = 0
    total_annotations: int = 0
    annotated_images: int = 0
    unannotated_images: int = 0
    avg_annotations_per_image: float = 0.0
    total_bytes: int = 0
    status_counts: dict[str, int] = {}
    class_annotation_counts: dict[str, int] = {}
    class_image_counts: dict[str, int] = {}
    type_counts: dict[str, int] = {}
    annotation_density: dict[str, int] = {}
    dimensions: Dimensions = Dimensions()
    model_confidence: ModelConfidence | None = None


class DuplicateMember(Struct, frozen=True, kw_only=True):
    """An image that looks like the others of its group."""

    id: str
    filename: str
    folder_path: str = "/"
    status: ImageStatus = ImageStatus.NEW
    annotation_count: int = 0


class DuplicateGroup(Struct, frozen=True, kw_only=True):
    """Images that look alike."""

    members: list[DuplicateMember]
    size: int
    max_similarity: float


class NearDuplicates(Struct, frozen=True, kw_only=True):
    """Groups of images that look alike.

    Only `analyzed` of `total_images` were compared where `sample_capped`; `pairs_capped` says that there are more
    pairs than were asked for.
    """

    groups: list[DuplicateGroup] = []
    group_count: int = 0
    duplicate_image_count: int = 0
    redundant_count: int = 0
    analyzed: int = 0
    total_images: int = 0
    sample_limit: int = 0
    sample_capped: bool = False
    pairs_capped: bool = False
    threshold: float = 0.0
    folder_path: str | None = None
