"""Tags, given to many images at once."""

import uuid

from marks import since
from pictograph import ForbiddenError, NotFoundError, ValidationError
from world import World, raises


@since("1.7.4")
def test_case_72_tags_are_given_and_taken_away(world: World) -> None:
    made, owner = world.dataset(), world.owner
    first, second = world.image(made, "1.png"), world.image(made, "2.png")
    about, tag = owner.called(made), owner.client.images.bulk_tag
    assert tag(about, [first.id, second.id], ["night", "rain"]) == 2
    assert tag(about, [first.id, str(uuid.uuid4())], ["rain"], add=False) == 1
    assert [world.shown(each)["tags"] for each in (first, second)] == [["night"], ["night", "rain"]]
    found = owner.client.search.by_tag(objects=["rain"], dataset_name=made.name)
    assert [each.id for each in found] == [second.id]
    with raises(NotFoundError, status=404):
        tag(about, [str(uuid.uuid4())], ["night"])
    with raises(ForbiddenError, status=403):
        world.user("viewer").client.images.bulk_tag(about, [first.id], ["x"])
    with raises(ValidationError, status=422):
        tag(about, [first.id], [])
