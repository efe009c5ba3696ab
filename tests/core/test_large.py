"""Operations of more items than one transaction takes: begun at once, taken forward chunk by chunk."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from stackroom import ids
from stackroom.access import Role
from stackroom.clock import DAY
from stackroom.database.schema import event, operation, operation_item, operation_pending, operation_tag
from stackroom.doctor.questions import check_journals
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library.listing import Filter
from stackroom.operations import engine, forgetting, journal
from stackroom.operations.journal import Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Changes, Collision, FailedOf, Matching, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database

UNKNOWN = "0190a000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def ten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 10)


class Large:
    """A dataset of 25 assets `1.jpg` … `25.jpg`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor, assets=25)
        self.ids = self.dataset.ids

    def begin(self, verb: Verb, asked: Any = None, **rest: Any) -> Operation:
        request = self.library.request(verb, asked or self.ids, self.dataset, **rest)
        return self.library.begin(self.actor, request)

    def set_state(self, known: Operation, state: str) -> Operation:
        reference = ids.text(known.uuid)
        return self.library.write(
            lambda conn: engine.set_state(conn, self.actor, reference, state, now=self.library.now)
        )

    def unfinished(self, known: Operation) -> bool:
        return known.id in self.library.read(engine.unfinished)

    def pending(self, known: Operation) -> int:
        return self.rows(operation_pending, known)

    def rows(self, table: Table, known: Operation) -> int:
        mine = (table.c.id if table is operation else table.c.operation_id) == known.id
        return self.library.read(lambda conn: conn.scalar(select(func.count()).where(mine))) or 0

    def forget(self) -> bool:
        return self.library.write(lambda conn: forgetting.forget(conn, now=self.library.now))

    def forget_all(self) -> None:
        """A month has gone by, and all is forgotten that may be."""
        self.library.now += forgetting.KEPT_FOR + DAY
        while self.forget():
            pass


@pytest.fixture
def large(library: Library) -> Iterator[Large]:
    yield Large(library)
    for left in library.read(engine.unfinished):
        while library.write(lambda conn, it=left: engine.advance(conn, it, now=library.now)):
            pass


def test_a_large_operation_is_begun_and_then_advances(large: Large) -> None:
    begun = large.begin(Verb.MOVE, to="/new")
    assert (begun.state, begun.total, begun.pending, begun.outcomes) == ("running", 25, 25, {})
    assert not begun.undoable
    assert large.unfinished(begun)
    seen = []
    while large.library.advance(begun):
        now = large.library.again(large.actor, begun)
        seen.append((now.state, now.succeeded, now.pending, large.pending(begun)))
    assert seen == [("running", 10, 15, 15), ("running", 20, 5, 5)]
    done = large.library.again(large.actor, begun)
    assert (done.state, done.outcomes, done.total_bytes) == ("finished", {Outcome.DONE: 25}, 250)
    assert (done.finished_at, large.pending(begun)) == (large.library.now, 0)
    assert not large.unfinished(begun)
    assert set(large.library.paths(large.dataset)) == {f"/new/{n}.jpg" for n in range(1, 26)}


def test_advancing_what_has_finished_does_nothing(large: Large) -> None:
    done = large.library.finish(large.actor, large.begin(Verb.ARCHIVE))
    assert large.library.advance(done) is False
    assert large.library.again(large.actor, done) == done


def test_exactly_one_event_tells_of_the_end(large: Large) -> None:
    begun = large.begin(Verb.ARCHIVE)
    count = select(func.count()).where(event.c.operation_id == begun.id)
    large.library.advance(begun)
    assert large.library.read(lambda conn: conn.scalar(count)) == 0
    large.library.finish(large.actor, begun)
    assert large.library.read(lambda conn: conn.scalar(count)) == 1


