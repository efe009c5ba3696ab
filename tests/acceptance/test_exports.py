"""Exporting from the command line, and bringing annotations in."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom import Client
from stackroom.testing.live import LiveServer

from .conftest import QuickShell, Shell

BOX = {"name": "car", "type": "bbox", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}


@pytest.fixture
def cars(shell: Shell, some_files: Callable[[int], Path], tmp_path: Path) -> str:
    """A dataset of this test's own, with two images, of which one has an annotation."""
    name = f"cars {tmp_path.name}"
    assert shell("upload", name, some_files(2), "--folder", "/in").code == 0
    with Client(
        shell.environment["STACKROOM_API_KEY"], base_url=shell.environment["STACKROOM_BASE_URL"]
    ) as sdk:
        images = {image.filename: image.id for image in sdk.images.iter(sdk.datasets.get(name).id)}
        sdk.annotations.save(images["0.jpg"], [{"id": "a", **BOX}])
    return name


def test_a_dataset_is_exported_to_a_file_and_nothing_stays_behind(
    shell: Shell, cars: str, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "cars.zip"
    said = shell("export", cars, "--format", "coco", "--images", "--output", target, "--json")
    assert said.code == 0, said.err
    assert (said.json["images"], said.json["annotations"], said.json["kept"]) == (2, 1, False)
    assert said.json["bytes"] == target.stat().st_size
    with zipfile.ZipFile(target) as found:
        assert sorted(found.namelist()) == [
            "annotations/instances.json",
            "images/in/0.jpg",
            "images/in/1.jpg",
        ]
    with Client(
        shell.environment["STACKROOM_API_KEY"], base_url=shell.environment["STACKROOM_BASE_URL"]
    ) as sdk:
        assert sdk.exports.list(dataset_name=cars) == []


def test_one_with_a_name_stays_and_is_fetched_again(shell: Shell, cars: str, tmp_path: Path) -> None:
    first = shell("export", cars, "--name", "nightly", "-o", tmp_path / "1.zip", "--json")
    again = shell("export", cars, "--name", "nightly", "-o", tmp_path / "2.zip")
    assert (first.code, first.json["kept"], again.code) == (0, True, 0)
    assert "already" in again.err
    assert "stays on the server" in again.out
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_filters_and_splits_are_options(shell: Shell, cars: str, tmp_path: Path) -> None:
    assert shell("set", cars, "--split", "val", "--name", "0.jpg").code == 0
    target = tmp_path / "x.zip"
    words = ("--by-split", "--class", "car", "--class", "bus", "--status", "new", "-f", "yolo", "-o", target)
    said = shell("export", cars, *words)
    assert said.code == 0
    assert "2 images and 1 annotations as yolo" in said.out
    with zipfile.ZipFile(target) as found:
        assert {"train/labels/in/1.txt", "valid/labels/in/0.txt", "data.yaml"} <= set(found.namelist())


def test_what_cannot_be_exported_ends_with_its_code(shell: Shell, cars: str, tmp_path: Path) -> None:
    assert shell("export", "nowhere", "-o", tmp_path / "x.zip").code == 4
    assert shell("export", cars, "--status", "done", "-o", tmp_path / "x.zip").code == 6
    assert shell("export", cars, "--format", "cvat", "-o", tmp_path / "x.zip").code == 2
    assert shell("export", cars, "-o", tmp_path).code == 2
    assert not (tmp_path / "x.zip").exists()


def test_a_member_may_export_and_leaves_the_export_behind(
    shell: Shell, server: LiveServer, cars: str, tmp_path: Path
) -> None:
    member = server.create_key("Shell", "member")["api_key"]
    said = QuickShell(STACKROOM_API_KEY=member, STACKROOM_BASE_URL=server.url)(
        "export", cars, "-o", tmp_path / "x.zip", "--json"
    )
    assert (said.code, said.json["kept"]) == (0, True)


def test_annotations_go_from_one_dataset_to_another(
    shell: Shell, cars: str, some_files: Callable[[int], Path], tmp_path: Path
) -> None:
    assert shell("export", cars, "--format", "coco", "-o", tmp_path / "x.zip").code == 0
    with zipfile.ZipFile(tmp_path / "x.zip") as found:
        found.extractall(tmp_path / "out")
    document = tmp_path / "out" / "annotations" / "instances.json"
    assert shell("upload", f"{cars} 2", tmp_path / "pictures", "--folder", "/in").code == 0
    said = shell("import-coco", f"{cars} 2", document, "--create-classes")
    assert said.code == 0
    assert "Saved 1 annotations of 1 images." in said.out
    assert "car" in said.out
    again = shell("import-coco", f"{cars} 2", document, "--json")
    assert (again.code, again.json["annotations_saved"], again.json["classes_created"]) == (0, 1, [])


def test_what_could_not_be_imported_is_named_and_ends_with_1(shell: Shell, cars: str, tmp_path: Path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "0.jpg"}, {"id": 2, "file_name": "nowhere.jpg"}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]},
            {"id": 2, "image_id": 1, "category_id": 1, "segmentation": {"counts": [], "size": []}},
            {"id": 3, "image_id": 2, "category_id": 1, "bbox": [1, 1, 2, 2]},
        ],
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    said = shell("import-coco", cars, path)
    assert said.code == 1
    assert "Saved 1 annotations" in said.out
    assert "nowhere.jpg" in said.out
    assert "run-length" in said.out
    path.write_text("[]")
    assert shell("import-coco", cars, path).code == 6
    assert shell("import-coco", cars, tmp_path / "no.json").code == 2
