"""Files of annotations: what is read, and what is refused before anything is sent."""

import json
from pathlib import Path

import pytest

from stackroom.cli.documents import annotations_in, read, saves_in, written
from stackroom.cli.exits import ExitCode, Refused

BOX = {"name": "car", "type": "bbox", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}
ONE, TWO = {"image_id": "a", "annotations": [BOX]}, {"image_id": "b", "annotations": []}
BOTH = {"a": [BOX], "b": []}


@pytest.mark.parametrize(
    "document", [[BOX], {"annotations": [BOX]}, {"image": "a.jpg", "annotations": [BOX]}]
)
def test_annotations_of_one_image_are_a_list_or_in_an_object(document: object) -> None:
    assert annotations_in(json.dumps(document).encode(), "x.json") == [BOX]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"{}",
        b"7",
        b"[1]",
        b'{"annotations": null}',
        b'{"annotations": {}}',
        b"[" * 99_999,
        b'"\xff"',
    ],
)
def test_what_are_no_annotations_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match=r"x\.json cannot be read as annotations") as refused:
        annotations_in(body, "x.json")
    assert refused.value.exit_code == ExitCode.INVALID


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(BOTH),
        json.dumps(BOTH, indent=2),
        json.dumps([ONE, TWO], indent=2),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n",
        f"\n{json.dumps(ONE)}\r\n\n{json.dumps(TWO)}",
    ],
)
def test_annotations_of_many_images_are_an_object_a_list_or_lines(body: str) -> None:
    assert saves_in(body.encode(), "-") == BOTH


def test_a_single_line_is_one_image_and_not_an_image_called_image_id() -> None:
    assert saves_in(json.dumps(ONE).encode(), "-") == {"a": [BOX]}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "malformed|truncated|no images"),
        ("[]", "no images"),
        ("{}", "no images"),
        ("7", "Expected"),
        ("[7]", "no list of objects"),
        ('[{"annotations": []}]', "image 1 has no image_id"),
        ('{"": []}', "no image_id"),
        ('{"a": 7}', "image a"),
        ('{"a": [7]}', "image a"),
        ('[{"image_id": "a"}]', "image a"),
        (f"{json.dumps(ONE)}\n{json.dumps(ONE)}", "stands there twice"),
        (f"{json.dumps(ONE)}\n[", r"\[1\]|malformed|truncated"),
    ],
)
def test_a_file_that_is_not_wholly_clear_is_refused_as_a_whole(body: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        saves_in(body.encode(), "-")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written(tmp_path / "deep" / "x.json", ONE)
    body = read(str(tmp_path / "deep" / "x.json"))
    assert annotations_in(body, "x.json") == [BOX]
    assert saves_in(body, "x.json") == {"a": [BOX]}
