"""One change to many images."""

import uuid

from marks import since
from pictograph import (
    ForbiddenError,
    NotFoundError,
    ValidationError,
)
from world import World, box, raises, recorded


def test_case_31_a_move_changes_the_folder_and_nothing_else(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder="/inbox")
    before = world.bytes_of(made, image)
    result = world.owner.move(made.name, [image.id], "/sorted/cars")
    assert (result.success, result.processed, result.failed) == (True, 1, [])
    assert world.owner.affected(result) == ["/inbox", "/sorted/cars"]
    moved = world.owner.image(made, image)
    assert (moved.id, world.shown(moved)["folder_path"]) == (image.id, "/sorted/cars")
    assert world.bytes_of(made, image) == before


@since("1.7.2")
def test_case_31_a_move_makes_the_folders_above_it(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder="/inbox")
    world.owner.move(made.name, [image.id], "/sorted/cars")
    folders = [each.full_path for each in world.owner.folders(made)]
    assert folders == ["/inbox", "/sorted", "/sorted/cars"]
    tree = world.owner.tree(made)
    assert [node.name for node in tree] == ["inbox", "sorted"]
    assert tree[1].children[0].image_count == 1


def test_case_32_an_unknown_id_fails_alone(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    result = world.owner.move(made.name, [image.id, "nope"], "/x")
    assert (result.success, result.processed) == (False, 1)
    assert [each.id for each in result.failed] == ["nope"]
    assert result.failed[0].reason
    body = {"dataset_name": made.name, "image_ids": [image.id, "nope"], "target_folder_path": "/y"}
    answer = world.raw("POST", "/batch/images/move", json=body)
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["succeeded"] == [image.id]
    assert shown["failed_count"] == len(shown["failures"]) == 1
    assert shown["failures"][0]["image_id"] == shown["failed"][0]["id"] == "nope"
    assert {"success", "processed", "succeeded", "failed", "failed_count", "failures"} <= set(shown)


def test_case_33_nothing_found_at_all_is_404(world: World) -> None:
    made = world.dataset()
    with raises(NotFoundError, status=404):
        world.owner.move(made.name, ["nope"])
    with raises(NotFoundError, status=404):
        world.owner.move("no such dataset", ["nope"])


def test_case_34_a_move_onto_a_taken_name_is_renamed(world: World) -> None:
    made = world.dataset()
    there, image = world.image(made, folder="/x"), world.image(made)
    body = {"dataset_name": made.name, "image_ids": [image.id], "target_directory_path": "/x"}
    assert world.raw("POST", "/batch/images/move", json=body).json()["renamed"] == 1
    assert world.owner.image(made, image).filename == "a-1.png"
    assert world.owner.image(made, there).filename == "a.png"


@since("1.67.12")
def test_case_34_a_result_says_how_many_were_renamed(world: World) -> None:
    made = world.dataset()
    world.image(made, folder="/x")
    image = world.image(made)
    result = world.owner.move(made.name, [image.id], "/x")
    assert (result.processed, result.renamed, result.operation) == (1, 1, None)


def test_case_35_a_second_move_to_the_same_place_succeeds(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    for _ in range(2):
        assert world.owner.move(made.name, [image.id], "/x").processed == 1
    assert world.owner.image(made, image).filename == "a.png"


def test_case_36_more_than_ten_thousand_ids_are_refused(world: World) -> None:
    made = world.dataset()
    with raises(ValidationError, status=422, text="10000"):
        world.owner.move(made.name, [str(uuid.uuid4()) for _ in range(10_001)])


def test_case_37_ten_thousand_ids_are_one_request(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    others = [str(uuid.uuid4()) for _ in range(9_999)]
    result = world.owner.move(made.name, [*others, image.id], "/x")
    assert result.processed == 1
    assert [each.id for each in result.failed] == others


def test_case_38_a_copy_is_an_image_of_its_own(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.save(made, image, [box()])
    world.owner.set(made.name, [image.id], status="complete")
    result = world.owner.copy(made.name, [image.id], "/c")
    assert (result.processed, world.owner.affected(result)) == (1, ["/c"])
    copy = world.owner.images(made, "/c")[0]
    assert copy.id != image.id
    assert (copy.status, copy.annotation_count) == ("new", 0)
    assert world.bytes_of(made, copy) == world.bytes_of(made, image)
    assert world.owner.image(made, image).annotation_count == 1


def test_case_39_copies_beside_their_source_are_numbered_from_two(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    for _ in range(2):
        world.owner.copy(made.name, [image.id])
    assert world.owner.names(made) == ["a-2.png", "a-3.png", "a.png"]


def test_case_40_skip_leaves_both_images_alone(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.image(made, folder="/x")
    result = world.owner.copy(made.name, [image.id], "/x", duplicate_handling="skip")
    assert (result.processed, len(result.failed)) == (0, 1)
    assert "a.png" in result.failed[0].reason
    assert world.owner.names(made) == ["a.png", "a.png"]


def test_case_41_overwrite_replaces_what_was_there(world: World) -> None:
    made = world.dataset()
    image, there = world.image(made), world.image(made, folder="/x")
    result = world.owner.copy(made.name, [image.id], "/x", duplicate_handling="overwrite")
    assert result.processed == 1
    with raises(NotFoundError):
        world.owner.image(made, there)
    (copy,) = world.owner.images(made, "/x")
    assert copy.filename == "a.png"
    assert world.bytes_of(made, copy) == world.bytes_of(made, image)


def test_case_42_nothing_overwrites_itself(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    result = world.owner.copy(made.name, [image.id], duplicate_handling="overwrite")
    assert (result.processed, len(result.failed)) == (0, 1)
    assert world.owner.image(made, image).filename == "a.png"


def test_case_43_a_copy_takes_annotations_and_status_along_when_asked(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.save(made, image, [box(), box()])
    world.owner.set(made.name, [image.id], status="complete")
    world.owner.copy(made.name, [image.id], "/c", copy_annotations=True)
    (copy,) = world.owner.images(made, "/c")
    assert (copy.status, copy.annotation_count) == ("complete", 2)
    assert world.owner.annotations(made, copy) == world.owner.annotations(made, image)


def test_case_44_a_copy_outlives_its_source(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    before = world.bytes_of(made, image)
    world.owner.copy(made.name, [image.id], "/c")
    world.owner.archive(made.name, [image.id], permanent=True)
    (copy,) = world.owner.images(made)
    assert world.bytes_of(made, copy) == before


@since("1.0.1")  # the first that reads `is_archived`
def test_case_45_and_46_an_archived_image_is_hidden_and_comes_back(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.owner.archive(made.name, [image.id]).processed == 1
    assert world.owner.image(made, image).is_archived
    assert world.owner.images(made) == []
    assert world.bytes_of(made, image)
    found = world.owner.find(made.name)
    assert (found.image_count, found.total_size, world.owner.archived_images(made)) == (0, 0, 1)
    assert world.owner.set(made.name, [image.id], is_archived=False).processed == 1
    assert world.owner.names(made) == ["a.png"]
    assert not world.owner.image(made, image).is_archived


@since("1.67.1")
def test_case_45_a_result_says_which_delete_it_was(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.owner.archive(made.name, [image.id]).operation == "archived"
    assert world.owner.archive(made.name, [image.id], permanent=True).operation == "deleted"


def test_case_47_an_admin_may_purge_many(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.user("admin").archive(made.name, [image.id], permanent=True).processed == 1
    with raises(NotFoundError):
        world.owner.image(made, image)


def test_case_48_a_member_may_not_purge_many(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with raises(ForbiddenError, status=403):
        world.user("member").archive(made.name, [image.id], permanent=True)
    assert world.owner.image(made, image) == image


def test_case_49_a_viewer_may_change_nothing(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    viewer = world.user("viewer")
    for attempt in (
        lambda: viewer.move(made.name, [image.id], "/x"),
        lambda: viewer.copy(made.name, [image.id], "/x"),
        lambda: viewer.archive(made.name, [image.id]),
        lambda: viewer.set(made.name, [image.id], status="review"),
        lambda: viewer.archive("no such dataset", ["nope"], permanent=True),
    ):
        with raises(ForbiddenError, status=403):
            attempt()
    assert [each.id for each in world.owner.images(made)] == [image.id]


def test_case_50_an_update_sets_status_and_display_name(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.set(made.name, [image.id], status="complete", display_name="B")
    found = world.owner.image(made, image)
    assert (found.status, found.filename) == ("complete", "a.png")
    assert world.owner.find(made.name).completed_image_count == 1
    assert world.shown(image)["display_name"] == "B"


def test_case_51_an_empty_update_is_refused_on_both_sides(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with recorded() as seen, raises(ValueError):
        world.owner.set(made.name, [image.id])
    assert seen == []
    for updates in ({"updates": {}}, {}):
        body = {"dataset_name": made.name, "image_ids": [image.id], **updates}
        assert world.raw("PATCH", "/batch/images/update", json=body).status_code == 422


def test_case_52_an_unknown_status_is_refused(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with raises(ValidationError, status=422, text="status"):
        world.owner.set(made.name, [image.id], status="bogus")


def test_case_55_an_image_of_another_dataset_is_not_touched(world: World) -> None:
    here, there = world.dataset(), world.dataset()
    mine, foreign = world.image(here), world.image(there)
    result = world.owner.move(here.name, [foreign.id, mine.id], "/x")
    assert (result.processed, [each.id for each in result.failed]) == (1, [foreign.id])
    assert world.owner.image(there, foreign) == foreign


@since("1.69.136")
def test_case_71_a_copy_in_another_dataset_takes_everything_along(world: World) -> None:
    here = world.dataset(classes=[{"name": "lorry", "type": "bbox"}])
    there = world.dataset(classes=[{"name": "ship", "type": "bbox"}])
    image, images = world.image(here), world.owner.client.images
    world.image(there, folder="/x")
    world.owner.save(here, image, [box()])
    images.set_split(here.name, "a.png", "val")
    images.bulk_tag(here.name, [image.id], ["night"])
    world.owner.set(here.name, [image.id], status="review")
    copy_to_dataset = world.owner.client.batch.copy_to_dataset
    result = copy_to_dataset(here.name, [image.id, "nope"], there.name, target_directory_path="/x")
    assert (result.target_dataset, result.processed, result.renamed) == (there.name, 1, 1)
    assert (result.classes_added, [each.id for each in result.failed]) == (["lorry"], ["nope"])
    (copy,) = world.owner.images(there, "/x", filename="a-1.png")
    assert (copy.status, copy.split, copy.tags) == ("review", "val", ["night"])
    assert [each.name for each in world.owner.annotations(there, copy)] == ["lorry"]
    assert [each.name for each in world.owner.find(there.name).classes] == ["ship", "lorry"]
    assert world.bytes_of(there, copy) == world.bytes_of(here, image)
    for one, other in ((here.name, "no such dataset"), ("no such dataset", there.name)):
        with raises(NotFoundError, status=404):
            copy_to_dataset(one, [image.id], other)
