"""What an export is written in: a file for each format, all with the same three parts (see `kit.Writer`)."""

from collections.abc import Callable, Mapping

from stackroom.exports.formats.coco import Coco
from stackroom.exports.formats.kit import Kit, Writer
from stackroom.exports.formats.native import Native
from stackroom.exports.formats.pascal_voc import PascalVoc
from stackroom.exports.formats.table import TableOfAnnotations
from stackroom.exports.formats.yolo import Yolo
from stackroom.exports.request import Format

WRITERS: Mapping[Format, Callable[[Kit], Writer]] = {
    Format.PICTOGRAPH: Native,
    Format.COCO: Coco,
    Format.YOLO: Yolo,
    Format.PASCAL_VOC: PascalVoc,
    Format.CSV: TableOfAnnotations,
}
