"""Images."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Raw, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given, Limit, Offset, Pagination, Place, Split, Status


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
    tags: Sequence[str]
    review_note: str | None
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
    images: "Raw | UnsetType" = UNSET
    data: "Raw | UnsetType" = UNSET
    pagination: Pagination


class ImageDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    message: str
    id: str
    operation_id: str


class BundledFile(Given, frozen=True, kw_only=True):
    path: str
    kind: str
    size: int
    sha256: str


class Omitted(Given, frozen=True, kw_only=True):
    kind: str
    reason: str


class BundledImage(Given, frozen=True, kw_only=True):
    """An image without the addresses of it, which are good for a month only, and for whoever has them."""

    id: str
    dataset_id: str
    dataset_name: str
    filename: str
    display_name: str | None
    directory_path: str
    folder_path: str
    content_type: str
    file_size: int
    width: int | None
    height: int | None
    status: str
    split: str | None
    tags: Sequence[str]
    review_note: str | None
    annotation_count: int
    is_archived: bool
    created_at: str
    updated_at: str


class Manifest(Given, frozen=True, kw_only=True):
    """What a bundle holds, and what it does not."""

    version: int = 1
    created_at: str
    image: BundledImage
    files: Sequence[BundledFile]
    omitted: Sequence[Omitted]
