"""The shapes of annotations, and what a document of them must be. Pure. Pictograph protocol page, section 3.5."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from uuid_utils import uuid4

from stackroom.errors import Invalid, TooLarge

MAX_DOCUMENT = 10 * 1024 * 1024
MOST_NESTED = 200
"""How deep lists and objects may stand in each other in an annotation's attributes. Whoever reads them can go as far;
how much farther a reader goes differs, also between the versions of Python."""

Positive = Annotated[float, Meta(gt=0)]
Text = Annotated[str, Meta(min_length=1, pattern=r"\S")]
Label = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"\S")]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Geometry and annotations refuse keys they do not know, as the protocol's own clients do."""


class Point(Strict, frozen=True):
    x: float
    y: float


class Box(Strict, frozen=True):
    x: float
    y: float
    w: Positive
    h: Positive


class OrientedBox(Strict, frozen=True):
    cx: float
    cy: float
    w: Positive
    h: Positive
    angle: Annotated[float, Meta(ge=0, lt=360)] = 0.0


class Polygon(Strict, frozen=True):
    paths: Annotated[list[Annotated[list[Point], Meta(min_length=3)]], Meta(min_length=1)]


class Polyline(Strict, frozen=True):
    path: Annotated[list[Point], Meta(min_length=2)]


def _new_id() -> str:
    return str(uuid4())


class _Annotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What every annotation has. One that comes without an id is given one, as the protocol's own clients do.

    A key that may be left out may be null as well, and is left out of what is kept.
    """

    id: Text = msgspec.field(default_factory=_new_id)
    name: Label
    confidence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    created_by: str | UnsetType | None = UNSET
    attributes: dict[str, Any] | list[Any] = []


class BoxAnnotation(_Annotation, frozen=True, kw_only=True, tag="bbox"):
    bounding_box: Box
    oriented_box: OrientedBox | UnsetType | None = UNSET


class PolygonAnnotation(_Annotation, frozen=True, kw_only=True, tag="polygon"):
    polygon: Polygon
    bounding_box: Box | UnsetType | None = UNSET


class PolylineAnnotation(_Annotation, frozen=True, kw_only=True, tag="polyline"):
    polyline: Polyline
    bounding_box: Box | UnsetType | None = UNSET


class KeypointAnnotation(_Annotation, frozen=True, kw_only=True, tag="keypoint"):
    keypoint: Point
    instance_id: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET


AnyAnnotation = BoxAnnotation | PolygonAnnotation | PolylineAnnotation | KeypointAnnotation
TYPES: Mapping[type[AnyAnnotation], str] = {
    BoxAnnotation: "bbox",
    PolygonAnnotation: "polygon",
    PolylineAnnotation: "polyline",
    KeypointAnnotation: "keypoint",
}
_MAY_BE_NULL: Mapping[type[AnyAnnotation], tuple[str, ...]] = {
    BoxAnnotation: ("created_by", "oriented_box"),
    PolygonAnnotation: ("created_by", "bounding_box"),
    PolylineAnnotation: ("created_by", "bounding_box"),
    KeypointAnnotation: ("created_by", "instance_id"),
}
_decoder = msgspec.json.Decoder(list[AnyAnnotation])


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """All annotations of one asset, ready to be stored: written out and counted, outside of any transaction."""

    json: str
    count: int
    min_confidence: float | None
    classes: dict[tuple[str, str], int]
    """How often each (name, type) stands in it."""
    ids: list[str]

    @classmethod
    def of(cls, annotations: Sequence[AnyAnnotation]) -> Self:
        return cls(
            json=msgspec.json.encode(annotations).decode(),
            count=len(annotations),
            min_confidence=min((each.confidence for each in annotations), default=None),
            classes=dict(Counter((each.name, TYPES[type(each)]) for each in annotations)),
            ids=[each.id for each in annotations],
        )


def parse(document: bytes) -> list[AnyAnnotation]:
    """Annotations from a JSON list. Raises `Invalid` saying which key of which annotation is wrong, `TooLarge`."""
    if len(document) > MAX_DOCUMENT:
        limit = MAX_DOCUMENT // 2**20
        raise TooLarge(
            f"annotations of one image may take {limit} MB at most",
            hint="Give the outlines fewer points.",
            details={"limit_bytes": MAX_DOCUMENT},
        )
    try:
        found = [_completed(each) for each in _decoder.decode(document)]
    except msgspec.DecodeError as error:
        raise Invalid(
            f"annotations: {error}", hint="See the annotation shapes: bbox, polygon, polyline, keypoint."
        ) from error
    except RecursionError as error:
        raise _nested_too_deeply() from error
    if any(_is_nested_too_deeply(each.attributes) for each in found):
        raise _nested_too_deeply()
    _check_ids_and_names(found)
    return found


def read(document: bytes) -> Document:
    """`parse`, and everything that storing it needs."""
    return Document.of(parse(document))


def _is_nested_too_deeply(attributes: dict[str, Any] | list[Any]) -> bool:
    level: list[Any] = [attributes]
    for _ in range(MOST_NESTED):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _nested_too_deeply() -> Invalid:
    return Invalid(
        f"annotations: attributes may be nested {MOST_NESTED} deep", hint="Nest the attributes less."
    )


def _check_ids_and_names(found: Sequence[AnyAnnotation]) -> None:
    """An id names one annotation of its image: comments refer to it. And no database keeps a NUL in a name."""
    if len({each.id for each in found}) < len(found):
        seen = set()
        for position, each in enumerate(found):
            if each.id in seen:
                raise Invalid(
                    f"annotations: the id {each.id!r} appears twice - at `$[{position}].id`",
                    hint="Ids are unique in an image. Leave them out, and they are made.",
                )
            seen.add(each.id)
    for position, each in enumerate(found):
        if "\0" in each.name or "\0" in each.id:
            raise Invalid(f"annotations: contains the character NUL - at `$[{position}]`", hint="Remove it.")


def _completed(each: AnyAnnotation) -> AnyAnnotation:
    """Without the keys that are null, and with the box that encloses an outline."""
    changed: dict[str, Any] = {key: UNSET for key in _MAY_BE_NULL[type(each)] if getattr(each, key) is None}
    if isinstance(each, PolygonAnnotation | PolylineAnnotation) and not isinstance(each.bounding_box, Box):
        changed["bounding_box"] = _enclosing(list(_outline(each)))
    return msgspec.structs.replace(each, **changed) if changed else each


def _enclosing(points: Sequence[Point]) -> Box | UnsetType:
    left, top = min(p.x for p in points), min(p.y for p in points)
    width, height = max(p.x for p in points) - left, max(p.y for p in points) - top
    if width <= 0 or height <= 0:  # a straight line encloses nothing
        return UNSET
    if width == float("inf") or height == float("inf"):  # which JSON cannot say
        return UNSET
    return Box(x=left, y=top, w=width, h=height)


def _outline(each: PolygonAnnotation | PolylineAnnotation) -> Iterator[Point]:
    if isinstance(each, PolygonAnnotation):
        yield from each.polygon.paths[0]
    else:
        yield from each.polyline.path
