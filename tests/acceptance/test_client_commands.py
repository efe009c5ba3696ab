"""The commands that work with a library, against a running server."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import picture

from .conftest import QuickShell, Shell

UNKNOWN = "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14"
Files = Callable[[int], Path]


@pytest.fixture
def cars(shell: Shell, some_files: Files, request: pytest.FixtureRequest) -> str:
    """A dataset of the test's own, with 0.jpg to 5.jpg in /in."""
    name = request.node.name
    assert shell("upload", name, some_files(6), "--folder", "/in").code == 0
    return name


def names(shell: Shell, dataset: str, folder: str = "/", *more: str) -> list[str]:
    listed = shell("ls", dataset, folder, "--json", *more).json["items"]
    return sorted(f"{each['folder'].rstrip('/')}/{each['name']}" for each in listed)


def ids(shell: Shell, dataset: str) -> list[str]:
    return [each["id"] for each in shell("ls", dataset, "-r", "--json").json["items"]]


def test_a_large_picture_is_uploaded_without_a_warning(
    server: LiveServer, shell: QuickShell, tmp_path: Path
) -> None:
    Image.new("1", (9500, 9500)).save(tmp_path / "large.png")
    process = Shell(**shell.environment)
    sent = process("upload", "huge", tmp_path / "large.png", "--json")
    assert (sent.json["uploaded"], sent.err) == (1, "")


def test_a_tree_is_uploaded_flat_or_as_it_is_and_again_only_what_is_missing(
    shell: Shell, tmp_path: Path
) -> None:
    for number, name in enumerate(("a.jpg", "red/b.jpg", "red/deep/c.png")):
        place = tmp_path / "tree" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(picture("png" if name.endswith("png") else "jpeg", seed=number))
    (tmp_path / "tree" / "notes.txt").write_text("no picture")
    assert shell("upload", "flat", tmp_path / "tree", "--folder", "/all").code == 0
    assert names(shell, "flat", "/", "-r") == ["/all/a.jpg", "/all/b.jpg", "/all/c.png"]
    kept = shell("upload", "kept", tmp_path / "tree", "--preserve-structure", "--json")
    assert (kept.json["uploaded"], kept.json["failed"]) == (3, 0)
    assert names(shell, "kept", "/", "-r") == ["/a.jpg", "/red/b.jpg", "/red/deep/c.png"]
    again = shell("upload", "kept", tmp_path / "tree", "--preserve-structure", "--skip-existing", "--json")
    assert (again.code, again.json["uploaded"], again.json["skipped"]) == (0, 0, 3)


def test_one_bad_file_stops_no_other_and_is_named(shell: Shell, some_files: Files) -> None:
    folder = some_files(3)
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (folder / os.fsdecode(b"caf\xe9.jpg")).touch()  # a name that is no UTF-8
    said = shell("upload", "mixed", folder, "--json")
    assert said.code == 1
    assert (said.json["files"], said.json["uploaded"], said.json["failed"]) == (5, 3, 2)
    broken, nameless = (each["path"] for each in said.json["failures"])
    assert broken.endswith("broken.jpg")
    assert nameless.endswith(r"caf\udce9.jpg")
    assert "broken.jpg" in shell("upload", "mixed", folder, "--skip-existing").out


def test_what_is_not_there_is_said_before_anything_is_sent(shell: Shell, tmp_path: Path) -> None:
    assert "does not exist" in shell("upload", "never", tmp_path / "nothing").err
    (tmp_path / "empty").mkdir()
    assert shell("upload", "never", tmp_path / "empty").code == 2
    assert shell("ls", "never").code == 4


def test_a_move_by_filter_is_tried_made_and_undone(shell: Shell, cars: str) -> None:
    tried = shell("mv", cars, "--to", "/out", "--folder", "/in", "--name", "[012].jpg", "--dry-run", "--json")
    assert (tried.code, tried.json["total"]) == (0, 0)  # brackets stand for themselves
    tried = shell("mv", cars, "--to", "/out", "--folder", "/in", "--dry-run", "--json")
    assert (tried.json["dry_run"], tried.json["outcomes"]) == (True, {"done": 6})
    assert names(shell, cars, "/out") == []
    moved = shell("mv", cars, "--to", "/out", "--folder", "/in", "--name", "?.jpg", "--json")
    assert (moved.code, moved.json["succeeded"]) == (0, 6)
    assert len(names(shell, cars, "/out")) == 6
    undone = shell("undo", moved.json["id"], "--json")
    assert (undone.code, undone.json["verb"], undone.json["undo_of"]) == (0, "undo", moved.json["id"])
    assert len(names(shell, cars, "/in")) == 6


def test_ids_come_as_arguments_and_through_a_pipe(shell: Shell, cars: str) -> None:
    one, two, *_ = ids(shell, cars)
    mixed = shell("mv", cars, "--to", "/out", one, UNKNOWN, "--json")
    assert (mixed.code, mixed.json["outcomes"]) == (1, {"done": 1, "not_found": 1})
    piped = shell("mv", cars, "--to", "/out", "--from-file", "-", "--json", stdin=f"{two}\n# no more\n")
    assert (piped.code, piped.json["total"]) == (0, 1)
    assert "not_found" in shell("mv", cars, "--to", "/out", UNKNOWN).out


