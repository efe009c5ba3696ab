"""Datasets and their folders from the command line, against a running server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.testing.live import LiveServer

from .conftest import QuickShell, Shell

Files = Callable[[int], Path]
BOX = {"name": "car", "type": "bbox", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}


@pytest.fixture
def cars(shell: Shell, some_files: Files, request: pytest.FixtureRequest) -> str:
    """A dataset of the test's own, with 0.jpg to 2.jpg in /in/red; 0.jpg has an annotation."""
    name = request.node.name
    assert shell("upload", name, some_files(3), "--folder", "/in/red").code == 0
    image = f"{name}:/in/red/0.jpg"
    assert shell("annotations", "save", image, "-", stdin=json.dumps([BOX])).code == 0
    return name


def looking(server: LiveServer, role: str) -> Shell:
    key = server.create_key("Shell", role)["api_key"]
    return QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)


def test_a_dataset_is_made_shown_and_changed(shell: Shell) -> None:
    words = ("--description", "By [the] gate", "--type", "polygon", "--class", "car", "--class", "lorry")
    made = shell("dataset", "create", "gate", *words, "--json")
    assert (made.code, made.json["name"], made.json["annotation_types"]) == (0, "gate", ["polygon"])
    assert [each["name"] for each in made.json["classes"]] == ["car", "lorry"]
    assert shell("dataset", "create", "gate").code == 5
    shown = shell("dataset", "show", "gate").out
    assert "By [the] gate" in shown
    assert "car, lorry" in shown
    assert shell("dataset", "update", "gate").code == 2
    assert shell("dataset", "update", "gate", "--type", "cube").code == 6
    done = shell("dataset", "update", "gate", "--name", "door", "--description", "", "--json").json
    assert (done["name"], done["description"], done["id"]) == ("door", None, made.json["id"])
    assert shell("dataset", "show", "gate").code == 4
    assert shell("dataset", "show", made.json["id"], "--json").json["name"] == "door"
    assert "door" in shell("dataset", "list").out


def test_an_archived_dataset_is_listed_apart_and_comes_back(shell: Shell, cars: str) -> None:
    assert "is archived" in shell("dataset", "archive", cars).out
    assert cars not in shell("dataset", "list").out
    [found] = shell("dataset", "list", "--archived", "--json").json["datasets"]
    assert (found["name"], found["is_archived"]) == (cars, True)
    back = shell("dataset", "restore", cars)
    assert (back.code, "3 images" in back.out) == (0, True)
    assert shell("dataset", "list", "--archived", "--json").json == {"datasets": []}


def test_deleting_a_dataset_says_how_much_that_is_and_asks(
    shell: Shell, server: LiveServer, cars: str
) -> None:
    shell("rm", cars, "--name", "1.jpg")
    refused = shell("dataset", "delete", cars, stdin="n\n")
    assert refused.code == 2
    assert "3 images" in refused.err
    assert shell("dataset", "delete", cars).code == 2  # nobody there to ask
    assert looking(server, "member")("dataset", "delete", cars, "--yes").code == 3
    assert shell("dataset", "show", cars, "--json").json["image_count"] == 2
    gone = shell("dataset", "delete", cars, "--yes", "--json")
    assert (gone.code, gone.json["name"], gone.json["images_deleted"]) == (0, cars, 3)
    assert shell("dataset", "show", cars).code == 4
    assert shell("dataset", "delete", cars, "--yes").code == 4


def test_insights_are_figures_and_bars(shell: Shell, cars: str) -> None:
    said = shell("dataset", "insights", cars)
    assert said.code == 0
    assert "3 images" in said.out
    for words in ("Images by status", "Annotations by class", "car", "64x48", "█", "100 %"):
        assert words in said.out
    found = shell("dataset", "insights", cars, "--json").json
    assert (found["total_images"], found["class_annotation_counts"]) == (3, {"car": 1})
    shell("dataset", "create", f"{cars} 2")
    empty = shell("dataset", "insights", f"{cars} 2")
    assert (empty.code, "0 images" in empty.out, "█" in empty.out) == (0, True, False)
    assert shell("dataset", "insights", "nowhere").code == 4


def test_images_that_look_alike_are_shown_in_groups(shell: Shell, cars: str) -> None:
    assert shell("cp", cars, "--to", "/copy", "--name", "0.jpg").code == 0
    said = shell("dataset", "duplicates", cars, "--threshold", "0.99")
    assert said.code == 0
    assert "1 group with" in said.out
    assert "/copy/0.jpg" in said.out
    assert "/in/red/0.jpg" in said.out
    found = shell("dataset", "duplicates", cars, "--sample", "2", "--json").json
    assert (found["analyzed"], found["sample_capped"]) == (2, True)
    assert "newest 2 of 4" in shell("dataset", "duplicates", cars, "--sample", "2").out
    assert "No two" in shell("dataset", "duplicates", cars, "--folder", "/copy").out
    assert shell("dataset", "duplicates", cars, "--threshold", "7").code == 6


