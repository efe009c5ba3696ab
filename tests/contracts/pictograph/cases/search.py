"""What a dataset consists of, what looks alike in it, what its tags find, and what storage and credits say."""

from typing import Any

from marks import since
from pictograph import ConflictError, ForbiddenError, NotFoundError
from world import World, box, raises


def tag(world: World, made: Any, images: list[Any], *tags: str) -> None:
    body = {"dataset_id": made.id, "image_ids": [each.id for each in images], "tags": tags, "add": True}
    assert world.raw("POST", "/images/bulk-tag", json=body).status_code == 200


@since("1.60.0")
def test_case_insights_tell_what_a_dataset_consists_of(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.image(made, "b.png")
    world.owner.save(made, image, [box("lorry"), box("lorry")])
    found = world.owner.client.datasets.insights(made.name)
    assert (found.total_images, found.annotated_images, found.total_annotations) == (2, 1, 2)
    assert (found.class_annotation_counts, found.class_image_counts) == ({"lorry": 2}, {"lorry": 1})
    assert (found.status_counts.new, found.type_counts) == (2, {"bbox": 2})
    assert (found.annotation_density["0"], found.annotation_density["1-2"]) == (1, 1)
    assert [(each.w, each.h, each.count) for each in found.dimensions.sizes] == [(8, 6, 2)]
    assert found.dimensions.orientation.landscape == 2
    assert found.model_confidence is None
    with raises(NotFoundError, status=404):
        world.owner.client.datasets.insights("nope")


@since("1.60.0")
def test_case_near_duplicates_are_the_copies(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.copy(made.name, [image.id], "/copies")
    found = world.owner.client.datasets.near_duplicates(made.id, threshold=0.95, sample=10)
    [group] = found.groups
    assert (group.size, group.max_similarity, group.members[0].id) == (2, 1.0, image.id)
    assert (found.group_count, found.redundant_count, found.analyzed, found.total_images) == (1, 1, 2, 2)
    assert (found.sample_limit, found.sample_capped, found.threshold) == (10, False, 0.95)


@since("1.60.0")
def test_case_storage_is_what_it_is(world: World) -> None:
    made, datasets = world.dataset(), world.owner.client.datasets
    found = datasets.storage_status(made.id)
    assert (found.storage_class, found.storage_state, found.restore_estimate) == ("standard", "idle", None)
    with raises(ConflictError, status=409, text="standard storage"):
        datasets.freeze(made.id)
    assert datasets.restore(made.id).storage_state == "idle"
    assert datasets.wait_for_storage(made.id, timeout=5).storage_class == "standard"
    with raises(ForbiddenError, status=403):
        world.user("member").client.datasets.restore(made.id)


def test_case_what_looks_alike_is_found(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.owner.copy(made.name, [image.id], "/")
    about = world.owner.on(made, image)
    [found] = world.owner.client.search.by_similarity(*about, threshold=0.99, limit=10)
    assert (found.filename, found.similarity, found.status) == ("a-2.png", 1.0, "new")


def test_case_tags_find_their_images(world: World) -> None:
    made, search = world.dataset(), world.owner.client.search
    image, other = world.image(made), world.image(made, "b.png")
    tag(world, made, [image, other], "night")
    tag(world, made, [image], "rain")
    found = search.by_tag(objects=["night"], dataset_name=made.name)
    assert [each.filename for each in found] == ["b.png", "a.png"]
    [wet] = search.by_tag(objects=["night"], scenes=["rain"], dataset_name=made.name)
    assert (wet.id, wet.image_auto_tags) == (image.id, {"objects": ["night", "rain"]})
    assert made.id in {getattr(wet, "project_id", None), getattr(wet, "dataset_id", None)}
    assert image.id in {each.id for each in search.by_tag(attributes=["rain"], limit=500)}
    with raises(NotFoundError, status=404):
        search.by_tag(objects=["night"], dataset_name="nope")


def test_case_the_balance_says_that_a_key_is_valid(world: World) -> None:
    found = world.owner.client.credits.balance()
    assert getattr(found, "included_remaining_micro_usd", 0) == 0
