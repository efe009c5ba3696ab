"""What each format makes of images and annotations that are a little odd."""

import ast
import csv
import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import msgspec
import pytest

from stackroom import ids
from stackroom.exports.formats.kit import About
from stackroom.exports.making import Making, Stopped
from stackroom.exports.reading import Image
from stackroom.exports.request import Format, Options
from stackroom.library.datasets import Dataset
from stackroom.testing.memory_store import MemoryStore

BOX = {"id": "a", "name": "car", "type": "bbox", "bounding_box": {"x": 10.0, "y": 10.0, "w": 20.0, "h": 10.0}}
TRIANGLE = {
    "id": "b",
    "name": "car",
    "type": "polygon",
    "polygon": {"paths": [[{"x": 0.0, "y": 0.0}, {"x": 50.0, "y": 0.0}, {"x": 50.0, "y": 200.0}]]},
    "bounding_box": {"x": 0.0, "y": 0.0, "w": 50.0, "h": 200.0},
}


def an_image(*marks: dict[str, Any], name: str = "a.jpg", **more: Any) -> Image:
    values: dict[str, Any] = {
        "id": 1,
        "uuid": ids.new(),
        "folder": "/",
        "name": name,
        "display_name": None,
        "status": "new",
        "split": None,
        "content_type": "image/jpeg",
        "size": 3,
        "width": 100,
        "height": 100,
        "metadata": None,
        "review_note": None,
        "annotation_count": len(marks),
        "created_at": 0,
        "updated_at": 0,
        "storage_key": None,
        "sha256": None,
        "document": json.dumps(marks),
        "tags": (),
    }
    return Image(**{**values, **more})


def made(
    tmp_path: Path, wanted: Format, *images: Image, classes: tuple[str, ...] = (), **options: Any
) -> dict[str, bytes]:
    """The files of an export of these images."""
    dataset = Dataset(
        id=1,
        uuid=ids.new(),
        organization_id=1,
        number=1,
        name="cars & <dogs>",
        description=None,
        readme=None,
        annotation_types=[],
        classes=[{"name": name} for name in classes],
        archived_at=None,
        created_at=0,
        updated_at=0,
    )
    about = About(dataset=dataset, options=Options(**options), made_at=0)
    making = Making(wanted, about, MemoryStore(), tmp_path, threading.Event())
    making.add(images)
    making.finish()
    making.close()
    with zipfile.ZipFile(making.path) as found:
        return {name: found.read(name) for name in found.namelist()}


def left_out(files: dict[str, bytes]) -> list[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(files.get("left-out.csv", b"").decode()))
    return [(row["annotation"], row["reason"]) for row in rows]


def test_an_image_of_unknown_size_is_in_every_format(tmp_path: Path) -> None:
    unknown = an_image(BOX, width=None, height=None)
    for wanted in Format:
        folder = tmp_path / wanted
        folder.mkdir()
        files = made(folder, wanted, unknown)
        match wanted:
            case Format.COCO:
                image = json.loads(files["annotations/instances.json"])["images"][0]
                assert (image["width"], image["height"]) == (0, 0)
            case Format.PASCAL_VOC:
                root = fromstring(files["Annotations/a.xml"])
                assert root.findtext("size/width") == "0"
                assert root.findtext("object/bndbox/xmax") == "30"
            case Format.YOLO:
                assert "labels/a.txt" not in files
                assert left_out(files) == [("", "has no label file: its size is not known")]
            case Format.PICTOGRAPH:
                assert json.loads(files["dataset.json"])["images"][0]["width"] is None


def test_boxes_beside_polygons_are_outlines_in_yolo_and_boxes_where_there_are_none(tmp_path: Path) -> None:
    files = made(tmp_path, Format.YOLO, an_image(BOX, TRIANGLE), an_image(BOX, name="b.jpg"))
    mixed = [line.split() for line in files["labels/a.txt"].decode().splitlines()]
    assert [len(line) for line in mixed] == [9, 7]
    left, top, right, bottom = "0.100000", "0.100000", "0.300000", "0.200000"
    assert mixed[0][1:] == [left, top, right, top, right, bottom, left, bottom]
    assert mixed[1][-1] == "1.000000"  # below the picture's edge
    assert files["labels/b.txt"] == b"0 0.200000 0.150000 0.200000 0.100000\n"