def test_a_pipe_between_processes(shell: Shell, cars: str) -> None:
    apart = Shell(**shell.environment)
    listed = apart("ls", cars, "-r", "--name", "0.jpg", "--json")
    said = apart("rm", cars, "--from-file", "-", stdin="".join(each["id"] for each in listed.json["items"]))
    assert said.code == 0
    assert "Archived 1 of 1" in said.out
    assert "\x1b" not in said.out + said.err


def test_what_failed_is_tried_again(shell: Shell, cars: str) -> None:
    shell("cp", cars, "--to", "/out", "--folder", "/in")
    skipped = shell("cp", cars, "--to", "/out", "--folder", "/in", "--duplicates", "skip", "--json")
    assert (skipped.code, skipped.json["outcomes"]) == (1, {"skipped": 6})
    again = shell("cp", cars, "--to", "/elsewhere", "--failed-of", skipped.json["id"], "--json")
    assert (again.code, again.json["succeeded"]) == (0, 6)


def test_all_or_nothing_is_a_conflict(shell: Shell, cars: str) -> None:
    shell("cp", cars, "--to", "/out", "--name", "0.jpg")
    said = shell("cp", cars, "--to", "/out", "--folder", "/in", "--duplicates", "fail")
    assert said.code == 5
    assert names(shell, cars, "/out") == ["/out/0.jpg"]


def test_copies_go_to_another_dataset(shell: Shell, cars: str, tmp_path: Path) -> None:
    assert shell("upload", "second", tmp_path / "pictures" / "0.jpg").code == 0
    assert shell("cp", cars, "--to", "/from-the-first", "--to-dataset", "second", "--all").code == 0
    assert len(names(shell, "second", "/from-the-first")) == 6


def test_fields_are_set_where_the_status_was(shell: Shell, cars: str) -> None:
    assert shell("set", cars, "--status", "review", "--split", "train", "--name", "0.jpg").code == 0
    changed = shell(
        "set", cars, "--split", "none", "--display-name", "Nought", "--where-status", "review", "--json"
    )
    assert changed.json["total"] == 1
    [found] = shell("ls", cars, "-r", "--status", "review", "--json").json["items"]
    assert (found["split"], found["display_name"]) == (None, "Nought")
    assert shell("set", cars, "--all").code == 2


def test_tags_are_given_found_by_and_taken_back(shell: Shell, cars: str) -> None:
    assert shell("set", cars, "--tag", "night", "--tag", "fog", "--name", "0.jpg").code == 0
    assert shell("set", cars, "--tag", "night", "--name", "1.jpg").code == 0
    assert names(shell, cars, "/", "-r", "--tag", "night") == ["/in/0.jpg", "/in/1.jpg"]
    assert names(shell, cars, "/", "-r", "--tag", "night", "--tag", "fog") == ["/in/0.jpg"]
    assert "/in/0.jpg  #fog  #night" in shell("ls", cars, "-r").out
    tried = shell(
        "set", cars, "--untag", "night", "--tag", "day", "--where-tag", "fog", "--dry-run", "--json"
    )
    assert (tried.code, tried.json["outcomes"]) == (0, {"done": 1})
    changed = shell("set", cars, "--untag", "night", "--tag", "day", "--where-tag", "fog", "--json").json
    [found] = shell("ls", cars, "-r", "--name", "0.jpg", "--json").json["items"]
    assert found["tags"] == ["day", "fog"]
    assert shell("undo", changed["id"]).code == 0
    assert names(shell, cars, "/", "-r", "-t", "night") == ["/in/0.jpg", "/in/1.jpg"]
    assert shell("mv", cars, "--to", "/dark", "--tag", "night", "--json").json["succeeded"] == 2


def test_a_tag_that_is_empty_is_refused(shell: Shell, cars: str) -> None:
    assert "is empty" in shell("rm", cars, "--tag", "").err
    assert shell("rm", cars, "--tag", "night", "--all").code == 2
    assert shell("set", cars, "--tag", "", "--all").code == 6
    assert shell("set", cars, "--tag", "a", "--untag", "a", "--all").code == 6
    assert len(names(shell, cars, "/", "-r")) == 6


def test_a_copy_elsewhere_has_all_that_its_original_has_if_asked(
    shell: Shell, cars: str, tmp_path: Path
) -> None:
    marked = ("--tag", "night", "--split", "val", "--status", "review")
    assert shell("set", cars, *marked, "--name", "0.jpg").code == 0
    other = f"{cars} 2"
    assert shell("upload", other, tmp_path / "pictures" / "1.jpg").code == 0
    done = shell("cp", cars, "--to-dataset", other, "--tag", "night", "--with-annotations", "--json")
    assert (done.code, done.json["succeeded"]) == (0, 1)
    [copy] = shell("ls", other, "--name", "0.jpg", "--json").json["items"]
    assert (copy["tags"], copy["split"], copy["status"]) == (["night"], "val", "review")
    assert shell("cp", cars, "--to-dataset", other, "--name", "0.jpg", "--to", "/bare").code == 0
    [bare] = shell("ls", other, "/bare", "--json").json["items"]
    assert (bare["tags"], bare["split"], bare["status"]) == ([], None, "new")
    assert shell("cp", cars, "--all").code == 2  # to where?


