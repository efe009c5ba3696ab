"""A dataset taken elsewhere, in every format that is written here."""

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

from marks import since, until
from pictograph import ApiError, ForbiddenError, NotFoundError, ValidationError
from world import World, box, raises, recorded


def a_drawn_dataset(world: World) -> Any:
    made = world.dataset(classes=[{"name": "lorry", "type": "bbox"}, {"name": "ship", "type": "bbox"}])
    first, second = world.image(made, "a.png", "/x"), world.image(made, "b.png")
    world.owner.save(made, first, [box("lorry"), box("ship")])
    world.owner.save(made, second, [box("lorry")])
    world.owner.set(made.name, [first.id], status="complete")
    return made


def unpacked(world: World, made: Any, name: str) -> dict[str, bytes]:
    path = world.folder / uuid.uuid4().hex / "export.zip"
    written = world.owner.client.exports.download(made.name, name, path)
    with zipfile.ZipFile(Path(written)) as archive:
        assert archive.testzip() is None
        return {each: archive.read(each) for each in archive.namelist() if not each.endswith("/")}


def test_case_60_an_export_is_made_and_fetched_in_every_format(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    for number, kind in enumerate(("pictograph", "coco", "yolo", "pascal_voc", "csv")):
        name = f"v{number}"
        done = exports.create(made.name, name, format=kind, include_images=True, poll_interval=0.05)
        assert (done.status, done.format, done.name, done.image_count) == ("completed", kind, name, 2)
        held = unpacked(world, made, name)
        assert len([each for each in held if each.endswith(".png")]) == 2
        assert len(held) > 2, held
    coco = unpacked(world, made, "v1")
    documents = [json.loads(text) for each, text in coco.items() if each.endswith(".json")]
    assert sum(len(each.get("annotations", [])) for each in documents) == 3


def test_case_60_an_export_takes_what_was_asked_for(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    wanted = {"class_filter": ["lorry"], "status_filter": "complete"}
    done = exports.create(made.name, "part", format="coco", poll_interval=0.05, **wanted)
    assert (done.image_count, done.annotation_count) == (1, 1)
    assert [each for each in unpacked(world, made, "part") if each.endswith(".png")] == []


@since("1.60.0")
def test_case_60_an_export_is_laid_out_by_splits(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    by_name = {each.filename: each for each in world.owner.images(made)}
    world.owner.client.images.set_split(*world.owner.on(made, by_name["a.png"]), "val")
    wanted = {"include_images": True, "organize_by_split": True}
    exports.create(made.name, "splits", format="yolo", poll_interval=0.05, **wanted)
    pictures = sorted(each for each in unpacked(world, made, "splits") if each.endswith(".png"))
    assert [each.split("/")[0] for each in pictures] == ["train", "valid"]


def test_case_60_exports_are_listed_and_deleted(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    for name in ("one", "two"):
        exports.create(made.name, name, poll_interval=0.05)
    assert [each.name for each in exports.list(dataset_name=made.name)] == ["two", "one"]
    assert [each.name for each in exports.iter(dataset_name=made.name, page_size=1).all()] == ["two", "one"]
    assert exports.list(dataset_name=made.name, status="failed") == []
    with raises(ForbiddenError, status=403):
        world.user("viewer").client.exports.create(made.name, "three", wait=False)
    exports.delete(made.name, "one")
    for attempt in (exports.get, exports.delete):
        with raises(NotFoundError, status=404):
            attempt(made.name, "one")
    assert exports.get(made.name, "two").status == "completed"


@since("1.60.0")
def test_case_60_an_export_is_found_by_its_id(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    done = exports.create(made.name, "one", poll_interval=0.05)
    assert exports.get_by_id(done.id).name == "one"
    path = exports.download_by_id(done.id, world.folder / made.id / "one.zip")
    assert zipfile.is_zipfile(path)
    nobodys = str(uuid.uuid4())
    gone = exports.bulk_delete([done.id, nobodys])
    assert (list(gone.deleted), list(gone.not_found)) == ([done.id], [nobodys])
    with raises(NotFoundError, status=404):
        exports.get_by_id(done.id)


def test_case_60_the_file_is_fetched_without_the_key(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    exports.create(made.name, "one", poll_interval=0.05)
    with recorded() as seen:
        unpacked(world, made, "one")
    outside = [each for each in seen if "/api/" not in each.url.path]
    assert len(outside) == 1
    assert "x-api-key" not in outside[0].headers


@until("1.60.0")
def test_case_60_a_format_that_is_not_written_here_says_so(world: World) -> None:
    made, exports = a_drawn_dataset(world), world.owner.client.exports
    with raises(ApiError, status=501, text="labelme"):
        exports.create(made.name, "one", format="labelme")
    with raises(ValidationError, status=422, text="bogus"):
        exports.create(made.name, "one", format="bogus")
    assert exports.list(dataset_name=made.name) == []
