"""One change to many images."""

import uuid

from pictograph import (
    ForbiddenError,
    NotFoundError,
    ValidationError,
)
from world import World, box, raises, recorded


def test_case_31_a_move_changes_the_folder_and_nothing_else(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder_path="/inbox")
    before = world.bytes_of(image)
    result = world.owner.batch.move(made.name, [image.id], target_folder_path="/sorted/cars")
    assert (result.success, result.processed, result.failed) == (True, 1, [])
    assert result.affected_folders == ["/inbox", "/sorted/cars"]
    moved = world.owner.images.get(image.id)
    assert (moved.id, moved.virtual_folder_path) == (image.id, "/sorted/cars")
    assert world.bytes_of(image) == before
    folders = [each.full_path for each in world.owner.folders.list(made.id)]
    assert folders == ["/inbox", "/sorted", "/sorted/cars"]
    tree = world.owner.folders.tree(made.id)
    assert [node.name for node in tree] == ["inbox", "sorted"]
    assert tree[1].children[0].image_count == 1


def test_case_32_an_unknown_id_fails_alone(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    result = world.owner.batch.move(made.name, [image.id, "nope"], target_folder_path="/x")
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
        world.owner.batch.move(made.name, ["nope"])
    with raises(NotFoundError, status=404):
        world.owner.batch.move("no such dataset", ["nope"])


def test_case_34_a_move_onto_a_taken_name_is_renamed(world: World) -> None:
    made = world.dataset()
    there, image = world.image(made, folder_path="/x"), world.image(made)
    body = {"dataset_name": made.name, "image_ids": [image.id], "target_directory_path": "/x"}
    assert world.raw("POST", "/batch/images/move", json=body).json()["renamed"] == 1
    assert world.owner.images.get(image.id).filename == "a-1.png"
    assert world.owner.images.get(there.id).filename == "a.png"


def test_case_35_a_second_move_to_the_same_place_succeeds(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    for _ in range(2):
        assert world.owner.batch.move(made.name, [image.id], target_folder_path="/x").processed == 1
    assert world.owner.images.get(image.id).filename == "a.png"


def test_case_36_more_than_ten_thousand_ids_are_refused(world: World) -> None:
    made = world.dataset()
    with raises(ValidationError, status=422, text="10000"):
        world.owner.batch.move(made.name, [str(uuid.uuid4()) for _ in range(10_001)])


def test_case_37_ten_thousand_ids_are_one_request(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    others = [str(uuid.uuid4()) for _ in range(9_999)]
    result = world.owner.batch.move(made.name, [*others, image.id], target_folder_path="/x")
    assert result.processed == 1
    assert [each.id for each in result.failed] == others


def test_case_38_a_copy_is_an_image_of_its_own(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.annotations.save(image.id, [box()])
    world.owner.batch.update(made.name, [image.id], status="complete")
    result = world.owner.batch.copy(made.name, [image.id], target_folder_path="/c")
    assert (result.processed, result.affected_folders) == (1, ["/c"])
    copy = world.owner.images.list(made.id, folder_path="/c")[0]
    assert copy.id != image.id
    assert (copy.status, copy.annotation_count) == ("new", 0)
    assert world.bytes_of(copy) == world.bytes_of(image)
    assert world.owner.images.get(image.id).annotation_count == 1


def test_case_39_copies_beside_their_source_are_numbered_from_two(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    for _ in range(2):
        world.owner.batch.copy(made.name, [image.id])
    assert world.names(made) == ["a-2.png", "a-3.png", "a.png"]


def test_case_40_skip_leaves_both_images_alone(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.image(made, folder_path="/x")
    result = world.owner.batch.copy(made.name, [image.id], target_folder_path="/x", duplicate_handling="skip")
    assert (result.processed, len(result.failed)) == (0, 1)
    assert "a.png" in result.failed[0].reason
    assert world.names(made) == ["a.png", "a.png"]


def test_case_41_overwrite_replaces_what_was_there(world: World) -> None:
    made = world.dataset()
    image, there = world.image(made), world.image(made, folder_path="/x")
    result = world.owner.batch.copy(
        made.name, [image.id], target_folder_path="/x", duplicate_handling="overwrite"
    )
    assert result.processed == 1
    with raises(NotFoundError):
        world.owner.images.get(there.id)
    (copy,) = world.owner.images.list(made.id, folder_path="/x")
    assert copy.filename == "a.png"
    assert world.bytes_of(copy) == world.bytes_of(image)


def test_case_42_nothing_overwrites_itself(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    result = world.owner.batch.copy(made.name, [image.id], duplicate_handling="overwrite")
    assert (result.processed, len(result.failed)) == (0, 1)
    assert world.owner.images.get(image.id).filename == "a.png"


def test_case_43_a_copy_takes_annotations_and_status_along_when_asked(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.annotations.save(image.id, [box(), box()])
    world.owner.batch.update(made.name, [image.id], status="complete")
    world.owner.batch.copy(made.name, [image.id], target_folder_path="/c", copy_annotations=True)
    (copy,) = world.owner.images.list(made.id, folder_path="/c")
    assert (copy.status, copy.annotation_count) == ("complete", 2)
    assert world.owner.annotations.get(copy.id) == world.owner.annotations.get(image.id)


def test_case_44_a_copy_outlives_its_source(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    before = world.bytes_of(image)
    world.owner.batch.copy(made.name, [image.id], target_folder_path="/c")
    world.owner.batch.delete(made.name, [image.id], permanent=True)
    (copy,) = world.owner.images.list(made.id)
    assert world.bytes_of(copy) == before


def test_case_45_and_46_an_archived_image_is_hidden_and_comes_back(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.owner.batch.delete(made.name, [image.id]).processed == 1
    assert world.owner.images.get(image.id).is_archived
    assert world.owner.images.list(made.id) == []
    assert world.bytes_of(image)
    project = world.owner.projects.get(made.name)
    assert (project.image_count, project.archived_images, project.total_size) == (0, 1, 0)
    assert world.owner.batch.update(made.name, [image.id], is_archived=False).processed == 1
    assert world.names(made) == ["a.png"]
    assert not world.owner.images.get(image.id).is_archived


def test_case_47_an_admin_may_purge_many(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.client("admin").batch.delete(made.name, [image.id], permanent=True).processed == 1
    with raises(NotFoundError):
        world.owner.images.get(image.id)


def test_case_48_a_member_may_not_purge_many(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with raises(ForbiddenError, status=403):
        world.client("member").batch.delete(made.name, [image.id], permanent=True)
    assert world.owner.images.get(image.id) == image


def test_case_49_a_viewer_may_change_nothing(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    batch = world.client("viewer").batch
    for attempt in (
        lambda: batch.move(made.name, [image.id], target_folder_path="/x"),
        lambda: batch.copy(made.name, [image.id], target_folder_path="/x"),
        lambda: batch.delete(made.name, [image.id]),
        lambda: batch.update(made.name, [image.id], status="review"),
        lambda: batch.delete("no such dataset", ["nope"], permanent=True),
    ):
        with raises(ForbiddenError, status=403):
            attempt()
    assert world.owner.images.list(made.id) == [image]


def test_case_50_an_update_sets_status_and_display_name(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.batch.update(made.name, [image.id], status="complete", display_name="B")
    found = world.owner.images.get(image.id)
    assert (found.status, found.filename) == ("complete", "a.png")
    assert world.owner.projects.get(made.name).completed_image_count == 1
    assert world.raw("GET", f"/images/{image.id}/metadata").json()["image"]["display_name"] == "B"


def test_case_51_an_empty_update_is_refused_on_both_sides(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with recorded() as seen, raises(ValueError):
        world.owner.batch.update(made.name, [image.id])
    assert seen == []
    for updates in ({"updates": {}}, {}):
        body = {"dataset_name": made.name, "image_ids": [image.id], **updates}
        assert world.raw("PATCH", "/batch/images/update", json=body).status_code == 422


def test_case_52_an_unknown_status_is_refused(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    with raises(ValidationError, status=422, text="status"):
        world.owner.batch.update(made.name, [image.id], status="bogus")


def test_case_55_an_image_of_another_dataset_is_not_touched(world: World) -> None:
    here, there = world.dataset(), world.dataset()
    mine, foreign = world.image(here), world.image(there)
    result = world.owner.batch.move(here.name, [foreign.id, mine.id], target_folder_path="/x")
    assert (result.processed, [each.id for each in result.failed]) == (1, [foreign.id])
    assert world.owner.images.get(foreign.id) == foreign
