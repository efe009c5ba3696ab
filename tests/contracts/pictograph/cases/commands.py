"""The clients' own command lines, as people type them."""

import json
import os
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from multiprocessing import get_context
from tempfile import TemporaryFile
from typing import Any
from unittest.mock import patch

from marks import since, until
from world import World, box

CONTEXT = get_context("fork")


class Ended:
    """What a command printed, and how it ended."""

    def __init__(self, code: int, text: bytes, error: bytes) -> None:
        self.code = code
        self.text = text.decode()
        self.error = error.decode()

    @property
    def json(self) -> Any:
        assert self.code == 0, self.error
        return json.loads(self.text)


@cache
def program() -> Callable[[], object]:
    """What the installed command calls, loaded once with all its words: that takes a second, a command a tenth."""
    import typer.main

    (found,) = entry_points(group="console_scripts", name="pictograph")
    loaded: Callable[[], object] = found.load()
    typer.main.get_command = cache(typer.main.get_command)
    typer.main.get_command(import_module(found.module).app)
    return loaded


def run(world: World, *words: object, role: str = "owner") -> Ended:
    """A command in a process of its own, with nothing from this one but the program's modules."""
    facts = {
        "PICTOGRAPH_BASE_URL": world.url,
        "PICTOGRAPH_API_KEY": world.keys[role],
        "HOME": str(world.folder),
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    with TemporaryFile() as text, TemporaryFile() as error, patch.dict(os.environ, facts):
        command = program()

        def enter() -> None:
            os.dup2(text.fileno(), 1)
            os.dup2(error.fileno(), 2)
            sys.argv = ["pictograph", *map(str, words)]
            sys.exit(command())

        process = CONTEXT.Process(target=enter)
        process.start()
        process.join(60)
        process.kill()
        assert process.exitcode is not None, words
        text.seek(0)
        error.seek(0)
        return Ended(process.exitcode, text.read(), error.read())


@since("1.60.0")
@until("1.60.0")
def test_case_75_the_older_command_line(world: World) -> None:
    made, path = world.dataset(), world.picture("f.png")
    image = run(world, "images", "upload", made.name, path, "-f", "/cars").json
    assert (image["filename"], image["width"]) == ("f.png", 8)
    listed = run(world, "images", "list", made.name)
    assert listed.code == 0
    assert "f.png" in listed.text
    missing = run(world, "projects", "get", "nope")
    assert (missing.code, missing.text) == (1, "")
    assert "nope" in missing.error
    assert run(world, "images", "split", image["id"], "val").code == 0
    assert run(world, "images", "tag", made.id, image["id"], "-t", "night").code == 0
    assert run(world, "images", "review", image["id"], "--request-changes", "-n", "loose").code == 0
    shown = world.raw("GET", f"/images/{image['id']}/metadata").json()["image"]
    assert [shown[each] for each in ("split", "tags", "status")] == ["val", ["night"], "annotate"]
    out = world.folder / made.id / "o.png"
    assert run(world, "images", "download", image["id"], "-o", out).code == 0
    assert out.read_bytes() == path.read_bytes()
    assert "cars" in run(world, "folders", "tree", made.id).text
    assert run(world, "datasets", "insights", made.name, "--json").json["total_images"] == 1
    assert run(world, "images", "delete", image["id"], "-y").code == 0
    assert world.owner.images(made, include_archived=True) == []


@since("1.60.0")
@until("1.60.0")
def test_case_75_the_older_command_line_takes_a_dataset_away(world: World) -> None:
    made = world.dataset(classes=[{"name": "lorry", "type": "bbox"}])
    world.owner.save(made, world.image(made), [box()])
    out = world.folder / made.id
    assert run(world, "datasets", "export", made.name, "-f", "coco", "-o", out / "export").code == 0
    assert run(world, "datasets", "download", made.name, "-o", out / "whole").code == 0
    assert (out / "whole" / "a.png").exists()
    assert run(world, "organizations", "me").code == 0
    assert made.name in run(world, "projects", "list", "-n", "200", "--json").text
    assert run(world, "projects", "delete", made.name, "-y").code == 0


@since("1.69.146")
def test_case_76_the_newer_command_line(world: World) -> None:
    made = world.dataset()
    for folder in ("/a", "/b"):
        world.image(made, "f.png", folder)
    moved = run(world, "images", "move", made.name, "--to", "/b", "--all").json
    assert (moved["processed"], moved["renamed"]) == (2, 1)
    assert world.owner.names(made, "/b") == ["f-1.png", "f.png"]
    missing = run(world, "datasets", "get", "nope", "--json")
    assert missing.code == 4
    error = json.loads(missing.error.strip().splitlines()[-1])["error"]
    assert (error["code"], error["exit_code"], error["status"]) == ("not_found", 4, 404)
    assert error["request_id"]


@since("1.69.146")
def test_case_76_the_newer_command_line_changes_many(world: World) -> None:
    made, gold = world.dataset(), world.dataset()
    ids = [world.image(made, f"{name}.png", "/a").id for name in "xy"]
    for words, wanted in (
        (("set-status", made.name, "--to", "review", "-f", "/a"), 2),
        (("copy", made.name, "--to", "/c", "--status", "review"), 2),
        (("copy", made.name, "--to-dataset", gold.name, "--images", ids[0]), 1),
        (("archive", made.name, "--images", ",".join(ids), "-y"), 2),
        (("restore", made.name, "--images", ids[1]), 1),
    ):
        assert run(world, "images", *words).json["processed"] == wanted
    assert world.owner.names(made) == ["x.png", "y.png", "y.png"]
    assert world.owner.names(gold) == ["x.png"]
    dry = run(world, "images", "move", made.name, "--to", "/z", "--all", "--dry-run")
    assert dry.code == 0
    assert world.owner.names(made, "/z") == []
    assert run(world, "images", "move", made.name, "--to", "/z").code != 0  # nothing selected


@since("1.69.146")
def test_case_76_the_newer_command_line_reaches_the_rest(world: World) -> None:
    name, root = world.name(), world.folder / world.name()
    (root / "cars" / "red").mkdir(parents=True)
    world.picture().rename(root / "cars" / "red" / "a.png")
    assert run(world, "datasets", "create", name).code == 0
    assert run(world, "images", "upload-directory", name, root).code == 0
    assert run(world, "images", "get", name, "a.png").json["directory_path"] == "/cars/red"
    assert run(world, "directories", "rename", name, "/cars", "lorries").code == 0
    assert run(world, "classes", "add", name, "lorry", "--type", "bbox").code == 0
    assert [each["name"] for each in run(world, "classes", "list", name, "--json").json] == ["lorry"]
    out = world.folder / name / "bundle.zip"
    assert run(world, "images", "download-bundle", name, "lorries/red/a.png", "-o", out).code == 0
    assert zipfile.is_zipfile(out)
    assert run(world, "api-keys", "list").code == 0
    assert run(world, "datasets", "update", name, "--new-name", f"{name} 2").code == 0
    assert run(world, "datasets", "archive", f"{name} 2").code == 0
    assert run(world, "datasets", "delete", f"{name} 2", "-y").code == 0


@since("1.69.146")
def test_case_76_every_refusal_has_its_exit_code(world: World) -> None:
    made = world.dataset()
    unknown = {**world.keys, "owner": "pk_live_nobody"}
    other = World(world.url, unknown)
    assert run(other, "datasets", "list").code == 2
    assert run(world, "datasets", "create", "x", role="viewer").code == 3
    assert run(world, "datasets", "create", made.name).code == 5
    assert run(world, "datasets", "create", "a/b").code == 6