@pytest.mark.parametrize(
    ("verb", "rest"),
    [
        (Verb.MOVE, {"to": "/new"}),
        (Verb.COPY, {"to": "/new"}),
        (Verb.UPDATE, {"changes": Changes(split="val")}),
        (Verb.ARCHIVE, {}),
        (Verb.PURGE, {}),
    ],
)
def test_each_item_is_reported_as_it_was_asked_for(large: Large, verb: Verb, rest: dict[str, Any]) -> None:
    """The good, the unknown, a stranger's, another dataset's, the malformed: in whichever chunk they are."""
    stranger = large.library.an_actor()
    foreign = large.library.a_dataset(stranger, assets=1)
    elsewhere = large.library.a_dataset(large.actor, assets=1)
    odd = [UNKNOWN, *foreign.ids, *elsewhere.ids, "no id", "n\0"]
    asked = [*odd[:2], *large.ids[:12], *odd[2:], *large.ids[12:]]
    done = large.library.finish(large.actor, large.begin(verb, asked, **rest))
    items = large.library.items(done)
    assert [item.asked for item in items] == [each.replace("\0", "\ufffd") for each in asked]
    assert [item.position for item in items] == list(range(30))
    assert [item.asked for item in items if item.outcome is Outcome.NOT_FOUND] == [*odd[:4], "n\ufffd"]
    assert done.outcomes == {Outcome.DONE: 25, Outcome.NOT_FOUND: 5}
    assert elsewhere.ids[0] in large.library.rows(large.actor)


def test_names_are_given_across_chunks(large: Large) -> None:
    twins = large.library.add_everywhere(large.actor, large.dataset, "a.jpg", [f"/{n}" for n in range(23)])
    done = large.library.finish(large.actor, large.begin(Verb.MOVE, twins, to="/new"))
    assert done.outcomes == {Outcome.DONE: 23}
    there = large.library.live(large.dataset)
    assert [there[f"/new/a-{n}.jpg" if n else "/new/a.jpg"] for n in range(23)] == twins


@pytest.mark.parametrize("verb", [Verb.MOVE, Verb.COPY])
def test_overwriting_spares_what_any_chunk_is_about_or_has_made(large: Large, verb: Verb) -> None:
    twins = large.library.add_everywhere(large.actor, large.dataset, "a.jpg", [f"/{n}" for n in range(12)])
    [holder] = large.library.add(large.actor, large.dataset, ["a.jpg"], folder="/new")
    [stranger] = large.library.add(large.actor, large.dataset, ["1.jpg"], folder="/new")
    asked = [*twins, large.ids[0], holder]
    begun = large.begin(verb, asked, to="/new", on_collision=Collision.OVERWRITE)
    words = large.library.words(large.library.finish(large.actor, begun))
    assert words == [*["name_taken"] * 12, "done", "unchanged" if verb is Verb.MOVE else "itself"]
    rows = large.library.rows(large.actor)
    assert (holder in rows, stranger in rows) == (True, False)


def test_all_or_nothing_is_for_what_one_transaction_takes(large: Large) -> None:
    with pytest.raises(Invalid) as refused:
        large.begin(Verb.MOVE, to="/new", on_collision=Collision.FAIL)
    assert refused.value.code == "too_many_for_all_or_nothing"
    assert large.library.read(lambda conn: journal.page(conn, large.actor, limit=1)) == []


def test_what_comes_after_the_beginning_is_not_part_of_it(large: Large) -> None:
    begun = large.begin(Verb.ARCHIVE, Matching(Filter(dataset_id=large.dataset.id)))
    [late] = large.library.add(large.actor, large.dataset, ["late.jpg"])
    large.library.submit(large.actor, Verb.PURGE, [large.ids[24]])
    done = large.library.finish(large.actor, begun)
    assert done.outcomes == {Outcome.DONE: 24, Outcome.NOT_FOUND: 1}
    assert large.library.live(large.dataset) == {"/late.jpg": late}


