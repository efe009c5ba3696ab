"""What is drawn on an image."""

import uuid

from marks import since
from pictograph import (
    BoundingBox,
    ForbiddenError,
    KeypointAnnotation,
    NotFoundError,
    Point,
    PolygonAnnotation,
    PolygonGeometry,
    PolylineAnnotation,
    PolylineGeometry,
    ValidationError,
)
from world import World, box, raises

LORRY = [{"name": "lorry", "type": "bbox"}]


def test_case_57_annotations_are_saved_and_cleared_as_a_whole(world: World) -> None:
    made, owner = world.dataset(classes=LORRY), world.owner
    image = world.image(made, folder="/a")
    saved = owner.save(made, image, [box()])
    assert (saved.previous_count, saved.new_count, saved.status) == (0, 1, "new")
    (found,) = owner.annotations(made, image)
    assert (found.name, found.bounding_box.w) == ("lorry", 3)
    owner.save(made, image, [found])
    assert owner.annotations(made, image) == [found]
    assert owner.save(made, image, []).previous_count == 1
    assert owner.annotations(made, image) == []
    owner.save(made, image, [box(), box()])
    with raises(ForbiddenError):
        world.user("member").clear(made, image)
    with raises(ForbiddenError):
        world.user("viewer").save(made, image, [])
    assert owner.clear(made, image).deleted_count == 2
    assert owner.image(made, image).annotation_count == 0


def test_case_57_every_shape_comes_back_as_it_was_drawn(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    ring = [Point(x=0, y=0), Point(x=7.5, y=0), Point(x=4, y=5)]
    around = BoundingBox(x=0, y=0, w=7.5, h=5)
    drawn = [
        box(),
        PolygonAnnotation(name="roof", polygon=PolygonGeometry(paths=[ring]), bounding_box=around),
        PolylineAnnotation(name="kerb", polyline=PolylineGeometry(path=ring[:2]), confidence=0.8),
        KeypointAnnotation(name="tip", keypoint=Point(x=3, y=4)),
    ]
    world.owner.save(made, image, drawn)
    found = world.owner.annotations(made, image)
    assert [each.type for each in found] == ["bbox", "polygon", "polyline", "keypoint"]
    for one, other in zip(found, drawn, strict=True):
        assert one.model_copy(update={"bounding_box": None}) == other.model_copy(
            update={"bounding_box": None}
        )


@since("1.7.8")
def test_case_57_many_annotations_are_saved_at_once(world: World) -> None:
    made = world.dataset()
    first, second = world.image(made, "1.png"), world.image(made, "2.png")
    many = {first.id: [box()], second.id: [], str(uuid.uuid4()): []}
    result = world.owner.client.annotations.bulk_save(many)
    assert [each.image_id for each in result.saved] == [first.id, second.id]
    assert len(result.failed) == 1


@since("1.69.44")
def test_case_57_annotations_are_addressed_by_place(world: World) -> None:
    made = world.dataset()
    image = world.image(made, "l 1.png", "/a/b")
    annotations = world.owner.client.annotations
    assert annotations.save(made.name, "a/b/l 1.png", [box()]).image_id == image.id
    assert len(annotations.get(made.name, "l 1.png", directory_path="/a/b")) == 1
    assert annotations.delete(made.name, "a/b/l 1.png").deleted_count == 1
    with raises(NotFoundError):
        annotations.get(made.name, "a/l 1.png")


def test_case_58_a_class_that_the_dataset_does_not_have_is_refused(world: World) -> None:
    made = world.dataset(classes=LORRY)
    image = world.image(made)
    with raises(ValidationError, status=422, text="bicycle"):
        world.owner.save(made, image, [box("bicycle")])
    assert world.owner.annotations(made, image) == []