def test_a_dataset_is_downloaded_with_its_folders(shell: Shell, cars: str, tmp_path: Path) -> None:
    said = shell("dataset", "download", cars, tmp_path / "all", "--json")
    assert said.code == 0, said.err
    assert (said.json["images_downloaded"], said.json["annotations_downloaded"]) == (3, 3)
    original = (tmp_path / "pictures" / "0.jpg").read_bytes()
    assert (tmp_path / "all" / "in" / "red" / "0.jpg").read_bytes() == original
    document = tmp_path / "all" / "in" / "red" / "0.jpg.json"
    assert json.loads(document.read_text())["annotations"][0]["name"] == "car"
    again = shell("annotations", "save", f"{cars}:/in/red/1.jpg", document, "--json")
    assert (again.code, again.json["new_count"]) == (0, 1)
    only = shell("dataset", "download", cars, tmp_path / "labels", "--mode", "annotations_only")
    assert (only.code, "0 images and 3 annotation files" in only.out) == (0, True)
    assert not list((tmp_path / "labels").rglob("*.jpg"))
    assert shell("dataset", "download", "nowhere", tmp_path / "none").code == 4
    assert shell("dataset", "download", cars, document).code != 0  # a file is no folder


def test_folders_are_made_listed_drawn_and_counted(shell: Shell, cars: str) -> None:
    assert (
        shell("folder", "create", cars, "/out/[blue]/deep", "--json").json["full_path"] == "/out/[blue]/deep"
    )
    assert shell("folder", "create", cars, "/out/[blue]/deep").code == 0
    listed = shell("folder", "list", cars, "--json").json["folders"]
    paths = {"/in", "/in/red", "/out", "/out/[blue]", "/out/[blue]/deep"}
    assert paths <= {each["full_path"] for each in listed}
    [below] = shell("folder", "list", cars, "/in", "--json").json["folders"]
    assert (below["full_path"], below["image_count"]) == ("/in/red", 3)
    top = shell("folder", "list", cars, "/", "--json").json["folders"]
    assert {each["full_path"] for each in top} == {"/in", "/out"}
    assert "/out/[blue]/deep" in shell("folder", "list", cars).out
    drawn = shell("folder", "tree", cars).out
    assert "red/ 3 images" in drawn
    assert "└── [blue]/" in drawn
    assert shell("folder", "tree", cars, "--json").json["folders"]
    assert shell("folder", "stats", cars, "/in", "--json").json["total_images"] == 3
    assert shell("folder", "stats", cars, "/in", "--no-recursive", "--json").json["total_images"] == 0
    assert "3 images" in shell("folder", "stats", cars).out
    assert shell("folder", "stats", cars, "/nowhere").code == 4


def test_a_folder_is_renamed_with_what_is_in_it(shell: Shell, cars: str) -> None:
    said = shell("folder", "rename", cars, "/in/red", "crimson")
    assert (said.code, "/in/crimson" in said.out) == (0, True)
    assert len(shell("ls", cars, "/in/crimson", "--json").json["items"]) == 3
    shell("folder", "create", cars, "/in/blue")
    assert shell("folder", "rename", cars, "/in/blue", "crimson").code == 5


def test_deleting_a_folder_asks_and_its_images_go_up(shell: Shell, cars: str) -> None:
    assert shell("folder", "delete", cars, "/in/red", "--yes").code == 6  # there are images
    refused = shell("folder", "delete", cars, "/in/red", "--cascade", stdin="n\n")
    assert (refused.code, "go to the folder above" in refused.err) == (2, True)
    gone = shell("folder", "delete", cars, "/in/red", "--cascade", "--yes", "--json")
    assert (gone.code, gone.json["images_moved"]) == (0, 3)
    assert len(shell("ls", cars, "/in", "--json").json["items"]) == 3
    assert shell("undo", gone.json["operation_id"]).code == 0
    assert len(shell("ls", cars, "/in/red", "--json").json["items"]) == 3
    shell("folder", "create", cars, "/empty")
    assert shell("folder", "delete", cars, "/empty", stdin="y\n").code == 0
    assert shell("folder", "delete", cars, "/empty", "--yes").code == 4


def test_who_may_only_look_changes_nothing(shell: Shell, server: LiveServer, cars: str) -> None:
    viewer = looking(server, "viewer")
    assert viewer("dataset", "insights", cars).code == 0
    assert viewer("folder", "tree", cars).code == 0
    for words in (
        ("dataset", "create", "more"),
        ("dataset", "update", cars, "--name", "other"),
        ("dataset", "archive", cars),
        ("folder", "create", cars, "/new"),
        ("folder", "delete", cars, "/in/red", "--cascade", "--yes"),
        ("split", cars),
    ):
        assert viewer(*words).code == 3
    assert shell("folder", "stats", cars, "/in/red", "--json").json["total_images"] == 3