def test_a_paused_operation_waits_and_goes_on(large: Large) -> None:
    begun = large.begin(Verb.ARCHIVE)
    large.library.advance(begun)
    assert large.set_state(begun, journal.PAUSED).state == "paused"
    assert large.set_state(begun, journal.PAUSED).state == "paused"
    assert not large.unfinished(begun)
    assert large.library.advance(begun) is False
    assert large.library.again(large.actor, begun).succeeded == 10
    assert large.set_state(begun, journal.RUNNING).state == "running"
    assert large.library.finish(large.actor, begun).succeeded == 25


def test_a_cancelled_operation_keeps_what_is_done_and_accounts_for_the_rest(large: Large) -> None:
    asked = [*large.ids, "no id"]
    begun = large.begin(Verb.ARCHIVE, asked)
    large.library.advance(begun)
    done = large.set_state(begun, journal.CANCELLED)
    assert (done.state, done.outcomes) == ("cancelled", {Outcome.DONE: 10, Outcome.CANCELLED: 16})
    assert (done.pending, large.pending(begun), done.finished_at) == (0, 0, large.library.now)
    assert [item.asked for item in large.library.items(done)] == asked
    assert large.set_state(done, journal.CANCELLED) == done
    assert large.library.advance(begun) is False
    assert len(large.library.paths(large.dataset)) == 15
    assert large.library.words(large.library.undo(large.actor, done)) == ["done"] * 10


def test_what_was_cancelled_can_be_tried_again(large: Large) -> None:
    begun = large.begin(Verb.ARCHIVE)
    large.library.advance(begun)
    cancelled = large.set_state(begun, journal.CANCELLED)
    again = large.library.submit(large.actor, Verb.ARCHIVE, FailedOf(cancelled.id))
    assert again.outcomes == {Outcome.DONE: 15}
    assert large.library.paths(large.dataset) == []


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_failed_is_reported_as_it_was_first_asked_for(large: Large, *, cancelled: bool) -> None:
    asked = ["no id", *(f"0190a000-0000-7000-8000-{n:012}" for n in range(12)), "n\0"]
    failed = large.library.finish(large.actor, large.begin(Verb.ARCHIVE, asked))
    again = large.begin(Verb.ARCHIVE, FailedOf(failed.id))
    if cancelled:
        again = large.set_state(again, journal.CANCELLED)
    again = large.library.finish(large.actor, again)
    assert [item.asked for item in large.library.items(again)] == [*asked[:-1], "n\ufffd"]


@pytest.mark.parametrize("state", [journal.PAUSED, journal.RUNNING, journal.CANCELLED])
def test_what_has_finished_cannot_be_changed(large: Large, state: str) -> None:
    done = large.library.finish(large.actor, large.begin(Verb.ARCHIVE))
    with pytest.raises(Conflict) as refused:
        large.set_state(done, state)
    assert refused.value.code == "already_finished"


def test_changing_a_running_operation_needs_its_role(large: Large) -> None:
    begun = large.begin(Verb.PURGE)
    large.actor = large.library.an_actor(Role.MEMBER, of=large.actor)
    with pytest.raises(Forbidden):
        large.set_state(begun, journal.PAUSED)


def test_a_running_operation_cannot_be_undone_yet(large: Large) -> None:
    begun = large.begin(Verb.ARCHIVE)
    large.library.advance(begun)
    with pytest.raises(Conflict) as refused:
        large.library.undo(large.actor, begun)
    assert refused.value.code == "still_running"


@pytest.mark.parametrize("verb", [Verb.MOVE, Verb.COPY, Verb.ARCHIVE])
def test_a_large_undo_advances_too(large: Large, verb: Verb) -> None:
    before = large.library.live(large.dataset)
    rest = {} if verb is Verb.ARCHIVE else {"to": "/new"}
    asked = ["x", *large.ids]  # so that not every item of it is there to be undone
    done = large.library.finish(large.actor, large.begin(verb, asked, **rest))
    reference = ids.text(done.uuid)
    begun = large.library.write(
        lambda conn: engine.submit_undo(conn, large.actor, reference, now=large.library.now)
    )
    assert (begun.state, begun.total) == ("running", 25)
    undone = large.library.finish(large.actor, begun)
    assert undone.outcomes == {Outcome.DONE: 25}
    assert large.library.live(large.dataset) == before


