"""Reading COCO: what a file says, as annotations of this library. Pure but for reading the file; the sending is
in `_async/coco.py`. https://cocodataset.org/#format-data
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from .errors import InvalidArgument
from .models import (
    Annotation,
    BBoxAnnotation,
    BoundingBox,
    DatasetClass,
    Image,
    ImportFailure,
    ImportReport,
    KeypointAnnotation,
    OrientedBox,
    Point,
    Polygon,
    PolygonAnnotation,
    SkippedAnnotation,
)
from .models.annotations import annotation_on_wire

MOST_IMAGES = 200
MOST_BYTES = 8 * 1024 * 1024
"""Of one request: the server takes 200 images, and 16 MB."""

Ring = list[Point]
_OURS = UUID("5b0f6a1e-8f3c-4f57-9d0a-1f2e3d4c5b6a")  # drawn once; ids of annotations are made below it


class CocoImage(Struct, frozen=True):
    """`path` is what an export of this library adds: where the image was in its dataset."""

    id: int | str
    file_name: str
    path: str | None = None


class CocoCategory(Struct, frozen=True):
    """`keypoints` names the points of its annotations, in their order."""

    id: int | str
    name: str
    keypoints: list[str] = []


class CocoAnnotation(Struct, frozen=True, kw_only=True):
    """From `uuid` on, what an export of this library adds."""

    id: int | str | None = None
    image_id: int | str
    category_id: int | str
    bbox: list[float] | None = None
    segmentation: Any = None
    keypoints: list[float] | None = None
    iscrowd: int = 0
    uuid: str | None = None
    score: float | None = None
    attributes: dict[str, Any] | list[Any] | None = None
    created_by: str | None = None
    oriented_box: OrientedBox | None = None
    instance_id: int | None = None


class CocoFile(Struct, frozen=True, kw_only=True):
    """An instances or keypoints file."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


class Converted(Struct, frozen=True):
    """The annotations of each annotated image of a file, by its number there, and what had no place."""

    annotations: dict[int | str, list[Annotation]]
    skipped: list[SkippedAnnotation]


class Save(Struct, frozen=True):
    """What one image of the dataset is to have."""

    image_id: str
    file_name: str
    annotations: list[dict[str, Any]]


class _Unusable(Exception):
    """Why an annotation, or a part of it, is skipped."""


