"""COCO: `annotations/instances.json`, a file for each part. https://cocodataset.org/#format-data

Boxes, polygons and points have a place in it, lines have none. A polygon's holes are rings like its outline, as the
format has no holes; the area is what is left without them. Keys that COCO does not know (`path`, `uuid`, `score`,
`attributes`, …) say what would otherwise be lost, and readers pass over them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from stackroom import clock
from stackroom.exports.formats.kit import JsonList, Kit
from stackroom.exports.geometry import area_of, box_of
from stackroom.exports.places import Layout
from stackroom.exports.reading import Image
from stackroom.library.shapes import (
    AnyAnnotation,
    Box,
    BoxAnnotation,
    KeypointAnnotation,
    PolygonAnnotation,
    PolylineAnnotation,
)

DOCUMENT = "annotations/instances.json"
_VISIBLE = 2


class _Image(msgspec.Struct, frozen=True, kw_only=True):
    """Where its size is not known it is 0: the format wants a number."""

    id: int
    file_name: str
    width: int
    height: int
    path: str


class _Annotation(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float
    segmentation: Sequence[Sequence[float]]
    iscrowd: int = 0
    keypoints: Sequence[float] | UnsetType = UNSET
    num_keypoints: int | UnsetType = UNSET
    uuid: str
    score: float | UnsetType = UNSET
    attributes: dict[str, Any] | list[Any] | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    oriented_box: object = UNSET
    instance_id: int | UnsetType = UNSET


class _Part(msgspec.Struct, frozen=True):
    images: JsonList
    annotations: JsonList


class Coco:
    """Images and annotations are numbered from 1 through the whole export, categories are the same in each part."""

    layout = Layout()

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._parts: dict[str, _Part] = {}
        self._images = 0
        self._annotations = 0
        self._keypoint_classes: set[str] = set()

    def add(self, part: str, image: Image, place: str) -> int:
        into = self._part(part)
        self._images += 1
        into.images.add(
            _Image(
                id=self._images,
                file_name=place,
                width=image.width or 0,
                height=image.height or 0,
                path=image.path,
            )
        )
        written: list[_Annotation] = []
        for mark in self._kit.marks(image):
            if isinstance(mark, PolylineAnnotation):
                self._kit.leave_out(image, "COCO has no lines", mark)
            elif (box := box_of(mark)) is None and isinstance(mark, PolygonAnnotation):
                self._kit.leave_out(image, "encloses nothing", mark)
            else:
                self._annotations += 1
                written.append(self._annotation(mark, box))
        into.annotations.add(*written)
        return len(written)

    def finish(self) -> None:
        if not self._parts:
            self._part("")
        categories = [self._category(number, name) for number, name in enumerate(self._kit.classes.names)]
        for part, written in self._parts.items():
            size = written.images.size + written.annotations.size
            self._kit.archive.pack(part + DOCUMENT, self._pieces(written, categories), size)

    def _part(self, part: str) -> _Part:
        if part not in self._parts:
            self._parts[part] = _Part(self._kit.json_list(), self._kit.json_list())
        return self._parts[part]

    def _annotation(self, mark: AnyAnnotation, box: Box | None) -> _Annotation:
        is_point = isinstance(mark, KeypointAnnotation)
        if is_point:
            self._keypoint_classes.add(mark.name)
        at = (mark.keypoint.x, mark.keypoint.y) if isinstance(mark, KeypointAnnotation) else (0.0, 0.0)
        return _Annotation(
            id=self._annotations,
            image_id=self._images,
            category_id=self._kit.classes.number(mark.name) + 1,
            bbox=(*at, 0.0, 0.0) if box is None else (box.x, box.y, box.w, box.h),
            area=area_of(mark),
            segmentation=_rings(mark),
            keypoints=(*at, _VISIBLE) if is_point else UNSET,
            num_keypoints=1 if is_point else UNSET,
            uuid=mark.id,
            score=mark.confidence if mark.confidence != 1 else UNSET,
            attributes=mark.attributes or UNSET,
            created_by=mark.created_by or UNSET,
            oriented_box=(mark.oriented_box or UNSET) if isinstance(mark, BoxAnnotation) else UNSET,
            instance_id=(mark.instance_id or UNSET) if isinstance(mark, KeypointAnnotation) else UNSET,
        )

    def _category(self, number: int, name: str) -> dict[str, object]:
        made: dict[str, object] = {"id": number + 1, "name": name, "supercategory": ""}
        return made | ({"keypoints": [name], "skeleton": []} if name in self._keypoint_classes else {})

    def _pieces(self, part: _Part, categories: list[dict[str, object]]) -> Iterator[bytes]:
        about = self._kit.about
        moment = clock.to_datetime(about.made_at)
        info = {
            "description": about.dataset.name,
            "version": "1.0",
            "year": moment.year,
            "date_created": moment.isoformat(),
        }
        head = {"info": info, "licenses": [], "categories": categories}
        yield msgspec.json.encode(head)[:-1] + b',"images":[\n'
        yield from part.images.pieces()
        yield b'\n],"annotations":[\n'
        yield from part.annotations.pieces()
        yield b"\n]}\n"


def _rings(mark: AnyAnnotation) -> list[list[float]]:
    if not isinstance(mark, PolygonAnnotation):
        return []
    return [[number for point in ring for number in (point.x, point.y)] for ring in mark.polygon.paths]
