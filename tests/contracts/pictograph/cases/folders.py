"""Folders, which newer clients call directories."""

from typing import Any

from marks import since
from pictograph import ConflictError, NotFoundError, ValidationError
from world import World, raises


@since("1.7.2")
def test_case_59_folders_are_listed_below_a_parent(world: World) -> None:
    made, owner = world.dataset(), world.owner
    for name, folder in (("a.png", "/cars"), ("b.png", "/cars/red"), ("c.png", "/boats")):
        world.image(made, name, folder)
    paths = {each.full_path: each for each in owner.folders(made)}
    assert list(paths) == ["/boats", "/cars", "/cars/red"]
    parent = f"parent_{owner.word}_id"
    assert getattr(paths["/cars/red"], parent) == paths["/cars"].id
    assert getattr(paths["/cars"], parent) is None
    assert paths["/cars"].image_count == 1
    assert [each.full_path for each in owner.folders(made, parent_path="")] == ["/boats", "/cars"]
    assert [each.full_path for each in owner.folders(made, parent_path="/cars")] == ["/cars/red"]


@since("1.7.2")
def test_case_59_folders_are_a_tree(world: World) -> None:
    made = world.dataset()
    for name, folder in (("a.png", "/cars"), ("b.png", "/cars/red"), ("c.png", "/boats")):
        world.image(made, name, folder)
    boats, cars = world.owner.tree(made)
    assert (boats.full_path, cars.full_path, cars.children[0].full_path) == ("/boats", "/cars", "/cars/red")
    assert (boats.image_count, cars.image_count, boats.children) == (1, 1, [])
    raw = world.raw("GET", f"/directories/tree/{made.id}").json()
    assert [node["nested_image_count"] for node in raw] == [1, 2]


def folders_of(world: World) -> Any:
    """The resource: folders or directories."""
    return getattr(world.owner.client, world.owner.words)


def on(world: World, made: Any, folder: Any) -> tuple[str, ...]:
    """What names a folder: its id or, for those who have directories, its place."""
    return (made.name, folder.full_path) if world.owner.words == "directories" else (folder.id,)


@since("1.7.2")
def test_case_59_a_folder_is_counted_with_or_without_what_is_below(world: World) -> None:
    made = world.dataset()
    world.image(made, "a.png", "/cars")
    world.image(made, "b.png", "/cars/red")
    cars = world.owner.folders(made)[0]
    stats = folders_of(world).stats(*on(world, made, cars))
    assert (getattr(stats, f"total_{world.owner.words}"), stats.total_images) == (2, 2)
    assert getattr(stats, f"{world.owner.words}_by_status") == {"new": 2}
    assert stats.total_size_bytes > 0
    alone = folders_of(world).stats(*on(world, made, cars), **{f"include_sub{world.owner.words}": False})
    assert alone.total_images == 1


@since("1.7.2")
def test_case_59_a_folder_with_images_goes_when_they_may_be_moved(world: World) -> None:
    made, folders = world.dataset(), folders_of(world)
    image = world.image(made, "a.png", "/cars/red")
    world.image(made, "a.png", "/cars")
    cars, red = world.owner.folders(made)
    for folder, options in ((red, {}), (cars, {"cascade": True})):
        with raises(ValidationError, status=400):
            folders.delete(*on(world, made, folder), **options)
    assert folders.delete(*on(world, made, red), cascade=True) is None
    shown = world.shown(image)
    assert (shown["folder_path"], shown["filename"]) == ("/cars", "a-1.png")
    assert [each.full_path for each in world.owner.folders(made)] == ["/cars"]
    with raises(NotFoundError):  # 1.69.43 sees by itself that it is gone
        folders.delete(*on(world, made, red))


@since("1.61.0")
def test_case_59_a_folder_is_made_once_and_renamed_with_all_below(world: World) -> None:
    made, folders = world.dataset(), folders_of(world)
    which = world.owner.called(made)
    deep = folders.create(which, "/cars/red")
    assert folders.create(which, "/cars/red").id == deep.id
    assert (deep.full_path, deep.name, deep.image_count) == ("/cars/red", "red", 0)
    image = world.image(made, "a.png", "/cars/red")
    folders.create(which, "/boats")
    cars = next(each for each in world.owner.folders(made) if each.full_path == "/cars")
    with raises(ConflictError, status=409):
        folders.rename(*on(world, made, cars), "boats")
    renamed = folders.rename(*on(world, made, cars), "vehicles")
    assert (renamed.id, renamed.full_path) == (cars.id, "/vehicles")
    assert world.shown(image)["folder_path"] == "/vehicles/red"
    assert [each.full_path for each in world.owner.folders(made)] == ["/boats", "/vehicles", "/vehicles/red"]


@since("1.7.2")
def test_case_59_datasets_and_folders_may_be_called_like_words_of_the_addresses(world: World) -> None:
    for name in ("list", "tree"):
        made = world.owner.create(name)
        try:
            for folder in ("/stats", "/rename/stats", "/tree", "/a b%2F"):
                world.image(made, folder=folder)
            found = {each.full_path: each for each in world.owner.folders(made)}
            assert [each.name for each in world.owner.tree(made)] == ["a b%2F", "rename", "stats", "tree"]
            for folder in found.values():
                assert folders_of(world).stats(*on(world, made, folder)).total_images == 1
            folders_of(world).delete(*on(world, made, found["/rename/stats"]), cascade=True)
        finally:
            world.owner.remove(name)
