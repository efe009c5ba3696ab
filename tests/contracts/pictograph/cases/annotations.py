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


@since("1.61.3")
def test_case_57_a_class_is_renamed_merged_and_deleted_throughout_a_dataset(world: World) -> None:
    owner = world.owner
    made = world.dataset(classes=[{"name": name, "type": "bbox"} for name in ("lorry", "van", "ship")])
    first, second = world.image(made, "1.png"), world.image(made, "2.png")
    owner.save(made, first, [box("lorry"), box("van")])
    owner.save(made, second, [box("lorry"), box("ship")])
    about, annotations = owner.called(made), owner.client.annotations
    renamed = annotations.rename_class(about, "lorry", "truck")
    assert (renamed.images_updated, renamed.annotations_updated, renamed.config_updated) == (2, 2, True)
    merged = annotations.merge_class(about, "van", "truck")
    assert (merged.images_updated, merged.annotations_updated) == (1, 1)
    assert [each.name for each in owner.annotations(made, first)] == ["truck", "truck"]
    removed = annotations.delete_class(about, "ship", delete_annotations=True)
    assert (removed.images_updated, removed.annotations_removed) == (1, 1)
    assert [each.name for each in owner.annotations(made, second)] == ["truck"]
    assert [each.name for each in owner.find(made.name).classes] == ["truck"]
    with raises(NotFoundError, status=404):
        annotations.rename_class(about, "nothing", "something")
    with raises(ForbiddenError, status=403):
        world.user("viewer").client.annotations.rename_class(about, "truck", "car")


@since("1.56.0")
def test_case_57_an_annotation_is_discussed(world: World) -> None:
    made, owner = world.dataset(), world.owner
    image = world.image(made, folder="/a")
    drawn = box()
    owner.save(made, image, [drawn])
    first = owner.comment(made, image, "tighten", annotation_id=drawn.id)
    second = owner.comment(made, image, "done", annotation_id=drawn.id)
    comments = owner.client.annotation_comments
    assert [each.body for each in comments.list(*owner.on(made, image))] == ["tighten", "done"]
    assert comments.update(second.id, body="done now").body == "done now"
    assert comments.resolve(first.id).resolved
    assert not comments.resolve(first.id, resolved=False).resolved
    with raises(ForbiddenError, status=403):
        world.user("viewer").comment(made, image, "no", annotation_id=drawn.id)
    comments.delete(second.id)
    assert [each.id for each in comments.list(*owner.on(made, image))] == [first.id]
    with raises(NotFoundError, status=404):
        comments.update(second.id, body="gone")


@since("1.69.146")
def test_case_57_a_comment_is_answered_and_liked(world: World) -> None:
    made, owner = world.dataset(), world.owner
    image = world.image(made)
    drawn = box()
    owner.save(made, image, [drawn])
    comments = owner.client.annotation_comments
    first = owner.comment(made, image, "tighten", annotation_id=drawn.id)
    about = {"annotation_id": drawn.id, "parent_comment_id": first.id}
    answer = comments.reply(made.name, "a.png", body="done", **about)
    assert answer.parent_comment_id == first.id
    comments.react(first.id, "like")
    listed = comments.list(made.name, "a.png")
    assert [(each.body, len(each.reactions)) for each in listed] == [("tighten", 1), ("done", 0)]
    comments.unreact(first.id, "like")
    assert comments.list(made.name, image.id)[0].reactions == []


@since("1.63.0")
def test_case_57_boxes_may_be_turned(world: World) -> None:
    from pictograph import OrientedBoxGeometry

    made = world.dataset()
    image = world.image(made)
    turned = box().model_copy(update={"oriented_box": OrientedBoxGeometry(cx=3, cy=3, w=4, h=2, angle=30)})
    world.owner.save(made, image, [turned])
    assert world.owner.annotations(made, image) == [turned]


@since("1.69.0")
def test_case_57_annotations_are_imported_from_other_formats(world: World) -> None:
    made = world.dataset()
    images = [world.image(made, f"{name}.png") for name in "abc"]
    annotations = world.owner.client.annotations
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "lorry"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    }
    annotations.import_coco(made.name, coco)
    annotations.import_yolo(made.name, {"b.png": "0 0.5 0.5 0.25 0.5"}, ["ship"])
    annotations.import_pascal_voc(made.name, {"c.png": VOC})
    found = [world.owner.annotations(made, image) for image in images]
    assert [[each.name for each in one] for one in found] == [["lorry"], ["ship"], ["crane"]]
    assert [[each.bounding_box.w for each in one] for one in found] == [[3], [2], [3]]
    assert {each.name for each in world.owner.find(made.name).classes} == {"lorry", "ship", "crane"}


VOC = (
    "<annotation><size><width>8</width><height>6</height></size><object><name>crane</name>"
    "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
