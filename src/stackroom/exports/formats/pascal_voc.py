"""Pascal VOC: `Annotations/….xml` beside `JPEGImages/…`, one for each image.

Boxes are whole pixels counted from 1, both ends included, as the format has it. Polygons are there as the boxes
around them; lines and points have no place.
"""

import math
import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stackroom.exports.formats.kit import Kit
from stackroom.exports.geometry import box_of, within
from stackroom.exports.places import Layout, beside
from stackroom.exports.reading import Image
from stackroom.library.shapes import AnyAnnotation, Box, KeypointAnnotation, PolylineAnnotation

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNBOUNDED = 2**31


class PascalVoc:
    """Where an image's size is not known it is 0."""

    layout = Layout(images="JPEGImages", beside=".xml")

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def add(self, part: str, image: Image, place: str) -> int:
        folder, _, name = place.rpartition("/")
        root = Element("annotation")
        _say(root, "folder", f"{self.layout.images}/{folder}".rstrip("/"))
        _say(root, "filename", name)
        _say(root, "path", place)
        _say(SubElement(root, "source"), "database", self._kit.about.dataset.name)
        size = SubElement(root, "size")
        for dimension, value in (("width", image.width), ("height", image.height), ("depth", 3)):
            _say(size, dimension, str(value or 0))
        _say(root, "segmented", "0")
        written = sum(self._object(root, image, mark) for mark in self._kit.marks(image))
        indent(root)
        document = tostring(root, encoding="utf-8", xml_declaration=True)
        self._kit.archive.write(f"{part}Annotations/{beside(place, '.xml')}", document + b"\n")
        return written

    def finish(self) -> None:
        """Nothing had to wait."""

    def _object(self, root: Element, image: Image, mark: AnyAnnotation) -> bool:
        box = self._box(image, mark)
        if box is None:
            return False
        found = SubElement(root, "object")
        for key, value in (
            ("name", mark.name),
            ("pose", "Unspecified"),
            ("truncated", "0"),
            ("difficult", "0"),
        ):
            _say(found, key, value)
        edges = SubElement(found, "bndbox")
        _say(edges, "xmin", str(math.floor(box.x) + 1))
        _say(edges, "ymin", str(math.floor(box.y) + 1))
        _say(edges, "xmax", str(math.ceil(box.x + box.w)))
        _say(edges, "ymax", str(math.ceil(box.y + box.h)))
        return True

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


def _say(above: Element, key: str, value: str) -> None:
    SubElement(above, key).text = _NOT_IN_XML.sub("\ufffd", value)
