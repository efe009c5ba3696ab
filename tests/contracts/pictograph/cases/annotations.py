"""Annotations and folders."""

import uuid

from pictograph import (
    ForbiddenError,
    ValidationError,
)
from world import World, box, raises


def test_case_57_annotations_are_saved_and_cleared_as_a_whole(world: World) -> None:
    made = world.dataset(classes=[{"name": "lorry", "type": "bbox"}])
    image = world.image(made)
    saved = world.owner.annotations.save(image.id, [box()])
    assert (saved.previous_count, saved.new_count, saved.status) == (0, 1, "new")
    (found,) = world.owner.annotations.get(image.id)
    assert (found.name, found.bounding_box.w) == ("lorry", 3)
    world.owner.annotations.save(image.id, [found])
    assert world.owner.annotations.get(image.id) == [found]
    assert world.owner.annotations.save(image.id, []).previous_count == 1
    assert world.owner.annotations.get(image.id) == []
    world.owner.annotations.save(image.id, [box(), box()])
    assert world.owner.annotations.delete(image.id).deleted_count == 2
    assert world.owner.images.get(image.id).annotation_count == 0
    with raises(ForbiddenError):
        world.client("member").annotations.delete(image.id)


def test_case_57_many_annotations_are_saved_at_once(world: World) -> None:
    made = world.dataset()
    first, second = world.image(made, "1.png"), world.image(made, "2.png")
    result = world.owner.annotations.bulk_save({first.id: [box()], second.id: [], str(uuid.uuid4()): []})
    assert [each.image_id for each in result.saved] == [first.id, second.id]
    assert len(result.failed) == 1


def test_case_58_a_class_that_the_dataset_does_not_have_is_refused(world: World) -> None:
    image = world.image(world.dataset(classes=[{"name": "lorry", "type": "bbox"}]))
    with raises(ValidationError, status=422, text="bicycle"):
        world.owner.annotations.save(image.id, [box("bicycle")])


def test_case_59_folders_are_listed_below_a_parent(world: World) -> None:
    made = world.dataset()
    for name, folder in (("a.png", "/cars"), ("b.png", "/cars/red"), ("c.png", "/boats")):
        world.image(made, name, folder)
    folders = world.owner.folders
    paths = {each.full_path: each for each in folders.list(made.id)}
    assert list(paths) == ["/boats", "/cars", "/cars/red"]
    assert paths["/cars/red"].parent_folder_id == paths["/cars"].id
    assert paths["/cars"].image_count == 1
    assert [each.full_path for each in folders.list(made.id, parent_path="")] == ["/boats", "/cars"]
    assert [each.full_path for each in folders.list(made.id, parent_path="/cars")] == ["/cars/red"]
    boats, cars = folders.tree(made.id)
    assert (boats.full_path, cars.full_path, cars.children[0].full_path) == ("/boats", "/cars", "/cars/red")
    raw = world.raw("GET", f"/directories/tree/{made.id}").json()
    assert [node["nested_image_count"] for node in raw] == [1, 2]
