"""Images, and what uploading many of them came to."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from .base import Moment, OpenEnum


class ImageStatus(OpenEnum):
    """How far the work on an image has come."""

    NEW = "new"
    ANNOTATE = "annotate"
    REVIEW = "review"
    COMPLETE = "complete"


class Split(OpenEnum):
    """The part of a training set that an image belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Image(Struct, frozen=True, kw_only=True):
    """One image of a dataset. Annotations are apart: `client.annotations.get(image.id)`."""

    id: str
    filename: str
    created_at: Moment
    dataset_id: str | None = None
    folder_path: str = "/"
    display_name: str | None = None
    status: ImageStatus = ImageStatus.NEW
    split: Split | None = None
    annotation_count: int = 0
    min_confidence: float | None = None
    file_size: int = 0
    width: int | None = None
    height: int | None = None
    content_type: str | None = None
    tags: list[str] = []
    review_note: str | None = None
    is_archived: bool = False
    image_url: str | None = None
    thumbnail_url: str | None = None
    annotation_url: str | None = None
    updated_at: Moment | None = None

    # The two names below are what scripts written for the Pictograph SDK read.
    @property
    def virtual_folder_path(self) -> str:
        """The same as `folder_path`."""
        return self.folder_path

    @property
    def mime_type(self) -> str | None:
        """The same as `content_type`."""
        return self.content_type


class UploadFailure(Struct, frozen=True, kw_only=True):
    """A local file that did not become an image, and why."""

    path: Path
    reason: str


class BulkUploadReport(Struct, frozen=True, kw_only=True):
    """What `images.bulk_upload` came to: every file is either an image or a failure."""

    images: list[Image] = []
    failures: list[UploadFailure] = []

    @property
    def success(self) -> bool:
        """Whether every file became an image."""
        return not self.failures


class UploadReport(Struct, frozen=True, kw_only=True):
    """What uploading a folder came to."""

    dataset_name: str
    images_attempted: int = 0
    images_uploaded: int = 0
    images_skipped: int = 0
    failures: list[UploadFailure] = []

    @property
    def success(self) -> bool:
        """Whether something was uploaded and nothing failed."""
        return not self.failures and self.images_uploaded > 0


ReviewAction = Literal["approve", "request_changes"]


class Review(Struct, frozen=True, kw_only=True):
    """An image after its review."""

    id: str
    status: ImageStatus
    review_note: str | None = None


class ImageSplit(Struct, frozen=True, kw_only=True):
    """The split that an image is in now."""

    id: str
    split: Split | None = None
    operation_id: str | None = None


class SplitsAssigned(Struct, frozen=True, kw_only=True):
    """How many images each split got."""

    processed: int
    train: int
    val: int
    test: int


class SimilarImage(Struct, frozen=True, kw_only=True):
    """An image that looks like another; `similarity` is from 0 to 1."""

    id: str
    filename: str
    similarity: float
    folder_path: str = "/"
    status: ImageStatus = ImageStatus.NEW
    annotation_count: int = 0
    tags: list[str] = []


class TaggedImage(Struct, frozen=True, kw_only=True):
    """An image that has the tags asked for."""

    id: str
    dataset_id: str
    filename: str
    folder_path: str = "/"
    status: ImageStatus = ImageStatus.NEW
    annotation_count: int = 0
    tags: list[str] = []
