"""Images."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Raw

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
