"""Folders put into other folders, with everything below them."""

import pytest
from sqlalchemy import select

from stackroom.access import Role
from stackroom.database.schema import event, folder
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import datasets, folders
from stackroom.library.folders import Folder
from stackroom.library.names import MAX_DEPTH, ROOT
from stackroom.operations.change_folder import move_folder, remove_folder
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


class Tree:
    def __init__(self, library: Library, *paths: str) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor)
        library.write(lambda conn: folders.ensure_many(conn, self.dataset.id, paths, now=library.now))

    def at(self, path: str) -> Folder:
        found = self.library.read(lambda conn: datasets.find(conn, self.actor, self.dataset.reference))
        return self.library.read(lambda conn: folders.at(conn, found, path))

    def move(self, path: str, into: str, name: str | None = None, *, role: Role = Role.OWNER) -> Folder:
        actor = self.library.an_actor(role, of=self.actor)
        known, above = self.at(path), self.at(into)
        return self.library.write(
            lambda conn: move_folder(conn, actor, known, above, name, now=self.library.now)
        )

    def paths(self) -> list[str]:
        return [each.path for each in self.library.read(lambda conn: folders.branches(conn, self.dataset.id))]

    def branch(self, path: str) -> folders.Branch:
        known = self.at(path)
        return self.library.read(lambda conn: folders.branch(conn, known))


def test_a_folder_moves_with_all_that_is_in_it(library: Library) -> None:
    tree = Tree(library, "/a/b/c", "/a-z", "/d")
    ids = library.add(tree.actor, tree.dataset, ["1.jpg"], folder="/a/b/c")
    moved = tree.move("/a/b", "/d", "e")
    assert moved.path == "/d/e"
    assert tree.paths() == ["/a", "/a-z", "/d", "/d/e", "/d/e/c"]
    assert library.live(tree.dataset) == {"/d/e/c/1.jpg": ids[0]}
    assert tree.branch("/d/e").above == tree.at("/d").uuid
    assert tree.branch("/d/e").updated_at > tree.branch("/d/e").created_at
    kinds = select(event.c.type).where(event.c.dataset_id == tree.dataset.id).order_by(event.c.id.desc())
    assert library.read(lambda conn: conn.scalar(kinds)) == "folder.renamed"


def test_a_folder_moves_to_the_root_and_has_none_above_it(library: Library) -> None:
    tree = Tree(library, "/a/b")
    tree.move("/a/b", ROOT)
    assert tree.paths() == ["/a", "/b"]
    assert tree.branch("/b").above is None
    parent = select(folder.c.parent_id).where(folder.c.id == tree.at("/b").id)
    assert library.read(lambda conn: conn.scalar(parent)) == tree.at(ROOT).id


@pytest.mark.parametrize("into", ["/a", "/a/b", "/a/b/c"])
def test_no_folder_is_put_below_itself(library: Library, into: str) -> None:
    tree = Tree(library, "/a/b/c")
    with pytest.raises(Invalid) as refused:
        tree.move("/a", into)
    assert refused.value.code == "folder_cycle"
    assert tree.paths() == ["/a", "/a/b", "/a/b/c"]


def test_a_folder_whose_name_begins_like_another_is_none_below_it(library: Library) -> None:
    tree = Tree(library, "/a", "/a-z")
    assert tree.move("/a", "/a-z").path == "/a-z/a"


def test_a_folder_is_never_merged_with_one_that_is_there(library: Library) -> None:
    tree = Tree(library, "/a", "/b/a")
    with pytest.raises(Conflict):
        tree.move("/a", "/b")
    assert tree.paths() == ["/a", "/b", "/b/a"]


def test_moving_a_folder_to_where_it_is_changes_nothing(library: Library) -> None:
    tree = Tree(library, "/a/b")
    tree.move("/a/b", "/a")
    assert tree.branch("/a/b").updated_at == tree.branch("/a/b").created_at


def test_a_tree_gets_no_deeper_than_can_be_answered(library: Library) -> None:
    half = MAX_DEPTH // 2
    tree = Tree(library, "/a" * half, "/b" * (half + 1))
    with pytest.raises(Invalid) as refused:
        tree.move("/a", "/b" * (half + 1))
    assert refused.value.code == "invalid_path"
    assert tree.move("/a", "/b" * half).path == "/b" * half + "/a"


def test_a_viewer_moves_no_folder(library: Library) -> None:
    tree = Tree(library, "/a", "/b")
    with pytest.raises(Forbidden):
        tree.move("/a", "/b", role=Role.VIEWER)


def test_a_move_into_what_has_just_been_removed_finds_nothing(library: Library) -> None:
    tree = Tree(library, "/a", "/b")
    known, gone = tree.at("/a"), tree.at("/b")
    library.write(lambda conn: remove_folder(conn, tree.actor, gone, cascade=False, now=library.now))
    with pytest.raises(NotFound):
        library.write(lambda conn: move_folder(conn, tree.actor, known, gone, now=library.now))


def test_the_folders_right_below_one_are_listed_without_those_deeper_down(library: Library) -> None:
    tree = Tree(library, "/b/x", "/a/y/z")

    def below(path: str) -> list[str]:
        return [
            each.path
            for each in library.read(lambda conn: folders.branches(conn, tree.dataset.id, right_below=path))
        ]

    assert below(ROOT) == ["/a", "/b"]
    assert below("/a") == ["/a/y"]
    assert below("/nowhere") == []


def test_a_folder_is_found_by_its_id_in_its_own_dataset_only(library: Library) -> None:
    tree = Tree(library, "/a")
    other = library.a_dataset(tree.actor)
    known, root = tree.at("/a"), tree.at(ROOT)
    found = library.read(
        lambda conn: [
            folders.by_uuid(conn, tree.dataset.id, known.uuid),
            folders.by_uuid(conn, other.id, known.uuid),
            folders.by_uuid(conn, tree.dataset.id, root.uuid),
        ]
    )
    assert found == [known, None, None]
