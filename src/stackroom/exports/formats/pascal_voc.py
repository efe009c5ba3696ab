"""Pascal VOC: `Annotations/….xml` beside `JPEGImages/…`, one for each image.

Boxes are whole pixels counted from 1, both ends included, as the format has it. Polygons are there as the boxes
around them; lines and points have no place.
"""

import math
import re
from xml.sax.saxutils import escape

from stackroom.exports.formats.kit import Kit
from stackroom.exports.geometry import box_of, within
from stackroom.exports.places import Layout, beside
from stackroom.exports.reading import Image
from stackroom.library.shapes import AnyAnnotation, Box, KeypointAnnotation, PolylineAnnotation

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNBOUNDED = 2**31
# Filled in by hand: a library that builds trees takes ten times as long.
_DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<annotation>
  <folder>{folder}</folder>
  <filename>{name}</filename>
  <path>{path}</path>
  <source>
    <database>{database}</database>
  </source>
  <size>
    <width>{width}</width>
    <height>{height}</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
{objects}</annotation>
"""
_OBJECT = """  <object>
    <name>{name}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox>
      <xmin>{xmin}</xmin>
      <ymin>{ymin}</ymin>
      <xmax>{xmax}</xmax>
      <ymax>{ymax}</ymax>
    </bndbox>
  </object>
"""


class PascalVoc:
    """Where an image's size is not known it is 0."""

    layout = Layout(images="JPEGImages", beside=".xml")

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def add(self, part: str, image: Image, place: str) -> int:
        objects = [
            _object(mark.name, box)
            for mark in self._kit.marks(image)
            if (box := self._box(image, mark)) is not None
        ]
        folder, _, name = place.rpartition("/")
        document = _DOCUMENT.format(
            folder=_text(f"{self.layout.images}/{folder}".rstrip("/")),
            name=_text(name),
            path=_text(place),
            database=_text(self._kit.about.dataset.name),
            width=image.width or 0,
            height=image.height or 0,
            objects="".join(objects),
        )
        self._kit.archive.write(f"{part}Annotations/{beside(place, '.xml')}", document.encode())
        return len(objects)

    def finish(self) -> None:
        """Nothing had to wait."""

    def _box(self, image: Image, mark: AnyAnnotation) -> Box | None:
        reason = "encloses nothing"
        if isinstance(mark, PolylineAnnotation | KeypointAnnotation):
            what = "lines" if isinstance(mark, PolylineAnnotation) else "points"
            reason = f"Pascal VOC has no {what}"
        elif (box := box_of(mark)) is not None:
            seen = within(box, image.width or _UNBOUNDED, image.height or _UNBOUNDED)
            if seen is not None:
                return seen
            reason = "is outside of the image"
        self._kit.leave_out(image, reason, mark)
        return None


def _object(name: str, box: Box) -> str:
    return _OBJECT.format(
        name=_text(name),
        xmin=math.floor(box.x) + 1,
        ymin=math.floor(box.y) + 1,
        xmax=math.ceil(box.x + box.w),
        ymax=math.ceil(box.y + box.h),
    )


def _text(value: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", value))