def test_a_cancelled_undo_can_be_taken_up_again(large: Large) -> None:
    done = large.library.finish(large.actor, large.begin(Verb.MOVE, to="/new"))
    reference = ids.text(done.uuid)
    begun = large.library.write(
        lambda conn: engine.submit_undo(conn, large.actor, reference, now=large.library.now)
    )
    large.library.advance(begun)
    large.set_state(begun, journal.CANCELLED)
    assert large.library.again(large.actor, done).undoable
    rest = large.library.undo(large.actor, done)
    assert rest.outcomes == {Outcome.DONE: 15, Outcome.CHANGED_SINCE: 10}
    assert set(large.library.paths(large.dataset)) == {f"/{n}.jpg" for n in range(1, 26)}


def test_what_is_being_undone_is_not_forgotten_before_the_undo_is_over(large: Large) -> None:
    done = large.library.finish(large.actor, large.begin(Verb.ARCHIVE))
    undo = large.library.write(
        lambda conn: engine.submit_undo(conn, large.actor, ids.text(done.uuid), now=large.library.now)
    )
    large.library.advance(undo)
    large.set_state(undo, journal.PAUSED)
    large.forget_all()
    undone = large.library.finish(large.actor, large.set_state(undo, journal.RUNNING))
    assert undone.outcomes == {Outcome.DONE: 25}
    large.forget_all()
    with pytest.raises(NotFound):
        large.library.again(large.actor, done)


def test_a_journal_of_which_only_a_part_is_forgotten_is_found_by_nobody(
    large: Large, monkeypatch: pytest.MonkeyPatch
) -> None:
    large.forget_all()  # of other tests
    monkeypatch.setattr(forgetting, "PORTION", 10)
    done = large.library.finish(large.actor, large.begin(Verb.UPDATE, changes=Changes(add_tags=("blue",))))
    later = large.library.submit(large.actor, Verb.ARCHIVE, large.ids[:1], large.dataset)
    large.library.now += forgetting.KEPT_FOR + DAY
    left = []
    while large.forget():
        left.append((large.rows(operation_item, done), large.rows(operation_tag, done)))
        with pytest.raises(NotFound):
            large.library.again(large.actor, done)
        with pytest.raises(NotFound):
            large.library.undo(large.actor, done)
        listed = large.library.read(lambda conn: journal.page(conn, large.actor, limit=10))
        assert done.uuid not in {each.uuid for each in listed}
        journals = large.library.do(check_journals(large.library.database, most=1))
        assert not journals.problems
    assert left == [(15, 15), (5, 5), (0, 0), (0, 0)]
    assert large.rows(operation, done) == large.rows(operation, later) == 0


def test_a_dry_run_sees_all_of_it(large: Large) -> None:
    seen = large.library.preview(large.actor, large.library.request(Verb.PURGE, large.ids, large.dataset))
    assert (seen.operation.total, seen.operation.outcomes) == (25, {Outcome.DONE: 25})
    done = large.library.submit(large.actor, Verb.PURGE, large.ids, large.dataset, plan=seen.plan)
    assert done.outcomes == {Outcome.DONE: 25}


def test_a_large_operation_that_must_match_something_ends_all_the_same(large: Large) -> None:
    """Nobody is there any more to whom it could be refused."""
    asked = [f"no {n}" for n in range(25)]
    done = large.library.finish(large.actor, large.begin(Verb.ARCHIVE, asked, require_match=True))
    assert (done.state, done.outcomes) == ("finished", {Outcome.NOT_FOUND: 25})
