"""Folders, which newer clients call directories."""

from marks import since
from world import World


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
