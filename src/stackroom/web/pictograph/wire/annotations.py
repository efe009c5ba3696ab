"""Annotations."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Raw

from stackroom.web.pictograph.wire.base import Asked, Given


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


class ImageSaved(AnnotationsSaved, frozen=True, kw_only=True):
    annotation_ids: Sequence[str]


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
