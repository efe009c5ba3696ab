"""YOLO: `labels/….txt` beside `images/…`, `classes.txt`, and the `data.yaml` that a training starts from.

A line is a class number and a box (centre, width, height), or a class number and an outline; all as shares of the
image's size. A file is read as all the one or all the other, so where an image has a polygon its boxes are written
as outlines, too.
"""

import json
from collections.abc import Sequence

from stackroom.exports.formats.kit import Kit
from stackroom.exports.geometry import box_of, corners, within
from stackroom.exports.places import Layout, beside
from stackroom.exports.reading import Image
from stackroom.library.shapes import (
    AnyAnnotation,
    KeypointAnnotation,
    Point,
    PolygonAnnotation,
    PolylineAnnotation,
)

LABELS = "labels"
_HEAD = "# Written by Stackroom. Paths are relative to this file."
_SAME = "# No splits were asked for: train and val are the same images."
_KEYS = {"": ("train", "val"), "train/": ("train",), "valid/": ("val",), "test/": ("test",)}


class Yolo:
    """Readers find a label by the last `images` in an image's path, so no folder below may have that name."""

    layout = Layout(beside=".txt", reserved=frozenset({"images"}))

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._parts: set[str] = set()

    def add(self, part: str, image: Image, place: str) -> int:
        self._parts.add(part)
        marks = self._kit.marks(image)
        if not image.width or not image.height:
            self._kit.leave_out(image, "has no label file: its size is not known")
            return 0
        drawable = [mark for mark in marks if self._is_drawable(image, mark)]
        as_outlines = any(isinstance(mark, PolygonAnnotation) for mark in drawable)
        lines = [self._line(mark, image.width, image.height, as_outlines) for mark in drawable]
        for mark, line in zip(drawable, lines, strict=True):
            if line is None:
                self._kit.leave_out(image, "is outside of the image", mark)
        written = [line for line in lines if line is not None]
        label = f"{part}{LABELS}/{beside(place, '.txt')}"
        self._kit.archive.write(label, "".join(f"{line}\n" for line in written).encode())
        return len(written)

    def finish(self) -> None:
        names = self._kit.classes.names
        plain = "".join(" ".join(name.split()) + "\n" for name in names)
        self._kit.archive.write("classes.txt", plain.encode())
        self._kit.archive.write("data.yaml", self._yaml(names).encode())

    def _is_drawable(self, image: Image, mark: AnyAnnotation) -> bool:
        if isinstance(mark, PolylineAnnotation | KeypointAnnotation):
            what = "lines" if isinstance(mark, PolylineAnnotation) else "points"
            self._kit.leave_out(image, f"YOLO has no {what}", mark)
            return False
        if box_of(mark) is None:
            self._kit.leave_out(image, "encloses nothing", mark)
            return False
        return True

    def _line(self, mark: AnyAnnotation, width: int, height: int, as_outline: bool) -> str | None:
        box = box_of(mark)
        seen = None if box is None else within(box, width, height)
        if seen is None:
            return None
        number = self._kit.classes.number(mark.name)
        if not as_outline:
            shares = (seen.x + seen.w / 2) / width, (seen.y + seen.h / 2) / height
            return _spelled(number, (*shares, seen.w / width, seen.h / height))
        ring = mark.polygon.paths[0] if isinstance(mark, PolygonAnnotation) else corners(seen)
        return _spelled(number, _shares(ring, width, height))

    def _yaml(self, names: Sequence[str]) -> str:
        parts = sorted(self._parts or {""})
        places = [f"{key}: {part}images" for part in parts for key in _KEYS[part]]
        listed = [f"  {number}: {_yaml_string(name)}" for number, name in enumerate(names)]
        lines = [_HEAD, *([_SAME] if parts == [""] else []), "path: .", *places, f"nc: {len(names)}"]
        return "\n".join([*lines, "names:" if names else "names: {}", *listed, ""])


def _yaml_string(text: str) -> str:
    """As in JSON, whatever is in it, but for what JSON writes as two halves of a character: YAML reads two of them."""
    return f'"{"".join(_escaped(each) for each in text)}"'


def _escaped(character: str) -> str:
    number = ord(character)
    return json.dumps(character)[1:-1] if number <= 0xFFFF else f"\\U{number:08x}"


def _shares(ring: Sequence[Point], width: int, height: int) -> list[float]:
    """What is outside is moved to the edge."""
    return [
        share for p in ring for share in (min(max(p.x / width, 0.0), 1.0), min(max(p.y / height, 0.0), 1.0))
    ]


def _spelled(number: int, shares: Sequence[float]) -> str:
    return f"{number} " + " ".join(f"{share:.6f}" for share in shares)
