"""Single images, their annotations and classes, and finding them, from the command line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackroom.testing.live import LiveServer

from .conftest import QuickShell, Shell

UNKNOWN = "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14"
Files = Callable[[int], Path]


def box(name: str = "car") -> dict[str, Any]:
    return {"name": name, "type": "bbox", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}


@pytest.fixture
def cars(shell: Shell, some_files: Files, request: pytest.FixtureRequest) -> str:
    """A dataset of the test's own, with 0.jpg to 3.jpg in /in."""
    name = request.node.name
    assert shell("upload", name, some_files(4), "--folder", "/in").code == 0
    return name


def found(shell: Shell, dataset: str, *words: str) -> dict[str, dict[str, Any]]:
    """The items of a dataset by their names."""
    return {each["name"]: each for each in shell("ls", dataset, "-r", *words, "--json").json["items"]}


def test_one_image_is_brought_by_its_place_or_its_id(
    shell: Shell, cars: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = (tmp_path / "pictures" / "0.jpg").read_bytes()
    monkeypatch.chdir(tmp_path)
    said = shell("get", f"{cars}:/in/0.jpg", "--json")
    assert (said.code, said.json["path"], said.json["bytes"]) == (0, "0.jpg", len(original))
    assert (tmp_path / "0.jpg").read_bytes() == original
    (tmp_path / "here").mkdir()
    assert shell("get", said.json["image_id"], "-o", tmp_path / "here").code == 0
    assert shell("get", said.json["image_id"], "-o", tmp_path / "new" / "x.jpg").code == 0
    assert shell("get", said.json["image_id"], "-o", f"{tmp_path}/folder/").code == 0
    assert (tmp_path / "folder" / "0.jpg").read_bytes() == original
    assert (tmp_path / "here" / "0.jpg").read_bytes() == original
    assert (tmp_path / "new" / "x.jpg").read_bytes() == original
    assert shell("get", said.json["image_id"], "--bundle").code == 0
    with zipfile.ZipFile(tmp_path / "0.jpg.zip") as bundle:
        assert any(bundle.read(each) == original for each in bundle.namelist())


@pytest.mark.parametrize(
    "image", ["{cars}:/in/9.jpg", "{cars}:/0.jpg", "nowhere:/in/0.jpg", UNKNOWN], ids=range(4)
)
def test_an_image_that_is_not_there_is_not_found(shell: Shell, cars: str, tmp_path: Path, image: str) -> None:
    named = image.format(cars=cars)
    for words in (
        ("get", named, "-o", tmp_path / "x.jpg"),
        ("review", named, "--approve"),
        ("annotations", "get", named),
        ("search", "similar", named),
    ):
        assert shell(*words).code == 4
    assert not (tmp_path / "x.jpg").exists()


def test_an_image_is_approved_or_sent_back_with_a_note(shell: Shell, cars: str) -> None:
    image = f"{cars}:/in/0.jpg"
    sent_back = shell("review", image, "--request-changes", "--note", "box too [loose]")
    assert (sent_back.code, "box too [loose]" in sent_back.out) == (0, True)
    approved = shell("review", image, "--approve", "--json")
    assert (approved.code, approved.json["status"]) == (0, "complete")
    assert set(found(shell, cars, "--status", "complete")) == {"0.jpg"}
    assert shell("review", image).code == 2


def test_a_dataset_is_divided_and_the_same_seed_divides_it_alike(shell: Shell, cars: str) -> None:
    done = shell("split", cars, "--train", "50", "--val", "25", "--test", "25", "--json")
    assert done.code == 0
    assert [done.json[each] for each in ("processed", "train", "val", "test")] == [4, 2, 1, 1]
    first = {name: each["split"] for name, each in found(shell, cars).items()}
    shell("set", cars, "--split", "none", "--all")
    said = shell("split", cars, "--train", "50", "--val", "25", "--test", "25")
    assert "4 images: 2 train, 1 val, 1 test" in said.out
    assert {name: each["split"] for name, each in found(shell, cars).items()} == first
    assert shell("split", cars, "--train", "90").code == 6
    assert shell("split", cars, "--train", "900").code == 2


def test_annotations_are_saved_shown_written_and_deleted(shell: Shell, cars: str, tmp_path: Path) -> None:
    image, other = f"{cars}:/in/0.jpg", f"{cars}:/in/1.jpg"
    saved = shell("annotations", "save", image, stdin=json.dumps([box(), box("[lorry]")]))
    assert (saved.code, "2 annotations now; it had 0" in saved.out) == (0, True)
    shown = shell("annotations", "get", image).out
    assert "[lorry]" in shown
    assert "bbox" in shown
    target = tmp_path / "deep" / "0.json"
    assert shell("annotations", "get", image, "-o", target).code == 0
    document = shell("annotations", "get", image, "--json").json
    assert json.loads(target.read_text()) == document
    assert [each["name"] for each in document["annotations"]] == ["car", "[lorry]"]
    assert shell("annotations", "save", other, target, "--json").json["new_count"] == 2
    assert shell("annotations", "delete", other, stdin="n\n").code == 2
    gone = shell("annotations", "delete", other, "--yes", "--json")
    assert (gone.code, gone.json["deleted_count"]) == (0, 2)
    assert shell("annotations", "get", other, "--json").json["annotations"] == []


def test_annotations_that_cannot_be_leave_those_that_are(shell: Shell, cars: str, tmp_path: Path) -> None:
    image = f"{cars}:/in/0.jpg"
    shell("annotations", "save", image, stdin=json.dumps([box()]))
    wrong = {"name": "car", "type": "bbox", "bounding_box": {"x": 1}}
    assert shell("annotations", "save", image, stdin=json.dumps([box(), wrong])).code == 6
    assert shell("annotations", "save", image, stdin="nothing").code == 6
    assert shell("annotations", "save", image, tmp_path / "no.json").code == 2
    assert len(shell("annotations", "get", image, "--json").json["annotations"]) == 1


def test_many_images_are_saved_each_with_its_own_outcome(shell: Shell, cars: str, tmp_path: Path) -> None:
    ids = [each["id"] for each in found(shell, cars).values()]
    lines = [{"image_id": each, "annotations": [box()]} for each in ids]
    lines += [{"image_id": UNKNOWN, "annotations": []}]
    file = tmp_path / "predictions.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    said = shell("annotations", "bulk-save", file, "--json")
    assert (said.code, said.json["images"], len(said.json["saved"])) == (1, 5, 4)
    [failed] = said.json["failed"]
    assert failed["image_id"] == UNKNOWN
    again = shell("annotations", "bulk-save", "-", stdin=json.dumps({each: [box()] for each in ids}))
    assert (again.code, "4 annotations of 4 of 4 images" in again.out) == (0, True)
    assert UNKNOWN in shell("annotations", "bulk-save", file).out


def test_more_images_than_a_request_takes_are_saved_in_several(shell: Shell, some_files: Files) -> None:
    assert shell("upload", "several", some_files(26)).code == 0
    for doubling in range(4):
        assert shell("cp", "several", "--to", f"/{doubling}", "--all").code == 0
    ids = [each["id"] for each in shell("ls", "several", "-r", "--json").json["items"]]
    body = json.dumps({each: [box()] for each in [*ids, UNKNOWN]})
    said = shell("annotations", "bulk-save", "--json", stdin=body)
    assert (said.code, len(ids)) == (1, 416)
    assert {each["image_id"] for each in said.json["saved"]} == set(ids)
    assert len(said.json["failed"]) == 1
    assert shell("classes", "list", "several", "--json").json["classes"][0]["images"] == 416


def test_classes_are_counted_renamed_merged_and_deleted(shell: Shell, cars: str) -> None:
    image = f"{cars}:/in/0.jpg"
    shell("annotations", "save", image, stdin=json.dumps([box(), box("lorry"), box("lorry"), box("bus")]))
    listed = shell("classes", "list", cars, "--json").json["classes"]
    counts = {each["name"]: each["annotations"] for each in listed}
    assert counts == {"car": 1, "lorry": 2, "bus": 1}
    assert "lorry" in shell("classes", "list", cars).out
    renamed = shell("classes", "rename", cars, "lorry", "truck", "--json")
    assert (renamed.code, renamed.json["annotations_updated"]) == (0, 2)
    assert shell("classes", "rename", cars, "truck", "bus").code == 5
    assert shell("classes", "merge", cars, "truck", "bus", stdin="n\n").code == 2
    assert "2 annotations" in shell("classes", "merge", cars, "truck", "bus", "--yes").out
    assert shell("classes", "delete", cars, "bus", "--with-annotations").code == 2
    gone = shell("classes", "delete", cars, "bus", "--with-annotations", "--yes", "--json")
    assert (gone.code, gone.json["annotations_updated"]) == (0, 3)
    [left] = shell("annotations", "get", image, "--json").json["annotations"]
    assert left["name"] == "car"
    assert shell("classes", "rename", cars, "tram", "x").code == 4


def test_images_are_found_by_likeness_and_by_tags(shell: Shell, cars: str) -> None:
    shell("cp", cars, "--to", "/in", "--name", "0.jpg")
    alike = shell("search", "similar", f"{cars}:/in/0.jpg", "--threshold", "0.99", "--limit", "1", "--json")
    assert [each["filename"] for each in alike.json["images"]] == ["0-2.jpg"]
    assert "0-2.jpg" in shell("search", "similar", f"{cars}:/in/0.jpg").out
    shell("set", cars, "--tag", f"{cars} [x]", "--tag", "night", "--name", "1.jpg")
    shell("set", cars, "--tag", "night", "--name", "2.jpg")
    tagged = shell("search", "tags", "night", f"{cars} [x]")
    assert (tagged.code, tagged.out.count(".jpg"), "[x]" in tagged.out) == (0, 1, True)
    both = shell("search", "tags", "night", "--dataset", cars, "--json").json["images"]
    assert {each["filename"] for each in both} == {"1.jpg", "2.jpg"}
    assert len(shell("search", "tags", "night", "-d", cars, "-n", "1", "--json").json["images"]) == 1
    assert shell("search", "tags").code == 2
    assert shell("search", "tags", "night", "--dataset", "nowhere").code == 4


def test_anothers_images_are_not_there(shell: Shell, server: LiveServer, cars: str) -> None:
    made = server.create_organization("Elsewhere")
    other = QuickShell(STACKROOM_API_KEY=made["api_key"], STACKROOM_BASE_URL=server.url)
    image = found(shell, cars)["0.jpg"]["id"]
    assert other("get", image).code == 4
    assert other("annotations", "save", image, stdin="[]").code == 4
    assert other("review", image, "--approve").code == 4
    said = other("annotations", "bulk-save", "--json", stdin=json.dumps({image: []}))
    assert (said.code, said.json["saved"]) == (1, [])
    assert other("classes", "list", cars).code == 4
    assert other("search", "similar", image).code == 4


def test_annotations_are_talked_about(shell: Shell, cars: str) -> None:
    image = f"{cars}:/in/0.jpg"
    assert shell("annotations", "save", image, stdin=json.dumps([{"id": "a-1", **box()}])).code == 0
    said = shell("comments", "add", image, "a-1", "[tighten] this", "--json").json
    answer = shell("comments", "add", image, "a-1", "done", "--answers", said["id"])
    assert (answer.code, "↳ done" in answer.out) == (0, True)
    assert "(settled)" in shell("comments", "resolve", said["id"]).out
    listed = shell("comments", "list", image)
    assert (listed.code, "[tighten] this (settled)" in listed.out) == (0, True)
    assert "(settled)" not in shell("comments", "resolve", said["id"], "--reopen").out
    assert shell("comments", "delete", said["id"], stdin="n\n").code != 0
    assert shell("comments", "delete", said["id"], "--yes", "--json").json["deleted"] is True
    assert "(deleted)" in shell("comments", "list", image).out
    assert len(shell("comments", "list", image, "--json").json["comments"]) == 2
    assert shell("comments", "add", image, "a-9", "nobody drew this").code == 4