def read_coco(path: str | Path) -> CocoFile:
    """What a COCO file says. Raises FileNotFoundError, and InvalidArgument saying what is wrong with the file."""
    body = Path(path).expanduser().read_bytes()
    try:
        return msgspec.json.decode(body, type=CocoFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidArgument(
            f"{path} is not a COCO file: {problem}",
            fix="It must be a JSON object with images, annotations and categories.",
        ) from problem


def convert(file: CocoFile) -> Converted:
    """All annotations of a file, image by image."""
    names = {image.id: image.file_name for image in file.images}
    categories = {category.id: category for category in file.categories}
    found: defaultdict[int | str, list[Annotation]] = defaultdict(list)
    skipped: list[SkippedAnnotation] = []
    instances: Counter[int | str] = Counter()
    for raw in file.annotations:
        name = names.get(raw.image_id)
        reasons: list[str] = []
        if name is None:
            reasons.append(f"its image {raw.image_id} is not in the file")
        elif raw.category_id not in categories:
            reasons.append(f"its category {raw.category_id} is not in the file")
        else:
            instances[raw.image_id] += 1
            made = _Maker(raw, categories[raw.category_id], instances[raw.image_id])
            found[raw.image_id] += made.annotations()
            reasons = made.reasons
        label = str(raw.uuid or raw.id or "")
        skipped += [SkippedAnnotation(name or "", label, reason) for reason in reasons]
    return Converted({image: made for image, made in found.items() if made}, skipped)


class _Maker:
    """Makes one annotation of a file into those that it is here. `reasons` say what was left out."""

    def __init__(self, raw: CocoAnnotation, category: CocoCategory, number: int) -> None:
        self.reasons: list[str] = []
        self._raw = raw
        self._category = category
        self._number = number
        self._made = 0

    def annotations(self) -> list[Annotation]:
        if self._raw.iscrowd:
            self.reasons.append("it is a crowd and not one thing")
            return []
        points = list(self._points())
        made = [*points, *self._shape(needed=not points)]
        if not made and not self.reasons:
            self.reasons.append("it has neither an extent nor a point")
        return made

    def _points(self) -> Iterator[Annotation]:
        given = self._raw.keypoints or []
        triples = [given[at : at + 3] for at in range(0, len(given) - 2, 3)]
        several = len(triples) > 1
        for number, (x, y, visibility) in enumerate(triples):
            if visibility > 0:
                names = self._category.keypoints
                name = names[number] if number < len(names) else str(number + 1)
                instance = self._raw.instance_id or (self._number if several else None)
                yield KeypointAnnotation(
                    keypoint=Point(x, y),
                    instance_id=instance,
                    **self._common({"keypoint": name} if several else {}),
                )

    def _shape(self, *, needed: bool) -> Iterator[Annotation]:
        """The outline, or else the box. Beside points an empty one is no loss."""
        segmentation = self._raw.segmentation
        if isinstance(segmentation, Mapping):
            self.reasons.append("run-length masks are not read")
        elif segmentation:
            yield from self._polygons(segmentation)
        elif (box := self._box()) is not None:
            yield BBoxAnnotation(bounding_box=box, oriented_box=self._raw.oriented_box, **self._common())
        elif needed and self._raw.bbox is not None:
            self.reasons.append("its box has no extent")

    def _polygons(self, segmentation: object) -> Iterator[Annotation]:
        rings: list[Ring] = []
        for flat in segmentation if isinstance(segmentation, list) else [segmentation]:
            try:
                rings.append(_ring(flat))
            except _Unusable as unusable:
                self.reasons.append(str(unusable))
        if self._raw.uuid is not None:  # ours: an outline and its holes, with the box that it had
            if rings:
                yield PolygonAnnotation(polygon=Polygon(rings), bounding_box=self._box(), **self._common())
            return
        for paths in outlines_with_holes(rings):
            yield PolygonAnnotation(polygon=Polygon(paths), **self._common())

    def _box(self) -> BoundingBox | None:
        if self._raw.bbox is None or len(self._raw.bbox) != 4:
            return None
        x, y, width, height = self._raw.bbox
        return BoundingBox(x, y, width, height) if width > 0 and height > 0 else None

    def _common(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        raw = self._raw
        common: dict[str, Any] = {"name": self._category.name, "created_by": raw.created_by}
        if raw.score is not None and 0 <= raw.score <= 1:
            common["confidence"] = raw.score
        if more:
            common["attributes"] = {**(raw.attributes if isinstance(raw.attributes, dict) else {}), **more}
        elif raw.attributes:
            common["attributes"] = raw.attributes
        return {**common, "id": self._next_id()}

    def _next_id(self) -> str:
        """The same whenever this file is read, so that importing it again changes nothing."""
        raw = self._raw
        self._made += 1
        if raw.uuid is not None and self._made == 1:
            return raw.uuid
        of = self._number if raw.id is None else raw.id
        return str(uuid5(_OURS, f"{raw.image_id}/{of}/{self._made}"))


def outlines_with_holes(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Rings as polygons: one that lies inside a larger one is its hole, and what is beside it is another polygon."""
    polygons: list[list[Ring]] = []
    for ring in sorted(rings, key=_area, reverse=True):
        around = next((it for it in polygons if all(_is_inside(point, it[0]) for point in ring)), None)
        if around is None:
            polygons.append([ring])
        else:
            around.append(ring)
    return polygons


class Matcher:
    """Finds the image of a dataset that a file means. The server composes all names, and some file systems take them
    apart."""

    def __init__(self) -> None:
        self._by_path: dict[str, str] = {}
        self._by_name: dict[str, str | None] = {}

    def add(self, image: Image) -> None:
        path = f"{image.folder_path}/{image.filename}".strip("/")
        self._by_path[path] = image.id
        self._by_name[image.filename] = None if image.filename in self._by_name else image.id

    def find(self, image: CocoImage) -> str | None:
        """By path; or by its last part, where only one image is called so."""
        name = _composed(image.file_name).replace("\\", "/").removeprefix("./").strip("/")
        paths = [_composed(image.path or "").strip("/"), name, name.removeprefix("images/")]
        found = next((self._by_path[path] for path in paths if path in self._by_path), None)
        return found or self._by_name.get(name.rpartition("/")[2])


def matched(
    file: CocoFile, converted: Converted, matcher: Matcher
) -> tuple[dict[str, list[CocoImage]], list[str]]:
    """The annotated images of the file by the id of the dataset's image, and the names of those that have none."""
    meant: defaultdict[str, list[CocoImage]] = defaultdict(list)
    unmatched = []
    for image in file.images:
        if image.id in converted.annotations:
            image_id = matcher.find(image)
            if image_id is None:
                unmatched.append(image.file_name)
            else:
                meant[image_id].append(image)
    return dict(meant), unmatched


def batches(meant: Mapping[str, Sequence[CocoImage]], converted: Converted) -> Iterator[list[Save]]:
    """What is to be saved, in portions that a request can hold. Several of the file's images that mean one of the
    dataset's are saved together, as each save replaces what was there."""
    batch: list[Save] = []
    weight = 0
    for image_id, images in meant.items():
        marks = _with_ids_of_their_own(each for image in images for each in converted.annotations[image.id])
        size = len(msgspec.json.encode(marks))
        if batch and (len(batch) == MOST_IMAGES or weight + size > MOST_BYTES):
            yield batch
            batch, weight = [], 0
        batch.append(Save(image_id, images[0].file_name, marks))
        weight += size
    if batch:
        yield batch


def _with_ids_of_their_own(annotations: Iterable[Annotation]) -> list[dict[str, Any]]:
    """As they go on the wire. An id that a file has given twice names its first annotation only."""
    seen: set[str] = set()
    marks = []
    for each in annotations:
        mark = annotation_on_wire(each)
        if each.id in seen:
            mark["id"] = str(uuid5(_OURS, f"{each.id}/{len(seen)}"))
        seen.add(mark["id"])
        marks.append(mark)
    return marks


def new_classes(converted: Converted, listed: Iterable[str]) -> list[DatasetClass]:
    """The classes that a dataset does not list yet. The type is given where all annotations have the same."""
    types: defaultdict[str, set[str]] = defaultdict(set)
    for marks in converted.annotations.values():
        for each in marks:
            types[each.name].add(each.type)
    known = set(listed)
    return [
        DatasetClass(name=name, type=next(iter(kinds)) if len(kinds) == 1 else None)
        for name, kinds in types.items()
        if name not in known
    ]


class Tally:
    """Adds up what came of the batches."""

    def __init__(self, converted: Converted, unmatched: list[str], created: list[str]) -> None:
        self._converted, self._unmatched, self._created = converted, unmatched, created
        self._images = self._annotations = 0
        self._failures: list[ImportFailure] = []

    @property
    def images(self) -> int:
        """How many have been dealt with."""
        return self._images + len(self._failures)

    def count(self, batch: Sequence[Save], refused: Mapping[str, str]) -> None:
        """A batch of which `refused` were not saved, with the reasons."""
        for save in batch:
            if save.image_id in refused:
                self._failures.append(ImportFailure(save.file_name, refused[save.image_id]))
            else:
                self._images += 1
                self._annotations += len(save.annotations)

    def report(self) -> ImportReport:
        return ImportReport(
            images_saved=self._images,
            annotations_saved=self._annotations,
            classes_created=self._created,
            failures=self._failures,
            unmatched=self._unmatched,
            skipped=self._converted.skipped,
        )


def _composed(name: str) -> str:
    return normalize("NFC", name)


def _ring(flat: object) -> Ring:
    if not isinstance(flat, list) or not all(isinstance(number, int | float) for number in flat):
        raise _Unusable("a ring is not a list of numbers")
    if len(flat) < 6 or len(flat) % 2:
        raise _Unusable("a ring has less than three points")
    return [Point(float(x), float(y)) for x, y in zip(flat[::2], flat[1::2], strict=True)]


def _area(ring: Ring) -> float:
    following = [*ring[1:], ring[0]]
    return abs(sum(a.x * b.y - b.x * a.y for a, b in zip(ring, following, strict=True)))


def _is_inside(point: Point, ring: Ring) -> bool:
    """Whether a line from the point to the right crosses the ring an odd number of times. Its edge counts as inside."""
    inside = False
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        if point in (a, b):
            return True
        if (a.y > point.y) != (b.y > point.y):
            crossing = a.x + (point.y - a.y) * (b.x - a.x) / (b.y - a.y)
            if point.x == crossing:
                return True
            inside ^= point.x < crossing
    return inside
