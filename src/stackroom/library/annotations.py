"""Annotations: one document per asset, replaced as a whole. Shapes: Pictograph protocol page, section 3.5."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Connection, delete, insert, select, update

from stackroom.access import Actor, Role, require
from stackroom.database.schema import annotation, asset, dataset
from stackroom.errors import Invalid, TooLarge
from stackroom.events import log
from stackroom.library import assets
from stackroom.library.assets import Asset

MAX_DOCUMENT = 10 * 1024 * 1024

Positive = Annotated[float, Meta(gt=0)]
Label = Annotated[str, Meta(min_length=1, max_length=120)]


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
    angle: Annotated[float, Meta(ge=0, lt=360)]


class Polygon(Strict, frozen=True):
    paths: Annotated[list[Annotated[list[Point], Meta(min_length=3)]], Meta(min_length=1)]


class Polyline(Strict, frozen=True):
    path: Annotated[list[Point], Meta(min_length=2)]


class _Annotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    id: Annotated[str, Meta(min_length=1, pattern=r"\S")]
    name: Annotated[Label, Meta(pattern=r"\S")]
    confidence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    created_by: str | UnsetType | None = UNSET
    attributes: dict[str, Any] | list[Any] = []


class BoxAnnotation(_Annotation, frozen=True, kw_only=True, tag="bbox"):
    bounding_box: Box
    oriented_box: OrientedBox | UnsetType = UNSET


class PolygonAnnotation(_Annotation, frozen=True, kw_only=True, tag="polygon"):
    polygon: Polygon
    bounding_box: Box | UnsetType = UNSET


class PolylineAnnotation(_Annotation, frozen=True, kw_only=True, tag="polyline"):
    polyline: Polyline
    bounding_box: Box | UnsetType = UNSET


class KeypointAnnotation(_Annotation, frozen=True, kw_only=True, tag="keypoint"):
    keypoint: Point
    instance_id: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


AnyAnnotation = BoxAnnotation | PolygonAnnotation | PolylineAnnotation | KeypointAnnotation
_decoder = msgspec.json.Decoder(list[AnyAnnotation])


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    uuid: bytes
    previous_count: int
    new_count: int
    status: str


def parse(document: bytes) -> list[AnyAnnotation]:
    """Annotations from a JSON list. Raises `Invalid` saying which key of which annotation is wrong."""
    if len(document) > MAX_DOCUMENT:
        limit = MAX_DOCUMENT // 2**20
        raise TooLarge(
            f"annotations of one image may take {limit} MB at most", details={"limit_bytes": MAX_DOCUMENT}
        )
    try:
        return [_with_enclosing_box(each) for each in _decoder.decode(document)]
    except msgspec.DecodeError as error:
        raise Invalid(
            f"annotations: {error}", hint="See the annotation shapes: bbox, polygon, polyline, keypoint."
        ) from error
    except RecursionError as error:
        raise Invalid("annotations: nested too deeply", hint="Nest the attributes less.") from error


def get(conn: Connection, actor: Actor, reference: str) -> tuple[Asset, bytes]:
    """An asset and its annotations as a JSON list, exactly as stored."""
    found = assets.find(conn, actor, reference)
    document = conn.scalar(select(annotation.c.document).where(annotation.c.asset_id == found.id))
    return found, (document or "[]").encode()


def save(
    conn: Connection, actor: Actor, reference: str, wanted: Sequence[AnyAnnotation], *, now: int
) -> Saved:
    """Replace an asset's annotations. Never changes its status. Saving the same again leaves the same document."""
    require(actor, Role.MEMBER, "saving annotations")
    return _replace(conn, actor, assets.find(conn, actor, reference), wanted, now=now)


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> Saved:
    """Remove an asset's annotations. Removing none is no error."""
    require(actor, Role.ADMIN, "deleting annotations")
    return _replace(conn, actor, assets.find(conn, actor, reference), [], now=now)


def _replace(
    conn: Connection, actor: Actor, found: Asset, wanted: Sequence[AnyAnnotation], *, now: int
) -> Saved:
    _check_classes(conn, found, wanted)
    conn.execute(delete(annotation).where(annotation.c.asset_id == found.id))
    if wanted:
        document = msgspec.json.encode(wanted).decode()
        conn.execute(insert(annotation).values(asset_id=found.id, document=document, updated_at=now))
    conn.execute(
        update(asset)
        .where(asset.c.id == found.id)
        .values(
            annotation_count=len(wanted),
            min_confidence=min((each.confidence for each in wanted), default=None),
            version=asset.c.version + 1,
            updated_at=now,
        )
    )
    log.record(
        conn,
        actor,
        "annotations.saved" if wanted else "annotations.deleted",
        at=now,
        dataset_id=found.dataset_id,
        asset_uuid=found.uuid,
        data={"previous_count": found.annotation_count, "new_count": len(wanted)},
    )
    return Saved(
        uuid=found.uuid,
        previous_count=found.annotation_count,
        new_count=len(wanted),
        status=found.status,
    )


def _check_classes(conn: Connection, found: Asset, wanted: Sequence[AnyAnnotation]) -> None:
    """A dataset that lists its classes takes no others; one that lists none takes any."""
    classes = msgspec.json.decode(
        conn.scalar(select(dataset.c.classes).where(dataset.c.id == found.dataset_id)) or "[]"
    )
    known = {each["name"] for each in classes}
    unknown = sorted({each.name for each in wanted} - known)
    if known and unknown:
        raise Invalid(
            f"annotations: class {unknown[0]!r} is not in this dataset",
            code="unknown_class",
            hint=f"Its classes are: {', '.join(sorted(known))}. Add the class to the dataset first.",
        )


def _with_enclosing_box(each: AnyAnnotation) -> AnyAnnotation:
    points = list(_outline(each))
    if not points or isinstance(each, BoxAnnotation | KeypointAnnotation) or each.bounding_box is not UNSET:
        return each
    left, top = min(p.x for p in points), min(p.y for p in points)
    width, height = max(p.x for p in points) - left, max(p.y for p in points) - top
    if width <= 0 or height <= 0:  # a straight line encloses nothing
        return each
    return msgspec.structs.replace(each, bounding_box=Box(x=left, y=top, w=width, h=height))


def _outline(each: AnyAnnotation) -> Iterator[Point]:
    match each:
        case PolygonAnnotation():
            yield from each.polygon.paths[0]
        case PolylineAnnotation():
            yield from each.polyline.path
