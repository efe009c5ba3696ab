"""Datasets, and the projects that older clients see in them."""

import uuid
from itertools import pairwise

from marks import since, until
from pictograph import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ValidationError,
)
from world import World, box, raises, recorded

CLASSES = [
    {"name": "lorry", "type": "bbox", "color": "#3355aa"},
    {
        "name": "crane",
        "type": "polygon",
        "attributes": [{"name": "side", "type": "select", "values": ["l"]}],
    },
]


def test_case_04_a_project_is_found_as_it_was_made(world: World) -> None:
    described = {"annotation_types": ["bbox", "polygon"], "classes": CLASSES, "description": "north quay"}
    made = world.dataset(**described)
    found = world.owner.find(made.name)
    assert found == made
    assert [each.name for each in found.classes] == ["lorry", "crane"]
    if hasattr(found.classes[1], "attributes"):  # the oldest do not read them
        assert found.classes[1].attributes[0].values == ["l"]
    assert (found.annotation_types, found.description) == (["bbox", "polygon"], "north quay")


def test_case_05_a_name_is_taken_once(world: World) -> None:
    made = world.dataset()
    with raises(ConflictError, status=409, text="already exists"):
        world.owner.create(made.name)


def test_case_06_an_unknown_name_is_not_found(world: World) -> None:
    with raises(NotFoundError, status=404):
        world.owner.find("nope")


@since("1.1.0")  # older ones put names into addresses as they are
def test_case_07_any_printable_name_reaches_its_dataset(world: World) -> None:
    for name in ("a b", "50%", "50%25", "é", "a?b#c&d=e+f", "你好", "by-name", "..."):
        made = world.owner.create(name)
        assert world.owner.find(name).id == made.id
        assert world.owner.client.datasets.get(name).id == made.id
        assert made.id in world.owner.remove(name).values()
        with raises(NotFoundError):
            world.owner.find(name)


def test_case_08_names_that_could_be_something_else_are_refused(world: World) -> None:
    for name in ("a/b", str(uuid.uuid4()), "", "   "):
        with raises(ValidationError, status=422):
            world.owner.create(name)


def test_case_09_a_dataset_is_found_in_every_way(world: World) -> None:
    made = world.dataset()
    datasets = world.owner.client.datasets
    assert datasets.get(made.name).id == made.id
    by_id = (
        datasets.get_by_id(made.id) if hasattr(datasets, "get_by_id") else datasets.get(dataset_id=made.id)
    )
    assert by_id.name == made.name
    listed = [each.id for each in datasets.list(limit=1000)]
    walked = [each.id for each in datasets.iter(page_size=1).all()]
    assert made.id in listed
    assert listed == walked
    assert len(set(walked)) == len(walked)


def test_case_09_an_embedded_page_of_images_is_the_page_asked_for(world: World) -> None:
    made = world.dataset()
    for name in ("a.png", "b.png", "c.png"):
        world.image(made, name)
    datasets = world.owner.client.datasets
    found = datasets.get(made.name, include_images=True, images_limit=2, images_offset=1)
    assert [each.filename for each in found.images] == ["b.png", "a.png"]
    assert found.image_count == 3
    assert datasets.get(made.name).images is None


@since("1.6.0")
def test_case_09_a_dataset_is_renamed_described_hidden_and_removed(world: World) -> None:
    made = world.dataset()
    world.image(made, folder="/a/b")
    owner, new = world.owner, world.name()
    assert owner.change(made.name, new_name=new, description="d").id == made.id
    assert owner.find(new).description == "d"
    with raises(NotFoundError):
        owner.find(made.name)
    hidden = owner.hide(new)
    assert (hidden["is_archived"] if owner.has_projects else hidden.is_archived) is True
    assert new not in {each.name for each in owner.sets.list(limit=200)}
    assert new in {each.name for each in owner.sets.list(limit=200, archived=True)}
    shown = owner.show(new)
    assert (shown["is_archived"] if owner.has_projects else shown.is_archived) is False
    with raises(ForbiddenError):
        world.user("member").remove(new)
    with raises(ForbiddenError):
        world.user("viewer").change(new, description="e")
    gone = owner.remove(new)
    counted = ("images", "folders") if owner.has_projects else ("images_deleted", "directories_deleted")
    assert [gone[each] for each in counted] == [1, 2]
    with raises(NotFoundError):
        owner.find(new)


@until("1.60.0")
def test_case_09_what_a_removed_project_held_is_counted(world: World) -> None:
    made = world.dataset()
    world.image(made, folder="/a/b")
    gone = world.owner.remove(made.name)
    assert gone == {"project_id": made.id, "images": 1, "folders": 2, "gcs_blobs": 1}


@since("1.61.0")
def test_case_09_classes_are_replaced_and_datasets_walked_in_pages(world: World) -> None:
    made = world.dataset(classes=CLASSES)
    changed = world.owner.change(made.name, classes=[CLASSES[1], {"name": "ship", "type": "bbox"}])
    assert [each.name for each in changed.classes] == ["crane", "ship"]
    pages = [world.owner.client.datasets.list(limit=1, offset=at) for at in (0, 1)]
    assert all(len(page) == 1 for page in pages)
    assert all(one[0].id != other[0].id for one, other in pairwise(pages))


@since("1.69.120")
def test_case_09_two_people_change_classes_at_once(world: World) -> None:
    """Each says what it had read, so that neither undoes what the other did."""
    made = world.dataset(classes=CLASSES)
    ship, buoy = {"name": "ship", "type": "bbox"}, {"name": "buoy", "type": "bbox"}
    world.owner.change(made.name, classes=[*CLASSES, ship], classes_base=CLASSES)
    changed = world.owner.change(made.name, classes=[CLASSES[0], buoy], classes_base=CLASSES)
    assert {each.name for each in changed.classes} == {"lorry", "ship", "buoy"}


@since("1.69.46")
def test_case_09_a_dataset_has_a_page_about_it(world: World) -> None:
    made = world.dataset(readme="# Quay")
    world.owner.change(made.name, readme="# North quay")
    assert world.raw("GET", f"/datasets/{made.id}").json()["data"]["readme"] == "# North quay"


def test_case_60_a_dataset_is_downloaded_without_giving_the_key_away(world: World) -> None:
    made = world.dataset()
    for name in ("a.png", "b #1?.png", "c.png"):
        last = world.image(made, name)
    world.owner.delete(made, last)
    out = world.folder / uuid.uuid4().hex
    with recorded() as seen:
        report = world.owner.client.datasets.download(made.name, out)
    assert (report.images_downloaded, report.annotations_downloaded, report.failures) == (2, 2, [])
    files = sorted(path.name for path in out.rglob("*") if path.is_file())
    assert len([name for name in files if name.endswith(".png")]) == 2
    assert "a.png" in files
    assert len(files) == 4
    gets = [request for request in seen if request.url.path.startswith("/storage/")]
    assert len(gets) == 2
    assert not any("x-api-key" in request.headers for request in gets)


def test_case_60_a_download_takes_what_was_asked_for(world: World) -> None:
    made = world.dataset()
    done, _ = world.image(made, "done.png"), world.image(made, "new.png")
    world.owner.save(made, done, [box()])
    world.owner.set(made.name, [done.id], status="complete")
    datasets = world.owner.client.datasets
    for mode, counts in (("images_only", (1, 0)), ("annotations_only", (0, 1))):
        out = world.folder / uuid.uuid4().hex
        report = datasets.download(made.name, out, mode=mode, status_filter="complete")
        assert (report.images_downloaded, report.annotations_downloaded) == counts
        assert report.failures == []
