"""Folders: made, renamed with all that is below, and removed, without anything in them getting lost."""

from typing import Any

import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.flavour import statement
from stackroom.database.schema import event, folder
from stackroom.doctor.questions import QUESTIONS
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import datasets, folders, listing
from stackroom.library.folders import Folder
from stackroom.library.listing import Filter
from stackroom.operations import engine
from stackroom.operations.change_folder import RemovedFolder, remove_folder, rename_folder
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Changes, Matching, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database


class Tree:
    """A dataset, and what can be done to its folders."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor)

    def add(self, folder: str, *names: str) -> list[str]:
        return self.library.add(self.actor, self.dataset, names, folder=folder)

    def make(self, *paths: str) -> None:
        self.library.write(
            lambda conn: folders.ensure_many(conn, self.dataset.id, paths, now=self.library.now)
        )

    def at(self, path: str) -> Folder:
        found = self.library.read(lambda conn: datasets.find(conn, self.actor, self.dataset.reference))
        return self.library.read(lambda conn: folders.at(conn, found, path))

    def rename(self, path: str, name: str, actor: Actor | None = None) -> Folder:
        found = self.at(path)
        who = actor or self.actor
        return self.library.write(lambda conn: rename_folder(conn, who, found, name, now=self.library.now))

    def remove(self, path: str, *, cascade: bool = False, actor: Actor | None = None) -> RemovedFolder:
        found = self.at(path)
        who = actor or self.actor
        return self.library.write(
            lambda conn: remove_folder(conn, who, found, cascade=cascade, now=self.library.now)
        )

    def paths(self) -> list[str]:
        rows = self.library.read(lambda conn: listing.folder_counts(conn, self.dataset.id))
        return [path for _, _, path, _, _ in rows]

    def run(self, verb: Verb, *asked: str, **rest: Any) -> Any:
        return self.library.submit(self.actor, verb, asked, self.dataset, **rest)

    def images(self) -> list[str]:
        return self.library.paths(self.dataset)

    def events(self) -> list[str]:
        mine = event.c.organization_id == self.actor.organization_id
        query = select(event.c.type).where(mine, event.c.type.like("folder.%")).order_by(event.c.id)
        return self.library.read(lambda conn: list(conn.scalars(query)))


@pytest.fixture
def tree(library: Library) -> Tree:
    return Tree(library)


def test_folders_are_made_with_their_parents_in_as_many_statements_as_they_are_deep(tree: Tree) -> None:
    counts = []
    for many in (2, 200):
        wanted = [f"/{many}/{n}/deep" for n in range(many)]
        with tree.library.statements() as sent:
            tree.make(*wanted)
        counts.append(len(sent))
        assert set(wanted) <= set(tree.paths())
    assert counts[0] == counts[1]


def test_making_a_folder_again_finds_it(tree: Tree) -> None:
    found = tree.library.read(lambda conn: datasets.find(conn, tree.actor, tree.dataset.reference))

    def make() -> tuple[Folder, bool]:
        return tree.library.write(
            lambda conn: folders.create(conn, tree.actor, found, "/a/b", now=tree.library.now)
        )

    (first, made), (second, again) = make(), make()
    assert (made, again, first) == (True, False, second)
    assert tree.paths() == ["/", "/a", "/a/b"]
    assert tree.events() == ["folder.created"]


def test_the_root_is_neither_made_nor_renamed_nor_removed(tree: Tree) -> None:
    found = tree.library.read(lambda conn: datasets.find(conn, tree.actor, tree.dataset.reference))
    for attempt in (
        lambda: tree.library.write(lambda conn: folders.create(conn, tree.actor, found, "/", now=1)),
        lambda: tree.rename("/", "a"),
        lambda: tree.remove("/", cascade=True),
    ):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.code == "root_folder"


def test_a_viewer_changes_no_folder(tree: Tree) -> None:
    tree.make("/a")
    viewer = tree.library.an_actor(Role.VIEWER, of=tree.actor)
    found = tree.library.read(lambda conn: datasets.find(conn, tree.actor, tree.dataset.reference))
    with pytest.raises(Forbidden):
        tree.rename("/a", "b", viewer)
    with pytest.raises(Forbidden):
        tree.remove("/a", actor=viewer)
    with pytest.raises(Forbidden):
        tree.library.write(lambda conn: folders.create(conn, viewer, found, "/b", now=1))
    assert tree.paths() == ["/", "/a"]


def test_a_folder_is_found_by_id_by_its_own_organization_only(tree: Tree) -> None:
    tree.make("/a")
    known, stranger = tree.at("/a"), tree.library.an_actor()

    def by(who: Actor, reference: str) -> Folder | None:
        return tree.library.read(lambda conn: folders.by_reference(conn, who, reference))

    assert by(tree.actor, ids.text(known.uuid)) == known
    assert by(stranger, ids.text(known.uuid)) is None
    assert by(tree.actor, "no id") is None
    tree.remove("/a")
    assert by(tree.actor, ids.text(known.uuid)) is None


def test_a_rename_takes_along_what_is_below_and_nothing_else(tree: Tree) -> None:
    for place in ("/a", "/a/b", "/a/b/c", "/a-b", "/a!", "/a0", "/ab", "/x/a"):
        tree.add(place, "1.jpg")
    before = tree.at("/a/b")
    renamed = tree.rename("/a", "z")
    assert renamed.path == "/z"
    assert tree.at("/z/b").uuid == before.uuid
    assert tree.images() == sorted(
        f"{place}/1.jpg" for place in ("/z", "/z/b", "/z/b/c", "/a-b", "/a!", "/a0", "/ab", "/x/a")
    )
    assert tree.events() == ["folder.renamed"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a_b", "a%b"),
        ("a%", "a"),
        ("a[x]*?", "a|b"),
        ("名", "🙂"),
        ("'", '"'),
        ("a", "aa"),
        ("aa", "a"),
    ],
)
def test_names_with_letters_that_mean_something_to_a_database(tree: Tree, old: str, new: str) -> None:
    tree.add(f"/{old}/in", "1.jpg")
    tree.add("/axb/in", "2.jpg")
    tree.rename(f"/{old}", new)
    assert tree.images() == sorted([f"/{new}/in/1.jpg", "/axb/in/2.jpg"])


def test_a_rename_to_the_same_name_changes_nothing(tree: Tree) -> None:
    tree.make("/a")
    assert tree.rename("/a", "a") == tree.at("/a")
    assert tree.events() == []


def test_two_folders_are_never_merged(tree: Tree) -> None:
    tree.make("/x/a", "/x/b/a")
    with pytest.raises(Conflict):
        tree.rename("/x/a", "b")
    assert tree.rename("/x/b/a", "b").path == "/x/b/b"
    assert tree.rename("/x/a", "A").path == "/x/A"  # case counts


def test_a_rename_that_makes_a_path_too_long_is_refused(tree: Tree) -> None:
    tree.make("/a/" + "/".join(["x" * 250] * 4))
    with pytest.raises(Invalid) as refused:
        tree.rename("/a", "b" * 200)
    assert refused.value.code == "invalid_path"
    assert "/a" in tree.paths()


def test_a_rename_takes_as_many_statements_however_much_is_below(tree: Tree) -> None:
    counts = []
    for many in (3, 300):
        tree.make(*(f"/top-{many}/{n}" for n in range(many)))
        found = tree.at(f"/top-{many}")
        with tree.library.statements() as sent:
            tree.library.write(
                lambda conn, it=found: rename_folder(conn, tree.actor, it, f"to-{it.id}", now=1)
            )
        counts.append(len(sent))
        assert f"/to-{found.id}/{many - 1}" in tree.paths()
    assert counts[0] == counts[1] <= 9


def test_a_rename_that_meets_a_removal_finds_nothing(tree: Tree) -> None:
    """What was looked up before the tree was held may be gone by then: on PostgreSQL, where others may be first."""
    tree.make("/a")
    known = tree.at("/a")
    tree.remove("/a")
    with pytest.raises(NotFound):
        tree.library.read(lambda conn: folders.again(conn, known))


def test_what_was_moved_before_a_rename_is_put_back_to_where_that_folder_is_now(tree: Tree) -> None:
    [one] = tree.add("/a", "1.jpg")
    done = tree.run(Verb.MOVE, one, to="/b")
    tree.rename("/a", "z")
    assert tree.library.words(tree.library.undo(tree.actor, done)) == ["done"]
    assert tree.images() == ["/z/1.jpg"]


def test_an_empty_folder_is_removed_and_its_place_is_free(tree: Tree) -> None:
    tree.make("/a/b")
    first = tree.at("/a/b")
    assert tree.remove("/a/b").moved is None
    assert tree.paths() == ["/", "/a"]
    tree.make("/a/b")
    assert tree.at("/a/b").uuid != first.uuid
    tree.remove("/a/b")
    tree.remove("/a")
    assert tree.paths() == ["/"]
    assert tree.events() == ["folder.deleted"] * 3


@pytest.mark.parametrize("cascade", [True, False])
def test_a_folder_with_folders_below_is_kept(tree: Tree, cascade: bool) -> None:
    tree.make("/a/b")
    with pytest.raises(Conflict) as refused:
        tree.remove("/a", cascade=cascade)
    assert refused.value.code == "folder_not_empty"
    assert tree.paths() == ["/", "/a", "/a/b"]


def test_a_folder_with_images_is_kept_unless_asked_to_move_them(tree: Tree) -> None:
    one, two = tree.add("/a", "1.jpg", "2.jpg")
    tree.run(Verb.ARCHIVE, two)
    with pytest.raises(Conflict, match="1 live and 1 archived images"):
        tree.remove("/a")
    tree.run(Verb.ARCHIVE, one)
    with pytest.raises(Conflict):
        tree.remove("/a")
    done = tree.remove("/a", cascade=True)
    assert done.moved is not None
    assert done.moved.succeeded == 2
    assert tree.library.archived(tree.dataset) == {one: "/1.jpg", two: "/2.jpg"}


def test_images_go_to_the_parent_under_free_names_and_come_back_with_their_folder(tree: Tree) -> None:
    one, old = tree.add("/a/b", "1.jpg", "old.jpg")
    tree.run(Verb.ARCHIVE, old)
    [above] = tree.add("/a", "1.jpg")
    done = tree.remove("/a/b", cascade=True)
    assert tree.library.live(tree.dataset) == {"/a/1.jpg": above, "/a/1-1.jpg": one}
    assert done.moved is not None
    [item, _] = tree.library.items(done.moved)
    assert item.before is not None
    assert item.before["folder"] == "/a/b"
    undone = tree.library.undo(tree.actor, done.moved)
    assert tree.library.words(undone) == ["done", "done"]
    assert tree.library.live(tree.dataset) == {"/a/1.jpg": above, "/a/b/1.jpg": one}
    assert tree.library.archived(tree.dataset) == {old: "/a/b/old.jpg"}
    assert set(tree.library.words(tree.library.undo(tree.actor, undone))) == {"done"}
    assert tree.library.live(tree.dataset) == {"/a/1.jpg": above, "/a/1-1.jpg": one}


def test_an_undo_finds_the_folder_that_has_taken_the_place_of_a_removed_one(tree: Tree) -> None:
    [one] = tree.add("/a", "1.jpg")
    done = tree.remove("/a", cascade=True).moved
    tree.add("/a", "2.jpg")
    assert done is not None
    assert tree.library.words(tree.library.undo(tree.actor, done)) == ["done"]
    assert tree.images() == ["/a/1.jpg", "/a/2.jpg"]
    assert tree.library.live(tree.dataset)["/a/1.jpg"] == one


def test_every_earlier_move_can_be_undone_through_a_removed_folder(tree: Tree) -> None:
    """Each undo leaves what the one before it needs: the number of the folder has changed, its place has not."""
    [one] = tree.add("/a", "1.jpg")
    first = tree.run(Verb.MOVE, one, to="/b")
    second = tree.remove("/b", cascade=True).moved
    tree.remove("/a")
    assert second is not None
    assert tree.images() == ["/1.jpg"]
    assert tree.library.words(tree.library.undo(tree.actor, second)) == ["done"]
    assert tree.images() == ["/b/1.jpg"]
    assert tree.library.words(tree.library.undo(tree.actor, first)) == ["done"]
    assert tree.images() == ["/a/1.jpg"]


def test_a_removed_folder_is_where_it_would_be_by_now(tree: Tree) -> None:
    [one] = tree.add("/a/b", "1.jpg")
    done = tree.remove("/a/b", cascade=True).moved
    tree.rename("/a", "z")
    assert done is not None
    assert tree.library.words(tree.library.undo(tree.actor, done)) == ["done"]
    assert tree.library.live(tree.dataset) == {"/z/b/1.jpg": one}


def test_a_name_that_was_taken_in_the_new_folder_is_not_taken_again(tree: Tree) -> None:
    [one] = tree.add("/a", "1.jpg")
    done = tree.remove("/a", cascade=True).moved
    [two] = tree.add("/a", "1.jpg")
    assert done is not None
    assert tree.library.words(tree.library.undo(tree.actor, done)) == ["done"]
    assert tree.library.live(tree.dataset) == {"/a/1.jpg": two, "/a/1-1.jpg": one}


def test_a_dry_undo_makes_no_folder(tree: Tree) -> None:
    tree.add("/a", "1.jpg")
    done = tree.remove("/a", cascade=True).moved
    assert done is not None
    with pytest.raises(engine.DryRun):
        tree.library.write(
            lambda conn: engine.submit_undo(conn, tree.actor, ids.text(done.uuid), dry_run=True, now=1)
        )
    assert tree.paths() == ["/"]


def test_no_folder_is_made_for_images_that_are_gone(tree: Tree) -> None:
    [one] = tree.add("/a", "1.jpg")
    done = tree.remove("/a", cascade=True).moved
    tree.run(Verb.PURGE, one)
    assert done is not None
    assert tree.library.words(tree.library.undo(tree.actor, done)) == ["not_found"]
    assert tree.paths() == ["/"]


def test_a_large_undo_makes_the_folders_it_needs(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    some = tree.add("/a", *(f"{n}.jpg" for n in range(5)))
    done = tree.run(Verb.MOVE, *some, to="/b")
    tree.remove("/a")
    monkeypatch.setattr(engine, "AT_ONCE", 2)
    undone = tree.library.undo(tree.actor, done)
    assert (undone.total, undone.succeeded) == (5, 5)
    assert tree.images() == [f"/a/{n}.jpg" for n in range(5)]


def test_many_removed_folders_come_back_in_as_many_statements_as_two(tree: Tree) -> None:
    counts = []
    for many in (2, 40):
        of_many = Tree(tree.library)
        of_many.library.add_everywhere(
            of_many.actor, of_many.dataset, "1.jpg", [f"/{n}" for n in range(many)]
        )
        chosen = Matching(Filter(dataset_id=of_many.dataset.id))
        done = of_many.library.submit(of_many.actor, Verb.MOVE, chosen, of_many.dataset, to="/all")
        for n in range(many):
            of_many.remove(f"/{n}")
        with tree.library.statements() as sent:
            of_many.library.undo(of_many.actor, done)
        counts.append(len(sent))
        assert len(of_many.images()) == many
        assert "/1/1.jpg" in of_many.images()
    assert counts[0] == counts[1] <= 25


def test_more_than_one_transaction_moves_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackroom.operations.change_folder.AT_ONCE", 2)
    tree.add("/a", "1.jpg", "2.jpg", "3.jpg")
    with pytest.raises(Conflict) as refused:
        tree.remove("/a", cascade=True)
    assert refused.value.code == "folder_too_large"
    assert refused.value.details == {"count": 3, "limit": 2}
    assert len(tree.images()) == 3
    assert "/a" in tree.paths()


@pytest.mark.parametrize("target", ["/a", "/a/b"])
def test_what_a_large_operation_is_on_its_way_into_stays(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """The chunks still to come name it by its path, and would make it anew."""
    some = tree.add("/", "1.jpg", "2.jpg", "3.jpg")
    tree.make("/a", "/ab", "/free")
    monkeypatch.setattr(engine, "AT_ONCE", 1)
    begun = tree.library.begin(tree.actor, tree.library.request(Verb.MOVE, some, tree.dataset, to=target))
    for attempt in (lambda: tree.rename("/a", "z"), lambda: tree.remove("/a", cascade=True)):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "operation_running"
    tree.rename("/ab", "abc")
    tree.remove("/free")
    tree.library.finish(tree.actor, begun)
    assert tree.rename("/a", "z").path == "/z"
    assert len(tree.images()) == 3


def test_a_dataset_goes_with_its_removed_folders_and_counts_those_it_had(tree: Tree) -> None:
    tree.make("/a/b", "/c")
    tree.remove("/c")
    gone = tree.library.write(
        lambda conn: remove_dataset(conn, tree.actor, tree.dataset.reference, now=tree.library.now)
    )
    assert gone.folders == 2
    left = select(folder.c.id).where(folder.c.dataset_id == tree.dataset.id)
    assert tree.library.read(lambda conn: conn.execute(left).all()) == []


def test_the_doctor_finds_nothing_wrong_with_a_removed_folder(tree: Tree) -> None:
    tree.add("/a/b", "1.jpg")
    tree.remove("/a/b", cascade=True)
    about = [each for each in QUESTIONS if each.check in {"folders_complete", "assets_at_home"}]
    assert [
        tree.library.read(lambda conn, it=it: conn.execute(statement(it.query)).all()) for it in about
    ] == [
        [],
        [],
    ]


def test_folders_below_one_are_counted_without_the_others(tree: Tree) -> None:
    tree.add("/a/b", "1.jpg", "2.jpg")
    tree.add("/ab", "3.jpg")
    rows = tree.library.read(lambda conn: listing.folder_counts(conn, tree.dataset.id, "/a"))
    assert [(path, count) for _, _, path, _, count in rows] == [("/a", 0), ("/a/b", 2)]


def test_what_is_in_a_folder_is_added_up_with_or_without_what_is_below(tree: Tree) -> None:
    tree.add("/a", "1.jpg")
    two, three = tree.add("/a/b", "2.jpg", "3.jpg")
    tree.run(Verb.ARCHIVE, two)
    tree.run(Verb.UPDATE, three, changes=Changes(status="review"))

    def stats(path: str, *, recursive: bool) -> tuple[int, dict[str, int], int]:
        seen = tree.library.read(
            lambda conn: listing.folder_stats(conn, tree.dataset.id, path, recursive=recursive)
        )
        return seen.folders, seen.by_status, seen.bytes

    assert stats("/a", recursive=False) == (1, {"new": 1}, 10)
    assert stats("/a", recursive=True) == (2, {"new": 1, "review": 1}, 20)
    assert stats("/", recursive=True) == (3, {"new": 1, "review": 1}, 20)
    assert stats("/none", recursive=True) == (0, {}, 0)


def test_a_folder_with_its_archived_images_is_listed(tree: Tree) -> None:
    one, two = tree.add("/a", "1.jpg", "2.jpg")
    tree.add("/b", "3.jpg")
    tree.run(Verb.ARCHIVE, one)
    wanted = Filter(dataset_id=tree.dataset.id, folder="/a", archived=None)
    page = tree.library.read(lambda conn: listing.page(conn, wanted, limit=10))
    assert [ids.text(each.uuid) for each in page] == [two, one]
    assert tree.library.read(lambda conn: listing.count(conn, wanted)) == 2


def test_a_folder_of_somebody_else_is_left_alone_by_a_rename(library: Library) -> None:
    one, other = Tree(library), Tree(library)
    both: list[ADataset] = [one.dataset, other.dataset]
    for each in (one, other):
        each.add("/a/b", "1.jpg")
    one.rename("/a", "z")
    assert [library.paths(each) for each in both] == [["/z/b/1.jpg"], ["/a/b/1.jpg"]]
