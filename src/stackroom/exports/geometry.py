"""Boxes, rings and areas. Pure."""

from collections.abc import Sequence

from stackroom.library.shapes import (
    AnyAnnotation,
    Box,
    BoxAnnotation,
    KeypointAnnotation,
    Point,
    PolygonAnnotation,
)


def box_of(mark: AnyAnnotation) -> Box | None:
    """The upright rectangle around a mark; None for a point, and for a line that encloses nothing."""
    if isinstance(mark, KeypointAnnotation):
        return None
    return mark.bounding_box if isinstance(mark.bounding_box, Box) else None


def within(box: Box, width: int, height: int) -> Box | None:
    """What of a box is in the picture; None if nothing is."""
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.w, width), min(box.y + box.h, height)
    if right <= left or bottom <= top:
        return None
    return Box(x=left, y=top, w=right - left, h=bottom - top)


def corners(box: Box) -> list[Point]:
    right, bottom = box.x + box.w, box.y + box.h
    return [
        Point(x=box.x, y=box.y),
        Point(x=right, y=box.y),
        Point(x=right, y=bottom),
        Point(x=box.x, y=bottom),
    ]


def area_of(mark: AnyAnnotation) -> float:
    """Of a polygon its outline's less its holes', of a box its own, of the others none."""
    match mark:
        case PolygonAnnotation():
            outline, *holes = (ring_area(ring) for ring in mark.polygon.paths)
            return max(outline - sum(holes), 0.0)
        case BoxAnnotation():
            return mark.bounding_box.w * mark.bounding_box.h
        case _:
            return 0.0


def ring_area(ring: Sequence[Point]) -> float:
    """By the shoelace formula, whichever way round the ring goes."""
    following = [*ring[1:], ring[0]]
    return abs(sum(a.x * b.y - b.x * a.y for a, b in zip(ring, following, strict=True))) / 2
