"""Directories by their place, as newer clients name them, and folders by their id, as older ones do."""

import uuid

from marks import since, until
from pictograph import NotFoundError, ValidationError
from world import World, asked, raises, recorded


@since("1.69.44")
def test_case_72_directories_are_addressed_by_place(world: World) -> None:
    made, directories = world.dataset(), world.owner.client.directories
    world.image(made, folder="/x y/50%")
    with recorded() as seen:
        assert directories.stats(made.name, "/x y/50%").total_images == 1
        assert directories.rename(made.name, "x y/50%", "tree").full_path == "/x y/tree"
        directories.delete(made.name, "x y/tree", cascade=True)
    assert len(asked(seen)) == 3
    assert [each.full_path for each in directories.list(made.name)] == ["/x y"]
    for attempt in (directories.stats, directories.delete):
        with raises(NotFoundError, status=404):
            attempt(made.name, "/nowhere")


@since("1.7.2")
@until("1.69.42")
def test_case_59_an_unknown_folder_is_not_found(world: World) -> None:
    folders = world.owner.client.folders
    for attempt in (folders.stats, folders.delete):
        with raises(NotFoundError, status=404):
            attempt(str(uuid.uuid4()))


@since("1.61.0")
def test_case_72_a_folder_has_a_name_of_its_own(world: World) -> None:
    made, owner = world.dataset(), world.owner
    owner.places.create(owner.called(made), "/a/d")
    for name in ("", "x/y", ".."):
        with raises(ValidationError, status=422):
            owner.places.rename(*owner.folder(made, "/a/d"), name)
    assert [each.full_path for each in owner.folders(made)] == ["/a", "/a/d"]
