"""A dataset's tree, whatever is done to it in whatever order: nothing gets lost, and an undo puts back what it can."""

from collections.abc import Callable
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, select

from stackroom.database.flavour import statement
from stackroom.database.schema import folder
from stackroom.doctor.questions import QUESTIONS
from stackroom.errors import Conflict, Invalid
from stackroom.library import assets, datasets, folders, listing
from stackroom.library.folders import Folder
from stackroom.library.listing import Filter
from stackroom.operations import change_folder, engine
from stackroom.operations.change_folder import remove_folder, rename_folder
from stackroom.operations.journal import Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Matching, Verb
from stackroom.testing.builders import Library, a_library

PATHS = ["/", "/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a"]
NAMES = ["1.jpg", "2.jpg", "1-1.jpg"]
ABOUT = [each for each in QUESTIONS if each.check in {"folders_complete", "assets_at_home", "names_unique"}]

paths, names = st.sampled_from(PATHS), st.sampled_from(NAMES)
which = st.integers(0, 15)


class Tree(RuleBasedStateMachine):
    library: ClassVar[Library]

    @initialize(at_once=st.sampled_from([2, engine.AT_ONCE]))
    def begin(self, at_once: int) -> None:
        engine.AT_ONCE = change_folder.AT_ONCE = at_once
        self.actor = self.library.an_actor()
        self.dataset = self.library.a_dataset(self.actor)
        self.found = self.library.read(lambda conn: datasets.find(conn, self.actor, self.dataset.reference))
        self.known: set[str] = set()
        self.operations: list[Operation] = []
        for path in ("/a", "/a/b"):
            self.add(path, "1.jpg")

    def teardown(self) -> None:
        engine.AT_ONCE = change_folder.AT_ONCE = 10_000
        self.library.write(
            lambda conn: remove_dataset(conn, self.actor, self.dataset.reference, now=self.library.now)
        )

    @rule(path=paths, name=names)
    def add(self, path: str, name: str) -> None:
        place = self.library.write(
            lambda conn: folders.ensure(conn, self.dataset.id, path, now=self.library.now)
        )
        if not self.library.read(lambda conn: assets.is_taken(conn, place, name)):
            self.known |= set(self.library.add(self.actor, self.dataset, [name], folder=path))

    @rule(path=paths)
    def make(self, path: str) -> None:
        self.library.write(lambda conn: folders.ensure(conn, self.dataset.id, path, now=self.library.now))
        assert path in self.tree()

    @rule(number=which, name=st.sampled_from(["a", "b", "c"]))
    def rename(self, number: int, name: str) -> None:
        before, path = self.tree(), self.a_folder(number)
        target = path.rpartition("/")[0] + "/" + name
        if self.change(
            path, lambda conn, it: rename_folder(conn, self.actor, it, name, now=self.library.now)
        ):
            below = path + "/"
            assert self.tree() == {
                target
                if each == path
                else target + each[len(path) :]
                if each.startswith(below)
                else each: uuid
                for each, uuid in before.items()
            }
        else:
            assert path == "/" or target in before

    @rule(number=which, cascade=st.booleans())
    def remove(self, number: int, cascade: bool) -> None:
        before, path = self.tree(), self.a_folder(number)

        def work(conn: Connection, it: Folder) -> None:
            done = remove_folder(conn, self.actor, it, cascade=cascade, now=self.library.now)
            self.operations += [done.moved] if done.moved is not None else []

        if self.change(path, work):
            del before[path]
        assert self.tree() == before

    @rule(number=which, to=paths)
    def move(self, number: int, to: str) -> None:
        if self.known:
            chosen = sorted(self.known)[number % len(self.known) :][:3]
            self.operations.append(self.library.submit(self.actor, Verb.MOVE, chosen, self.dataset, to=to))

    @rule(number=which)
    def archive_a_folder(self, number: int) -> None:
        chosen = Matching(Filter(dataset_id=self.dataset.id, folder=self.a_folder(number)))
        done = self.library.submit(self.actor, Verb.ARCHIVE, chosen, self.dataset)
        self.operations.append(done)

    @rule(number=which)
    def restore_all(self, number: int) -> None:
        if self.known:
            chosen = sorted(self.known)[number % len(self.known) :]
            self.operations.append(self.library.submit(self.actor, Verb.RESTORE, chosen, self.dataset))

    @rule(number=which)
    def undo(self, number: int) -> None:
        """Right after the operation everything can be put back; later, what has not changed since."""
        if not self.operations:
            return
        done = self.library.again(self.actor, self.operations[-1 - number % len(self.operations)])
        latest = done.uuid == self.operations[-1].uuid
        try:
            undone = self.library.undo(self.actor, done)
        except (Conflict, Invalid):
            assert not done.undoable
            return
        self.operations.append(undone)
        if latest:
            assert undone.outcomes.get(Outcome.NOT_FOUND, 0) == 0

    @rule()
    def undo_a_removal_at_once(self) -> None:
        """What one call takes away, another gives back: the same images at the same places."""
        taken = [path for path in self.tree() if path != "/"]
        if not taken:
            return
        path = max(taken, key=len)
        before = self.places()
        count = len(self.operations)
        self.remove(list(self.tree()).index(path), cascade=True)
        if len(self.operations) > count:
            undone = self.library.undo(self.actor, self.operations[-1])
            assert set(self.library.words(undone)) == {"done"}
            self.operations.append(undone)
            assert self.places() == before
            assert path in self.tree()

    @invariant()
    def nothing_is_lost_and_everything_has_its_place(self) -> None:
        rows = self.library.rows(self.actor)
        assert set(rows) == self.known

        def look(conn: Connection) -> tuple[list[Any], list[Any]]:
            wrong = [row for each in ABOUT for row in conn.execute(statement(each.query))]
            return wrong, listing.folder_counts(conn, self.dataset.id)

        wrong, counts = self.library.read(look)
        assert wrong == []
        live = [row for row in rows.values() if row["archived_at"] is None]
        assert sum(count for *_, count in counts) == len(live)

    def change(self, path: str, work: Callable[[Connection, Folder], object]) -> bool:
        """Whether it was done."""
        it = self.library.read(lambda conn: folders.at(conn, self.found, path))
        try:
            self.library.write(lambda conn: work(conn, it))
        except (Conflict, Invalid):
            return False
        return True

    def tree(self) -> dict[str, bytes]:
        here = folder.c.dataset_id == self.dataset.id
        query = select(folder.c.path, folder.c.uuid).where(here, folder.c.removed_from.is_(None))
        rows = self.library.read(lambda conn: conn.execute(query.order_by(folder.c.path)).all())
        return {row.path: row.uuid for row in rows}

    def a_folder(self, number: int) -> str:
        known = list(self.tree())
        return known[number % len(known)]

    def places(self) -> dict[str, tuple[str, str, bool]]:
        rows = self.library.rows(self.actor)
        return {key: (row["path"], row["name"], row["archived_at"] is None) for key, row in rows.items()}


@pytest.mark.every_database
@pytest.mark.timeout(600)
def test_a_tree_holds_whatever_is_done_to_it(database_url: str, database_kind: str) -> None:
    usual = settings.default.max_examples
    examples = max(10, usual // (2 if database_kind == "sqlite" else 5))
    with a_library(database_url) as library:
        machine = type("TreeHere", (Tree,), {"library": library})
        run_state_machine_as_test(machine, settings=settings(max_examples=examples, deadline=None))
