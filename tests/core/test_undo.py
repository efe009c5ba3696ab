"""Undo: what an operation changed is put back, item by item, where nothing has changed it since."""

from typing import Any

import msgspec
import pytest

from stackroom import ids
from stackroom.access import Role
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import annotations, comments
from stackroom.operations import engine, journal
from stackroom.operations.journal import Operation
from stackroom.operations.request import Changes, Collision, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


class Scene:
    """A dataset with `/a.jpg`, `/b.jpg` and, archived, `/old.jpg`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg", "old.jpg"])
        self.a, self.b, self.old = self.dataset.ids
        self.run(Verb.ARCHIVE, self.old)

    def run(self, verb: Verb, *asked: str, **rest: Any) -> Operation:
        return self.library.submit(self.actor, verb, asked, self.dataset, **rest)

    def undo(self, done: Operation) -> list[str]:
        return self.library.words(self.library.undo(self.actor, done))

    def state(self) -> dict[str, dict[str, Any]]:
        """The rows without what every change moves on."""
        moving = {"version", "updated_at"}
        rows = self.library.rows(self.actor)
        return {key: {n: v for n, v in row.items() if n not in moving} for key, row in rows.items()}

    def paths(self) -> list[str]:
        return self.library.paths(self.dataset)


@pytest.fixture
def scene(library: Library) -> Scene:
    return Scene(library)


EVERY = [
    (Verb.MOVE, {"to": "/new"}),
    (Verb.COPY, {"to": "/new"}),
    (Verb.UPDATE, {"changes": Changes(status="complete", display_name="A", split="val")}),
    (Verb.UPDATE, {"changes": Changes(archived=True, status="review")}),
    (Verb.ARCHIVE, {}),
    (Verb.RESTORE, {}),
]


@pytest.mark.parametrize(("verb", "rest"), EVERY)
def test_undo_puts_everything_back_and_undoing_that_does_it_again(
    scene: Scene, verb: Verb, rest: dict[str, Any]
) -> None:
    before = scene.state()
    done = scene.run(verb, *scene.dataset.ids, **rest)
    after = scene.state()
    assert after != before
    undone = scene.library.undo(scene.actor, done)
    assert set(scene.library.words(undone)) == {"done"}
    assert undone.total == done.outcomes[next(iter(done.outcomes)).DONE]
    assert scene.state() == before
    if verb is Verb.COPY:
        with pytest.raises(Invalid):
            scene.undo(undone)
    else:
        assert set(scene.undo(undone)) == {"done"}
        assert scene.state() == after


def test_an_undo_knows_what_it_undid(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    assert done.undoable
    undone = scene.library.undo(scene.actor, done)
    again = scene.library.again(scene.actor, done)
    assert (undone.verb, undone.undo_of, again.undone_by) == (Verb.UNDO, done.uuid, undone.uuid)
    assert (again.undoable, undone.undoable) == (False, True)


def test_undo_is_about_what_was_done_only(scene: Scene) -> None:
    scene.library.add(scene.actor, scene.dataset, ["b.jpg"], folder="/new")
    asked = ["x", scene.a, scene.b]
    done = scene.run(Verb.MOVE, *asked, to="/new", on_collision=Collision.SKIP)
    assert scene.library.words(done) == ["not_found", "done", "skipped"]
    undone = scene.library.undo(scene.actor, done)
    assert [(item.position, item.outcome.word) for item in scene.library.items(undone)] == [(1, "done")]
    assert scene.paths() == ["/a.jpg", "/b.jpg", "/new/b.jpg"]


def test_what_has_changed_since_is_left_as_it_is(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, scene.b, to="/new")
    scene.run(Verb.MOVE, scene.a, to="/elsewhere")
    assert scene.undo(done) == ["changed_since", "done"]
    assert scene.paths() == ["/b.jpg", "/elsewhere/a.jpg"]


def test_a_change_of_something_else_is_no_hindrance(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    scene.run(Verb.UPDATE, scene.a, changes=Changes(status="complete"))
    assert scene.undo(done) == ["done"]
    row = scene.library.rows(scene.actor)[scene.a]
    assert (row["path"], row["status"]) == ("/", "complete")


def test_what_is_gone_cannot_be_put_back(scene: Scene) -> None:
    done = scene.run(Verb.UPDATE, scene.a, scene.b, changes=Changes(split="val"))
    scene.run(Verb.PURGE, scene.b)
    assert scene.undo(done) == ["done", "not_found"]


def test_a_name_that_was_taken_meanwhile_gets_a_number(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    [newer] = scene.library.add(scene.actor, scene.dataset, ["a.jpg"])
    undone = scene.library.undo(scene.actor, done)
    assert scene.library.live(scene.dataset)["/a-1.jpg"] == scene.a
    assert scene.library.live(scene.dataset)["/a.jpg"] == newer
    assert scene.undo(undone) == ["done"]
    assert scene.library.live(scene.dataset)["/new/a.jpg"] == scene.a


def test_undoing_a_move_that_renamed_gives_the_name_back(scene: Scene) -> None:
    scene.library.add(scene.actor, scene.dataset, ["a.jpg"], folder="/new")
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    assert "/new/a-1.jpg" in scene.paths()
    assert scene.undo(done) == ["done"]
    assert scene.library.live(scene.dataset)["/a.jpg"] == scene.a


def test_undoing_a_restore_that_renamed_gives_the_name_back(scene: Scene) -> None:
    scene.library.add(scene.actor, scene.dataset, ["old.jpg"])
    done = scene.run(Verb.RESTORE, scene.old)
    assert scene.library.live(scene.dataset)["/old-1.jpg"] == scene.old
    assert scene.undo(done) == ["done"]
    assert scene.library.archived(scene.dataset) == {scene.old: "/old.jpg"}


def test_undoing_an_archive_when_the_name_was_taken_gives_a_number(scene: Scene) -> None:
    done = scene.run(Verb.ARCHIVE, scene.a)
    scene.library.add(scene.actor, scene.dataset, ["a.jpg"])
    assert scene.undo(done) == ["done"]
    assert scene.library.live(scene.dataset)["/a-1.jpg"] == scene.a


def test_what_was_archived_again_since_stays_archived(scene: Scene) -> None:
    done = scene.run(Verb.ARCHIVE, scene.a)
    scene.run(Verb.RESTORE, scene.a)
    scene.run(Verb.ARCHIVE, scene.a)
    assert scene.undo(done) == ["changed_since"]
    assert scene.a in scene.library.archived(scene.dataset)


def test_undoing_a_copy_removes_the_copies_and_no_source(scene: Scene) -> None:
    keys = scene.library.blob_keys(scene.actor)
    done = scene.run(Verb.COPY, scene.a, scene.b, to="/new", copy_annotations=True)
    assert scene.undo(done) == ["done", "done"]
    assert scene.paths() == ["/a.jpg", "/b.jpg"]
    assert scene.library.blob_keys(scene.actor) == keys
    assert scene.library.loose_keys(scene.actor) == set()


def test_a_copy_that_somebody_has_worked_on_stays(scene: Scene) -> None:
    done = scene.run(Verb.COPY, scene.a, scene.b, to="/new")
    copy = scene.library.live(scene.dataset)["/new/a.jpg"]
    scene.run(Verb.UPDATE, copy, changes=Changes(status="review"))
    assert scene.undo(done) == ["changed_since", "done"]
    assert "/new/a.jpg" in scene.paths()


def test_a_copy_that_somebody_has_commented_on_stays(scene: Scene) -> None:
    library, box = scene.library, {"id": "1", "name": "car", "type": "keypoint", "keypoint": {"x": 1, "y": 1}}
    wanted = annotations.parse(msgspec.json.encode([box]))
    library.write(lambda conn: annotations.save(conn, scene.actor, scene.a, wanted, now=library.now))
    done = scene.run(Verb.COPY, scene.a, scene.b, to="/new", copy_annotations=True)
    copy = library.live(scene.dataset)["/new/a.jpg"]
    library.write(lambda conn: comments.create(conn, scene.actor, copy, "1", "Is this one?", now=library.now))
    assert scene.undo(done) == ["changed_since", "done"]
    assert len(library.read(lambda conn: comments.of_asset(conn, scene.actor, copy))) == 1


def test_a_copy_that_replaced_another_stays_or_both_would_be_lost(scene: Scene) -> None:
    scene.library.add(scene.actor, scene.dataset, ["a.jpg"], folder="/new")
    done = scene.run(Verb.COPY, scene.a, to="/new", on_collision=Collision.OVERWRITE)
    assert scene.undo(done) == ["irreversible"]
    assert "/new/a.jpg" in scene.paths()


def test_a_move_that_replaced_another_goes_back_alone(scene: Scene) -> None:
    scene.library.add(scene.actor, scene.dataset, ["a.jpg"], folder="/new")
    done = scene.run(Verb.MOVE, scene.a, to="/new", on_collision=Collision.OVERWRITE)
    assert scene.undo(done) == ["done"]
    assert scene.paths() == ["/a.jpg", "/b.jpg"]


def test_a_purge_cannot_be_undone_and_says_so(scene: Scene) -> None:
    done = scene.run(Verb.PURGE, scene.a)
    assert not done.undoable
    with pytest.raises(Invalid) as refused:
        scene.undo(done)
    assert refused.value.code == "irreversible"


def test_undo_runs_once(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    scene.undo(done)
    with pytest.raises(Conflict) as refused:
        scene.undo(done)
    assert refused.value.code == "already_undone"


def test_an_undo_that_could_put_nothing_back_may_be_tried_again(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    since = scene.run(Verb.MOVE, scene.a, to="/elsewhere")
    assert scene.undo(done) == ["changed_since"]
    scene.undo(since)
    assert scene.library.again(scene.actor, done).undoable
    assert scene.undo(done) == ["done"]
    assert scene.library.again(scene.actor, done).undone_by is not None


def test_a_dry_undo_changes_nothing(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    before = scene.library.rows(scene.actor)
    reference = ids.text(done.uuid)
    with pytest.raises(engine.DryRun) as seen:
        scene.library.write(
            lambda conn: engine.submit_undo(conn, scene.actor, reference, dry_run=True, now=scene.library.now)
        )
    assert [(item.outcome.word, item.after) for item in seen.value.samples] == [
        ("done", {"folder": "/", "name": "a.jpg"})
    ]
    assert scene.library.rows(scene.actor) == before
    assert scene.undo(done) == ["done"]


def test_undo_needs_a_member(scene: Scene) -> None:
    done = scene.run(Verb.MOVE, scene.a, to="/new")
    viewer = scene.library.an_actor(Role.VIEWER, of=scene.actor)
    with pytest.raises(Forbidden):
        scene.library.undo(viewer, done)


def test_an_operation_nobody_knows_cannot_be_undone(scene: Scene) -> None:
    for reference in ("no id", ids.text(ids.new())):
        with pytest.raises(NotFound):
            scene.library.write(
                lambda conn, it=reference: engine.submit_undo(conn, scene.actor, it, now=scene.library.now)
            )


def test_an_undo_is_in_the_journal_like_any_operation(scene: Scene) -> None:
    done = scene.run(Verb.UPDATE, scene.a, changes=Changes(split="val", display_name="A"))
    undone = scene.library.undo(scene.actor, done)
    [item] = scene.library.items(undone)
    assert item.before == {
        "folder": "/",
        "name": "a.jpg",
        "status": "new",
        "split": "val",
        "display_name": "A",
    }
    assert (item.asked, item.outcome.word) == (scene.a, "done")
    newest = scene.library.read(lambda conn: journal.page(conn, scene.actor, limit=1))
    assert [each.id for each in newest] == [undone.id]