def test_removing_archives_and_restoring_brings_back(shell: Shell, cars: str) -> None:
    assert shell("rm", cars, "--folder", "/in").code == 0
    assert names(shell, cars, "/", "-r") == []
    assert len(names(shell, cars, "/", "-r", "--archived")) == 6
    assert shell("restore", cars, "--name", "?.jpg").code == 0
    assert len(names(shell, cars, "/", "-r")) == 6


def test_purging_shows_the_count_and_asks(shell: Shell, cars: str) -> None:
    refused = shell("rm", cars, "--all", "--permanent", stdin="n\n")
    assert refused.code == 2
    assert "Remove 6 items" in refused.err
    assert shell("rm", cars, "--all", "--permanent").code == 2  # nobody there to ask
    assert len(names(shell, cars, "/", "-r")) == 6
    assert shell("rm", cars, "--name", "0.jpg", "--permanent", stdin="y\n").code == 0
    assert shell("rm", cars, "--folder", "/in").code == 0
    purged = shell("rm", cars, "--all", "--permanent", "--archived", "--yes", "--json")
    assert (purged.code, purged.json["succeeded"], purged.json["undoable"]) == (0, 5, False)
    assert shell("undo", purged.json["id"]).code in {5, 6}


def test_nothing_that_matches_is_no_failure(shell: Shell, cars: str) -> None:
    said = shell("rm", cars, "--folder", "/in", "--name", "no such", "--permanent")
    assert said.code == 0
    assert "Nothing matches" in said.out


def test_operations_are_listed_shown_and_reported(shell: Shell, cars: str, tmp_path: Path) -> None:
    done = shell("cp", cars, "--to", "/out", *ids(shell, cars), UNKNOWN, "--json").json
    newest = shell("ops", "list", "--limit", "1", "--json").json["operations"]
    assert [each["id"] for each in newest] == [done["id"]]
    assert done["id"] in shell("ops", "list").out
    assert shell("ops", "show", done["id"], "--json").json == done
    assert "6 of 7" in shell("ops", "show", done["id"]).out
    [failed] = shell("ops", "items", done["id"], "--outcome", "failed", "--json").json["items"]
    assert (failed["id"], failed["outcome"]) == (UNKNOWN, "not_found")
    assert (
        "/in/0.jpg" in shell("ops", "items", done["id"]).out
        or "/out/0.jpg" in shell("ops", "items", done["id"]).out
    )
    assert shell("ops", "report", done["id"], tmp_path / "all.csv", "--format", "csv").code == 0
    assert len(list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))) == 7
    assert shell("ops", "watch", done["id"], "--json").code == 1
    for word in ("pause", "resume", "cancel"):
        assert shell("ops", word, done["id"]).code == 5
    assert shell("ops", "show", UNKNOWN).code == 4


def test_a_dataset_is_listed_with_its_folders(shell: Shell, cars: str) -> None:
    listed = shell("ls", cars)
    assert "/in/" in listed.out
    assert "6 items" in listed.out
    assert "/in/0.jpg" in shell("ls", cars, "/in").out
    assert len(names(shell, cars, "/in", "--limit", "2")) == 2
    assert cars in shell("ls").out


def test_a_role_that_does_not_reach_so_far_ends_with_3(shell: Shell, server: LiveServer, cars: str) -> None:
    viewer = server.create_key("Shell", "viewer")["api_key"]
    looking = QuickShell(STACKROOM_API_KEY=viewer, STACKROOM_BASE_URL=server.url)
    assert looking("ls", cars).code == 0
    said = looking("rm", cars, "--all", "--json")
    assert said.code == 3
    assert said.out == ""
    assert json.loads(said.err)["error"]["status"] == 403


def test_anothers_dataset_is_not_there(shell: Shell, server: LiveServer, cars: str) -> None:
    other = QuickShell(
        STACKROOM_API_KEY=server.create_organization("Other")["api_key"], STACKROOM_BASE_URL=server.url
    )
    assert other("ls", cars).code == 4
    assert other("rm", cars, "--all").code == 4
    foreign = ids(shell, cars)[0]
    assert other("ops", "show", foreign).code == 4


def test_a_large_operation_is_followed_to_its_end_and_undone(shell: Shell, some_files: Files) -> None:
    """Above 10,000 items an operation runs on after its first answer, chunk by chunk."""
    assert shell("upload", "large", some_files(11)).code == 0
    for doubling in range(10):
        assert shell("cp", "large", "--to", f"/{doubling}", "--all").code == 0
    done = shell("set", "large", "--status", "review", "--all", "--json")
    assert (done.code, done.json["state"], done.json["outcomes"]) == (0, "finished", {"done": 11 * 1024})
    undone = shell("undo", done.json["id"])
    assert undone.code == 0
    assert "Undid 11264 of 11264" in undone.out
    assert names(shell, "large", "/", "-r", "--status", "review") == []
