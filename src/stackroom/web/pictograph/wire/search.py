"""Search, by tags and by likeness."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from stackroom.web.pictograph.wire.base import AboutDataset, Asked, Given, Offset

Limit = Annotated[int, Meta(ge=1, le=500)]


class SimilarQuery(Asked, frozen=True, kw_only=True):
    image_id: str
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.6
    limit: Limit = 50
    folder_path: str | None = None
    directory_path: str | None = None


class TagQuery(AboutDataset, frozen=True, kw_only=True):
    """Beside the tags, of which each is a key of its own."""

    limit: Limit = 50
    offset: Offset = 0


class AutoTags(Given, frozen=True, kw_only=True):
    """There is one kind of tags here; it stands where clients look first."""

    objects: Sequence[str]


class SimilarImage(Given, frozen=True, kw_only=True):
    id: str
    filename: str
    virtual_folder_path: str
    virtual_directory_path: str
    status: str
    annotation_count: int
    image_auto_tags: AutoTags
    similarity: float


class SimilarImages(Given, frozen=True, kw_only=True):
    results: Sequence[SimilarImage]
    count: int
    threshold: float
    query_image_id: str
    analyzed: int


class TaggedImage(Given, frozen=True, kw_only=True):
    id: str
    project_id: str
    dataset_id: str
    filename: str
    virtual_folder_path: str
    virtual_directory_path: str
    status: str
    annotation_count: int
    image_auto_tags: AutoTags


class TaggedImages(Given, frozen=True, kw_only=True):
    results: Sequence[TaggedImage]
    count: int
    limit: int
    offset: int
    has_more: bool
