"""Annotations: a name and a shape on an image. `type` on the wire tells the shapes apart."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from .images import ImageStatus


class Point(Struct, frozen=True):
    """A place in an image, in pixels from its top left corner."""

    x: float
    y: float


class BoundingBox(Struct, frozen=True):
    """An upright rectangle."""

    x: float
    y: float
    w: float
    h: float


class OrientedBox(Struct, frozen=True):
    """A rectangle turned by `angle` degrees about its centre."""

    cx: float
    cy: float
    w: float
    h: float
    angle: float


class Polygon(Struct, frozen=True):
    """Rings of at least three points; the first is the outline, the others are holes."""

    paths: list[list[Point]]


class Polyline(Struct, frozen=True):
    """A line through at least two points."""

    path: list[Point]


def _new_id() -> str:
    return str(uuid4())


class _Annotation(Struct, frozen=True, kw_only=True, tag_field="type"):
    name: str
    id: str = msgspec.field(default_factory=_new_id)
    confidence: float = 1.0
    created_by: str | None = None
    attributes: list[Any] | dict[str, Any] = []

    @property
    def type(self) -> str:
        """The word that tells the shapes apart on the wire."""
        return str(self.__struct_config__.tag)


class BBoxAnnotation(_Annotation, frozen=True, kw_only=True, tag="bbox"):
    """A thing with a rectangle around it."""

    bounding_box: BoundingBox
    oriented_box: OrientedBox | None = None


class PolygonAnnotation(_Annotation, frozen=True, kw_only=True, tag="polygon"):
    """A thing with its outline; the server fills in the enclosing box."""

    polygon: Polygon
    bounding_box: BoundingBox | None = None


class PolylineAnnotation(_Annotation, frozen=True, kw_only=True, tag="polyline"):
    """A line; the server fills in the enclosing box."""

    polyline: Polyline
    bounding_box: BoundingBox | None = None


class KeypointAnnotation(_Annotation, frozen=True, kw_only=True, tag="keypoint"):
    """A single place."""

    keypoint: Point
    instance_id: int | None = None


Annotation = BBoxAnnotation | PolygonAnnotation | PolylineAnnotation | KeypointAnnotation


def annotation_on_wire(annotation: Annotation | Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of an annotation; a mapping goes as it is. Keys without a value stay out."""
    if isinstance(annotation, Mapping):
        return dict(annotation)
    built: dict[str, Any] = msgspec.to_builtins(annotation)
    return {key: value for key, value in built.items() if value is not None}


class AnnotationsSaved(Struct, frozen=True):
    """What a save replaced. `status` is the image's status, which a save never changes."""

    image_id: str
    previous_count: int
    new_count: int
    status: ImageStatus


class AnnotationsNotSaved(Struct, frozen=True):
    """An image whose annotations were not taken, and why."""

    image_id: str
    error: str


class BulkSaved(Struct, frozen=True):
    """What saving many documents came to: every image is either saved or failed."""

    saved: list[AnnotationsSaved] = []
    failed: list[AnnotationsNotSaved] = []

    @property
    def success(self) -> bool:
        """Whether every image was saved."""
        return not self.failed


class AnnotationsDeleted(Struct, frozen=True):
    """What a delete removed."""

    image_id: str
    deleted_count: int = 0
