"""COCO files: what they say, which images they mean, and what is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from stackroom import (
    BBoxAnnotation,
    BoundingBox,
    Image,
    InvalidArgument,
    KeypointAnnotation,
    Point,
    PolygonAnnotation,
)
from stackroom.client import coco
from stackroom.client.coco import (
    CocoImage,
    Matcher,
    batches,
    convert,
    matched,
    new_classes,
    outlines_with_holes,
)

SQUARE = [0, 0, 10, 0, 10, 10, 0, 10]
INSIDE = [2, 2, 4, 2, 4, 4]
BESIDE = [20, 0, 30, 0, 30, 10]


def written(tmp_path: Path, *annotations: dict[str, Any], **more: Any) -> Path:
    path = tmp_path / "x.json"
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "categories": [{"id": 7, "name": "car"}, {"id": 8, "name": "face", "keypoints": ["eye", "nose"]}],
        "annotations": [{"id": n, "image_id": 1, "category_id": 7, **it} for n, it in enumerate(annotations)],
        **more,
    }
    path.write_text(json.dumps(document))
    return path


def read(tmp_path: Path, *annotations: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """The annotations of the one image, and the reasons for what was skipped."""
    found = convert(coco.read_coco(written(tmp_path, *annotations)))
    return found.annotations.get(1, []), [each.reason for each in found.skipped]


def test_a_box_alone_is_a_box(tmp_path: Path) -> None:
    for segmentation in ({}, {"segmentation": []}, {"segmentation": None}):
        (mark,), skipped = read(tmp_path, {"bbox": [1, 2, 3, 4], **segmentation})
        assert isinstance(mark, BBoxAnnotation)
        assert (mark.name, mark.bounding_box, skipped) == ("car", BoundingBox(1, 2, 3, 4), [])


def test_rings_are_outlines_and_the_holes_in_them(tmp_path: Path) -> None:
    marks, skipped = read(tmp_path, {"bbox": [0, 0, 30, 10], "segmentation": [INSIDE, SQUARE, BESIDE]})
    assert all(isinstance(mark, PolygonAnnotation) for mark in marks)
    assert [len(mark.polygon.paths) for mark in marks] == [2, 1]
    assert marks[0].polygon.paths[0][1] == Point(10, 0)
    assert (len({mark.id for mark in marks}), skipped) == (2, [])


def test_a_ring_around_a_ring_in_a_ring_is_a_hole_of_the_outermost() -> None:
    rings = [
        [Point(x * size + 50, y * size + 50) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        for size in (5, 20, 10)
    ]
    assert [len(paths) for paths in outlines_with_holes(rings)] == [3]


def test_points_are_one_annotation_each_with_their_names(tmp_path: Path) -> None:
    face = {"category_id": 8, "keypoints": [1, 2, 2, 0, 0, 0], "num_keypoints": 1, "bbox": [0, 0, 5, 5]}
    marks, skipped = read(tmp_path, face, {**face, "keypoints": [1, 2, 2, 3, 4, 1]})
    points = [mark for mark in marks if isinstance(mark, KeypointAnnotation)]
    assert [(mark.attributes, mark.instance_id) for mark in points] == [
        ({"keypoint": "eye"}, 1),
        ({"keypoint": "eye"}, 2),
        ({"keypoint": "nose"}, 2),
    ]
    assert sum(isinstance(mark, BBoxAnnotation) for mark in marks) == 2
    assert skipped == []


def test_a_single_point_without_extent_is_just_that(tmp_path: Path) -> None:
    (mark,), skipped = read(tmp_path, {"bbox": [3, 4, 0, 0], "keypoints": [3, 4, 2], "segmentation": []})
    assert (mark.keypoint, mark.instance_id, mark.attributes, skipped) == (Point(3, 4), None, [], [])


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"segmentation": {"counts": [1, 2], "size": [3, 4]}, "bbox": [0, 0, 1, 1]}, "run-length"),
        ({"iscrowd": 1, "bbox": [0, 0, 1, 1]}, "crowd"),
        ({"bbox": [0, 0, 0, 5]}, "no extent"),
        ({"bbox": [0, 0, -1, 5]}, "no extent"),
        ({"bbox": [0, 0, 1]}, "no extent"),
        ({}, "neither"),
        ({"segmentation": [[0, 0, 1, 1]]}, "three points"),
        ({"segmentation": [[0, 0, 1, 1, 2, 2, 3]]}, "three points"),
        ({"segmentation": ["x"]}, "list of numbers"),
        ({"category_id": 99, "bbox": [0, 0, 1, 1]}, "category 99"),
        ({"image_id": 99, "bbox": [0, 0, 1, 1]}, "image 99"),
    ],
)
def test_what_has_no_place_is_skipped_with_a_reason_and_stops_nothing(
    tmp_path: Path, annotation: dict[str, Any], reason: str
) -> None:
    marks, skipped = read(tmp_path, annotation, {"bbox": [1, 2, 3, 4]})
    assert len(marks) == 1
    assert len(skipped) == 1
    assert reason in skipped[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"images": []}',
        '{"images": 1, "annotations": [], "categories": []}',
        pytest.param('{"images": [], "more": ' + "[" * 100_000, id="nested without end"),
    ],
)
def test_a_file_that_is_not_coco_is_refused_before_anything_is_sent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InvalidArgument, match="not a COCO file"):
        coco.read_coco(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArgument):
        coco.read_coco(path)


def test_the_same_file_gives_the_same_ids(tmp_path: Path) -> None:
    path = written(tmp_path, {"bbox": [1, 2, 3, 4]}, {"segmentation": [SQUARE, BESIDE]})
    first, again = (convert(coco.read_coco(path)).annotations for _ in range(2))
    assert first == again
    assert len({mark.id for mark in first[1]}) == 3


def image(path: str, number: int) -> Image:
    from datetime import UTC, datetime

    folder, _, name = path.rpartition("/")
    return Image(id=f"id-{number}", filename=name, folder_path=folder or "/", created_at=datetime.now(UTC))


@pytest.mark.parametrize(
    ("file_name", "path", "expected"),
    [
        ("a.jpg", None, "id-0"),
        ("/cars/a.jpg", None, "id-1"),
        ("images/cars/a.jpg", None, "id-1"),
        ("cars\\a.jpg", None, "id-1"),
        ("./cars/a.jpg", None, "id-1"),
        ("anything.jpg", "/cars/a.jpg", "id-1"),
        ("/somewhere/else/only.jpg", None, "id-2"),
        ("elsewhere/a.jpg", None, None),  # there are two of that name
        ("nowhere.jpg", None, None),
        ("cafe\u0301/e\u0301.jpg", None, "id-3"),  # taken apart, as some file systems do
        ("anything.jpg", "/cafe\u0301/e\u0301.jpg", "id-3"),
    ],
)
def test_an_image_is_found_by_its_path_or_by_a_name_that_is_the_only_one(
    file_name: str, path: str | None, expected: str | None
) -> None:
    matcher = Matcher()
    for number, place in enumerate(["/a.jpg", "/cars/a.jpg", "/bikes/only.jpg", "/caf\u00e9/\u00e9.jpg"]):
        matcher.add(image(place, number))
    assert matcher.find(CocoImage(1, file_name, path)) == expected


def test_two_of_the_files_images_that_are_one_of_the_datasets_are_saved_together(tmp_path: Path) -> None:
    box = {"category_id": 7, "bbox": [1, 2, 3, 4], "uuid": "same"}
    path = written(
        tmp_path,
        images=[
            {"id": 1, "file_name": "a.jpg"},
            {"id": 2, "file_name": "images/a.jpg"},
            {"id": 3, "file_name": "b"},
        ],
        annotations=[{"image_id": number, **box} for number in (1, 2, 3)],
    )
    file = coco.read_coco(path)
    converted = convert(file)
    matcher = Matcher()
    matcher.add(image("/a.jpg", 0))
    meant, unmatched = matched(file, converted, matcher)
    ((save,),) = batches(meant, converted)
    assert (save.image_id, unmatched) == ("id-0", ["b"])
    assert len({mark["id"] for mark in save.annotations}) == 2


def test_a_request_has_as_much_as_a_server_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 450
    path = written(
        tmp_path,
        images=[{"id": n, "file_name": f"{n}.jpg"} for n in range(count)],
        annotations=[{"image_id": n, "category_id": 7, "bbox": [1, 2, 3, 4]} for n in range(count)],
    )
    file = coco.read_coco(path)
    converted = convert(file)
    meant = {f"id-{n}": [each] for n, each in enumerate(file.images)}
    assert [len(batch) for batch in batches(meant, converted)] == [200, 200, 50]
    monkeypatch.setattr(coco, "MOST_BYTES", 1)
    assert [len(batch) for batch in batches(meant, converted)] == [1] * count


def test_new_classes_have_a_type_where_it_is_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"bbox": [1, 2, 3, 4]},
        {"category_id": 8, "bbox": [1, 2, 3, 4]},
        {"category_id": 8, "segmentation": [SQUARE]},
    )
    converted = convert(coco.read_coco(path))
    assert [(each.name, each.type) for each in new_classes(converted, [])] == [
        ("car", "bbox"),
        ("face", None),
    ]
    assert [each.name for each in new_classes(converted, ["car"])] == ["face"]
