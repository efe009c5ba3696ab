"""CSV: `annotations.csv`, a row for each annotation, and one for each image that has none."""

from stackroom.exports.formats.kit import Kit, Spool, csv_rows
from stackroom.exports.geometry import box_of
from stackroom.exports.places import Layout
from stackroom.exports.reading import Image
from stackroom.library.shapes import TYPES, AnyAnnotation, KeypointAnnotation

DOCUMENT = "annotations.csv"
COLUMNS = (
    *("image", "width", "height", "status", "split", "class", "type"),
    *("x", "y", "box_width", "box_height", "confidence", "annotation_id"),
)


class TableOfAnnotations:
    """Of a point `x` and `y` are its place; of everything else, the box around it."""

    layout = Layout()

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._parts: dict[str, Spool] = {}

    def add(self, part: str, image: Image, place: str) -> int:  # noqa: ARG002 - the table names the path in the dataset
        rows = self._part(part)
        marks = self._kit.marks(image)
        about = (image.path, image.width, image.height, image.status, image.split)
        nothing = [None] * (len(COLUMNS) - len(about))
        rows.write(csv_rows((*about, *values) for values in (map(_values, marks) if marks else [nothing])))
        return len(marks)

    def finish(self) -> None:
        if not self._parts:
            self._part("")
        for part, rows in self._parts.items():
            self._kit.archive.pack(part + DOCUMENT, rows.pieces(), rows.size)

    def _part(self, part: str) -> Spool:
        if part not in self._parts:
            self._parts[part] = self._kit.spool()
            self._parts[part].write(csv_rows([COLUMNS]))
        return self._parts[part]


def _values(mark: AnyAnnotation) -> list[object]:
    place: list[object] = [None, None, None, None]
    if isinstance(mark, KeypointAnnotation):
        place = [mark.keypoint.x, mark.keypoint.y, None, None]
    elif (box := box_of(mark)) is not None:
        place = [box.x, box.y, box.w, box.h]
    return [mark.name, TYPES[type(mark)], *place, mark.confidence, mark.id]
