"""Projects and datasets."""

import uuid

from pictograph import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ValidationError,
)
from world import World, raises


def test_case_04_a_project_is_found_as_it_was_made(world: World) -> None:
    wanted = [
        {"name": "lorry", "type": "bbox", "color": "#3355aa"},
        {
            "name": "crane",
            "type": "polygon",
            "attributes": [{"name": "side", "type": "select", "values": ["l"]}],
        },
    ]
    made = world.dataset(annotation_types=["bbox", "polygon"], classes=wanted, description="north quay")
    found = world.owner.projects.get(made.name)
    assert found == made
    assert [each.name for each in found.classes] == ["lorry", "crane"]
    assert found.classes[1].attributes[0].values == ["l"]
    assert (found.annotation_types, found.description) == (["bbox", "polygon"], "north quay")


def test_case_05_a_project_name_is_taken_once(world: World) -> None:
    made = world.dataset()
    with raises(ConflictError, status=409, text="already exists"):
        world.owner.projects.create(made.name)


def test_case_06_an_unknown_project_is_not_found(world: World) -> None:
    with raises(NotFoundError, status=404):
        world.owner.projects.get("nope")


def test_case_07_any_printable_name_reaches_its_project(world: World) -> None:
    for name in ("a b", "50%", "50%25", "é", "a?b#c&d=e+f", "你好", "by-name", "..."):
        made = world.owner.projects.create(name)
        assert world.owner.projects.get(name).id == made.id
        assert world.owner.datasets.get(name).id == made.id
        assert world.owner.projects.delete(name)["project_id"] == made.id
        with raises(NotFoundError):
            world.owner.projects.get(name)


def test_case_08_names_that_could_be_something_else_are_refused(world: World) -> None:
    for name in ("a/b", str(uuid.uuid4()), "", "   "):
        with raises(ValidationError, status=422):
            world.owner.projects.create(name)


def test_case_09_a_dataset_is_found_in_every_way(world: World) -> None:
    made = world.dataset()
    datasets = world.owner.datasets
    assert datasets.get(made.name).id == made.id
    assert datasets.get_by_id(made.id).name == made.name
    listed = [each.id for each in datasets.list(limit=1000)]
    walked = [each.id for each in datasets.iter(page_size=1).all()]
    assert made.id in listed
    assert listed == walked
    assert len(set(walked)) == len(walked)


def test_case_09_an_embedded_page_of_images_is_the_page_asked_for(world: World) -> None:
    made = world.dataset()
    for name in ("a.png", "b.png", "c.png"):
        world.image(made, name)
    found = world.owner.datasets.get(made.name, include_images=True, images_limit=2, images_offset=1)
    assert [each.filename for each in found.images] == ["b.png", "a.png"]
    assert found.image_count == 3
    assert world.owner.datasets.get(made.name).images is None


def test_case_projects_are_renamed_described_hidden_and_removed(world: World) -> None:
    made = world.dataset()
    world.image(made, folder_path="/a/b")
    projects = world.owner.projects
    new = f"set {uuid.uuid4().hex}"
    assert projects.update(made.name, new_name=new, description="d").id == made.id
    assert projects.get(new).description == "d"
    with raises(NotFoundError):
        projects.get(made.name)
    assert projects.archive(new)["is_archived"] is True
    assert new not in {each.name for each in projects.list(limit=200)}
    assert new in {each.name for each in projects.list(limit=200, archived=True)}
    assert projects.restore(new)["is_archived"] is False
    with raises(ForbiddenError):
        world.client("member").projects.delete(new)
    gone = projects.delete(new)
    assert gone == {"project_id": made.id, "images": 1, "folders": 2, "gcs_blobs": 1}