@pytest.mark.parametrize("wanted", [Format.YOLO, Format.PASCAL_VOC])
def test_what_is_over_the_edge_is_cut_and_what_is_outside_is_left_out(tmp_path: Path, wanted: Format) -> None:
    over = {**BOX, "id": "over", "bounding_box": {"x": -10.0, "y": 90.0, "w": 20.0, "h": 50.0}}
    outside = {**BOX, "id": "outside", "bounding_box": {"x": 100.0, "y": 0.0, "w": 20.0, "h": 50.0}}
    files = made(tmp_path, wanted, an_image(over, outside))
    assert left_out(files) == [("outside", "is outside of the image")]
    if wanted is Format.YOLO:
        assert files["labels/a.txt"] == b"0 0.050000 0.950000 0.100000 0.100000\n"
    else:
        edges = fromstring(files["Annotations/a.xml"]).find("object/bndbox")
        assert edges is not None
        assert [int(each.text or "") for each in edges] == [1, 91, 10, 100]


def test_a_polygon_that_encloses_nothing_has_no_place_where_boxes_are_needed(tmp_path: Path) -> None:
    flat = {**TRIANGLE, "polygon": {"paths": [[{"x": 0, "y": 0}, {"x": 5, "y": 0}, {"x": 9, "y": 0}]]}}
    del flat["bounding_box"]
    for wanted in (Format.COCO, Format.YOLO, Format.PASCAL_VOC):
        folder = tmp_path / wanted
        folder.mkdir()
        assert left_out(made(folder, wanted, an_image(flat))) == [("b", "encloses nothing")]


@pytest.mark.parametrize(
    "name", ["big car", 'a "b" \\ c', "straße ✓", "a: b # c", "line\nbreak", "& <x> ]]>", "\x01", "🐕"]
)
def test_any_class_name_is_spelled_as_each_format_can(tmp_path: Path, name: str) -> None:
    marked = an_image({**BOX, "name": name})
    found: dict[Format, dict[str, bytes]] = {}
    for wanted in Format:
        folder = tmp_path / wanted
        folder.mkdir()
        found[wanted] = made(folder, wanted, marked)
    assert json.loads(found[Format.COCO]["annotations/instances.json"])["categories"][0]["name"] == name
    voc = fromstring(found[Format.PASCAL_VOC]["Annotations/a.xml"])
    assert voc.findtext("object/name") == name.replace("\x01", "\ufffd")
    assert voc.findtext("source/database") == "cars & <dogs>"
    yaml = found[Format.YOLO]["data.yaml"].decode()
    # With no half of a character escaped, what YAML reads in quotes is what Python does.
    assert ast.literal_eval(yaml.partition("\n  0: ")[2]) == name
    assert found[Format.YOLO]["classes.txt"].count(b"\n") == 1
    (row,) = csv.DictReader(io.StringIO(found[Format.CSV]["annotations.csv"].decode(), newline=""))
    assert row["class"] == name


def test_classes_have_the_numbers_of_their_dataset(tmp_path: Path) -> None:
    marks = [{**BOX, "id": name, "name": name} for name in ("new", "dog", "car")]
    files = made(tmp_path, Format.COCO, an_image(*marks), classes=("car", "unused", "dog"))
    categories = json.loads(files["annotations/instances.json"])["categories"]
    assert [(each["id"], each["name"]) for each in categories] == [
        (1, "car"),
        (2, "unused"),
        (3, "dog"),
        (4, "new"),
    ]


def test_labels_of_images_that_differ_in_their_extension_alone_do_not_overwrite_each_other(
    tmp_path: Path,
) -> None:
    files = made(tmp_path, Format.YOLO, an_image(BOX), an_image(name="a.png"))
    labels = [name for name in files if name.startswith("labels/")]
    assert len(labels) == 2
    assert files["labels/a.txt"] != b""


def test_a_document_without_images_is_one_in_every_format(tmp_path: Path) -> None:
    for wanted in Format:
        folder = tmp_path / wanted
        folder.mkdir()
        files = made(folder, wanted)
        if wanted is Format.COCO:
            document = json.loads(files["annotations/instances.json"])
            assert (document["images"], document["annotations"], document["categories"]) == ([], [], [])
        if wanted is Format.YOLO:
            assert "names: {}\n" in files["data.yaml"].decode()


def test_who_stops_it_is_heard_between_two_images(tmp_path: Path) -> None:
    stop = threading.Event()
    dataset = msgspec.convert(
        dict.fromkeys(Dataset.__struct_fields__, 0)
        | {"uuid": b"", "name": "d", "annotation_types": [], "classes": [], "defaults": {}}
        | dict.fromkeys(("description", "readme", "archived_at")),
        Dataset,
    )
    about = About(dataset=dataset, options=Options(), made_at=0)
    making = Making(Format.COCO, about, MemoryStore(), tmp_path, stop)
    making.add([an_image()])
    stop.set()
    with pytest.raises(Stopped):
        making.add([an_image()])
    with pytest.raises(Stopped):
        making.finish()
    making.close()
    assert making.progress.images == 1
