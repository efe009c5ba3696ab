"""Jobs are taken in turn, within limits, and settled once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert, select, text

from stackroom import ids
from stackroom.database.schema import job, job_rate, loose_bytes, worker
from stackroom.queue import claims, lanes, rates, submit, waiting, workers
from stackroom.queue.jobs import DEFAULT, PRIORITY, Effect, NewJob, Result, State
from stackroom.testing.builders import Library, a_library
from stackroom.testing.queues import Queue, done, failed, later

pytestmark = pytest.mark.every_database


@pytest.fixture
def queue(library: Library) -> Queue:
    return Queue(library)


@pytest.fixture
def alone(database_url: str) -> Iterator[Queue]:
    """A library of this test's own: workers, and what time brings, are everybody's."""
    with a_library(database_url) as opened:
        yield Queue(opened)


def test_a_batch_is_done_job_by_job_and_finishes_with_the_last(queue: Queue) -> None:
    batch, worker = queue.batch(5), queue.worker()
    first = queue.claim(worker, 3)
    assert [(it.position, it.attempt, it.batch_id) for it in first] == [(n, 1, batch) for n in range(3)]
    assert queue.the_batch(batch).started_at == queue.library.now
    landed = queue.settle(worker, [done(first[0]), failed(first[1]), done(first[2])])
    assert (len(landed.accepted), landed.finished) == (3, [])
    rest = queue.claim(worker, 10)
    assert queue.settle(worker, [done(it) for it in rest]).finished == [batch]
    row = queue.the_batch(batch)
    assert (row.completed, row.errors, row.cancelled) == (4, 1, 0)
    assert row.finished_at == queue.library.now
    assert queue.problems() == []


def test_results_count_once_however_often_they_arrive(queue: Queue) -> None:
    batch, worker = queue.batch(2), queue.worker()
    results = [done(it) for it in queue.claim(worker, 2)]
    assert queue.settle(worker, results).finished == [batch]
    again = queue.settle(worker, results)
    assert (again.accepted, again.finished) == (frozenset(), [])
    assert queue.the_batch(batch).completed == 2
    assert queue.problems() == []


def test_effects_happen_with_the_results_that_count_and_with_no_others(queue: Queue) -> None:
    keys = [ids.new().hex() for _ in range(2)]
    queue.batch(2)
    worker, other = queue.worker(), queue.worker()

    def note(key: str) -> Effect:
        def effect(conn: Connection, now: int) -> None:
            conn.execute(insert(loose_bytes), {"storage_key": key, "due_at": now})

        return effect

    one, two = queue.claim(worker, 2)
    queue.settle(worker, [done(one, note(keys[0]))])
    queue.settle(worker, [done(one, note(keys[0]))])  # which would take the same key twice
    queue.settle(other, [done(two, note(keys[1]))])
    seen = select(loose_bytes.c.storage_key).where(loose_bytes.c.storage_key.in_(keys))
    assert queue.library.read(lambda conn: list(conn.scalars(seen))) == [keys[0]]


def test_an_effect_that_fails_leaves_everything_as_it_was(queue: Queue) -> None:
    def fail(_conn: Connection, _now: int) -> None:
        raise ValueError("no")

    batch, worker = queue.batch(2), queue.worker()
    one, two = queue.claim(worker, 2)
    with pytest.raises(ValueError, match="no"):
        queue.settle(worker, [done(one), done(two, fail)])
    assert queue.states(batch) == [State.RUNNING] * 2
    assert queue.problems() == []
    assert queue.settle(worker, [done(one), done(two)]).finished == [batch]


def test_a_worker_past_its_lease_settles_nothing(alone: Queue) -> None:
    """As one that was stopped for a while, and goes on as if nothing had happened."""
    batch, stopped, other = alone.batch(2), alone.worker(), alone.worker()
    had = alone.claim(stopped, 2)
    alone.lapse(stopped)
    assert alone.library.write(lambda conn: workers.reap(conn, now=alone.library.now)) == 2
    has = alone.claim(other, 2)
    assert [(it.id, it.attempt) for it in has] == [(it.id, 2) for it in had]
    assert alone.settle(stopped, [done(it) for it in had]).accepted == frozenset()
    assert alone.states(batch) == [State.RUNNING] * 2
    assert not alone.library.write(lambda conn: workers.beat(conn, stopped, now=alone.library.now)).alive
    assert alone.claim(stopped, 1) == []
    assert alone.settle(other, [done(it) for it in has]).finished == [batch]
    assert alone.problems() == []


def test_what_a_dead_worker_claims_late_is_taken_from_it_again(alone: Queue) -> None:
    batch, dead = alone.batch(1), alone.worker()
    [late] = alone.claim(dead, 1)
    with_nobody_told = text("UPDATE worker SET dead = true WHERE id = :id")
    alone.library.write(lambda conn: conn.execute(with_nobody_told, {"id": dead}))
    assert alone.library.write(lambda conn: workers.reap(conn, now=alone.library.now)) == 1
    assert alone.states(batch) == [State.READY]
    assert alone.settle(dead, [done(late)]).accepted == frozenset()


def test_jobs_that_were_lost_twice_wait_each_for_itself(alone: Queue) -> None:
    batch = alone.batch(3)
    for expected in (State.READY, State.WAITING):
        worker = alone.worker()
        assert len(alone.claim(worker, 3)) == 3
        alone.lapse(worker)
        alone.library.write(lambda conn: workers.reap(conn, now=alone.library.now))
        assert alone.states(batch) == [expected] * 3
    at = select(job.c.run_at).where(job.c.batch_id == batch).order_by(job.c.id)
    times = alone.library.read(lambda conn: list(conn.scalars(at)))
    assert len(set(times)) == 3
    assert min(times) > alone.library.now
    assert alone.problems() == []


def test_others_of_a_process_that_has_the_library_to_itself_are_dead_at_once(alone: Queue) -> None:
    batch, before, me = alone.batch(2), alone.worker(), alone.worker()
    alone.claim(before, 1)
    alone.claim(me, 1)
    alone.library.write(lambda conn: workers.reap(conn, all_but={me}, now=alone.library.now))
    assert alone.states(batch) == [State.READY, State.RUNNING]


def test_a_retry_waits_until_it_is_due_and_counts_its_attempts(alone: Queue) -> None:
    batch, worker = alone.batch(1), alone.worker()
    [it] = alone.claim(worker, 1)
    due = alone.library.now + 1_000_000_000
    alone.settle(worker, [later(it, due)])
    row = alone.the_batch(batch)
    assert (row.completed, row.errors, row.finished_at) == (0, 0, None)
    assert alone.claim(worker, 1) == []
    look = alone.library.read(lambda conn: waiting.due(conn, now=due - 1))
    assert not look.retries
    assert alone.library.write(lambda conn: waiting.promote(conn, now=due - 1)) == 0
    assert alone.library.read(lambda conn: waiting.due(conn, now=due)).retries
    assert alone.library.write(lambda conn: waiting.promote(conn, now=due)) == 1
    [again] = alone.claim(worker, 1)
    assert (again.id, again.attempt) == (it.id, 2)
    assert alone.settle(worker, [done(again)]).finished == [batch]
    assert alone.problems() == []


def test_a_job_that_was_put_off_while_the_clock_was_ahead_does_not_wait_until_it_gets_there(
    alone: Queue,
) -> None:
    alone.batch(2)
    worker, now = alone.worker(), alone.library.now
    wrongly, rightly = alone.claim(worker, 2)
    alone.settle(worker, [later(wrongly, now + 1 + waiting.AHEAD), later(rightly, now + waiting.AHEAD)])
    assert alone.library.read(lambda conn: waiting.due(conn, now=now)).retries
    assert alone.library.write(lambda conn: waiting.promote(conn, now=now)) == 1
    assert not alone.library.read(lambda conn: waiting.due(conn, now=now)).retries
    assert [each.id for each in alone.claim(worker, 2)] == [wrongly.id]


def test_what_is_given_back_is_as_if_it_had_not_been_claimed(queue: Queue) -> None:
    batch, worker = queue.batch(2), queue.worker()
    taken = queue.claim(worker, 2)
    assert queue.library.write(lambda conn: workers.retire(conn, worker, now=queue.library.now)) == 2
    assert queue.states(batch) == [State.READY] * 2
    assert queue.claim(worker, 2) == []
    assert [it.attempt for it in queue.claim(queue.worker(), 2)] == [1, 1]
    assert queue.settle(worker, [done(taken[0])]).accepted == frozenset()
    assert queue.problems() == []


def test_a_result_for_what_was_given_back_is_nothing_even_in_the_same_attempt(queue: Queue) -> None:
    batch, worker, other = queue.batch(1), queue.worker(), queue.worker()
    [had] = queue.claim(worker, 1)
    queue.library.write(lambda conn: claims.give_back(conn, worker, [had], now=queue.library.now))
    [has] = queue.claim(other, 1)
    assert (has.id, has.attempt) == (had.id, had.attempt)
    assert queue.settle(worker, [done(had)]).accepted == frozenset()
    assert queue.states(batch) == [State.RUNNING]


def test_a_claim_whose_answer_was_lost_is_given_back(queue: Queue) -> None:
    batch, worker = queue.batch(2), queue.worker()
    known, _lost = queue.claim(worker, 1), queue.claim(worker, 1)
    held = [it.id for it in known]
    give_back = queue.library.write(
        lambda conn: workers.give_back_lost(conn, worker, held, now=queue.library.now)
    )
    assert give_back == 1
    assert queue.states(batch) == [State.RUNNING, State.READY]


def test_a_cancelled_batch_ends_when_what_runs_has_ended(alone: Queue) -> None:
    batch, worker = alone.batch(6), alone.worker()
    running, waits, finished = alone.claim(worker, 3)
    alone.settle(worker, [later(waits, alone.library.now + 1_000_000), done(finished)])
    cancel = [
        alone.library.write(lambda conn: waiting.cancel(conn, batch, limit=3, now=alone.library.now))
        for _ in range(2)
    ]
    assert [(len(it.jobs), it.finished, it.more) for it in cancel] == [(3, [], True), (1, [], False)]
    beat = alone.library.write(lambda conn: workers.beat(conn, worker, now=alone.library.now))
    assert (beat.alive, beat.cancelled) == (True, frozenset([running.id]))
    assert alone.library.read(lambda conn: waiting.due(conn, now=0)).cancelled == [batch]
    landed = alone.settle(worker, [Result(job=running, state=State.CANCELLED)])
    assert landed.finished == [batch]
    row = alone.the_batch(batch)
    assert (row.completed, row.cancelled) == (1, 5)
    assert alone.library.write(lambda conn: waiting.cancel(conn, batch, now=alone.library.now)).jobs == []
    assert alone.problems() == []


def test_a_batch_that_nobody_began_is_cancelled_at_once(queue: Queue) -> None:
    batch = queue.batch(4)
    cancelled = queue.library.write(lambda conn: waiting.cancel(conn, batch, now=queue.library.now))
    assert (len(cancelled.jobs), cancelled.finished) == (4, [batch])
    assert queue.claim(queue.worker(), 4) == []
    assert queue.problems() == []


def test_a_batch_that_was_put_right_meanwhile_is_left_alone(queue: Queue) -> None:
    """It counts what it was told to, its last jobs end all the same, and nobody hears of its end again."""
    batch, worker = queue.batch(3), queue.worker()
    jobs = queue.claim(worker, 2)
    right = text("UPDATE batch SET count = 0, finished_at = 5 WHERE id = :id")
    queue.library.write(lambda conn: conn.execute(right, {"id": batch}))
    landed = queue.settle(worker, [done(it) for it in jobs])
    assert (len(landed.accepted), landed.finished) == (2, [])
    row = queue.the_batch(batch)
    assert (row.completed, row.finished_at) == (0, 5)
    assert [(row.unfinished, row.running) for row in queue.lanes().values()] == [(1, 0)]
    back = text("UPDATE batch SET count = 3, completed = 2, finished_at = NULL WHERE id = :id")
    queue.library.write(lambda conn: conn.execute(back, {"id": batch}))  # the library is others' as well
    assert queue.problems() == []


def test_an_organization_has_no_more_running_than_it_may(queue: Queue) -> None:
    queue.batch(5)
    queue.batch(5, priority=PRIORITY)
    beside, worker = queue.beside(), queue.worker()
    beside.batch(5)
    taken = queue.claim(worker, 20, per_organization=3)
    whose = Counter(it.organization_id for it in taken)
    assert whose == {queue.actor.organization_id: 3, beside.actor.organization_id: 3}
    assert queue.claim(worker, 20, per_organization=3) == []
    queue.settle(worker, [done(it) for it in taken[:1]])
    assert len(queue.claim(worker, 20, per_organization=3)) == 1


def test_an_organizations_own_limit_counts_instead(queue: Queue) -> None:
    queue.batch(5)
    worker = queue.worker()
    queue.limit(0)
    assert queue.claim(worker, 20, per_organization=3) == []
    assert not queue.library.read(
        lambda conn: claims.any_ready(conn, claims.Wanted(worker_id=worker, kinds=(queue.kind,)))
    )
    queue.limit(4)
    assert len(queue.claim(worker, 20, per_organization=3)) == 4


def test_organizations_take_turns_however_much_each_has_submitted(queue: Queue) -> None:
    """Half of what is claimed is the small one's, until it is done."""
    queue.batch(400)
    beside, worker = queue.beside(), queue.worker()
    for _ in range(10):
        queue.settle(worker, [done(it) for it in queue.claim(worker, 10)])
    beside.batch(50)
    taken = [it for _ in range(10) for it in queue.claim(worker, 10)]
    whose = Counter(it.organization_id for it in taken)
    assert whose == {queue.actor.organization_id: 50, beside.actor.organization_id: 50}


def test_a_lane_that_was_idle_has_saved_up_no_turns(queue: Queue) -> None:
    beside, worker = queue.beside(), queue.worker()
    beside.batch(1)
    queue.settle(worker, [done(it) for it in queue.claim(worker, 1)])
    queue.batch(300)
    for _ in range(10):
        queue.claim(worker, 10)
    beside.batch(100)
    taken = [it for _ in range(10) for it in queue.claim(worker, 10)]
    assert Counter(it.organization_id for it in taken)[queue.actor.organization_id] == 50


def test_what_is_urgent_comes_first_and_nothing_waits_for_ever(queue: Queue) -> None:
    queue.batch(20)
    queue.batch(200, priority=PRIORITY)
    worker = queue.worker()
    assert {it.priority for it in queue.claim(worker, 10)} == {PRIORITY}
    assert {it.priority for it in queue.claim(worker, 10, by_turn=True)} == {DEFAULT}
    assert {it.priority for it in queue.claim(worker, 200, only_priority=True)} == {PRIORITY}
    assert queue.claim(worker, 10, only_priority=True) == []


def test_jobs_of_other_kinds_are_left_to_others(queue: Queue) -> None:
    queue.batch(1)
    assert Queue(queue.library).claim(queue.worker(), 1) == []


def test_a_lane_that_says_nothing_of_its_jobs_is_mended(alone: Queue) -> None:
    alone.batch(1)
    lie = text("UPDATE lane SET ready = false WHERE kind = :kind")
    alone.library.write(lambda conn: conn.execute(lie, {"kind": alone.kind}))
    worker = alone.worker()
    assert alone.claim(worker, 1) == []
    assert alone.library.write(lanes.mend) == 1
    assert alone.library.write(lanes.mend) == 0
    assert len(alone.claim(worker, 1)) == 1


def test_a_single_job_has_a_number_and_no_batch(queue: Queue) -> None:
    made = queue.library.write(
        lambda conn: submit.submit_one(
            conn,
            organization_id=queue.actor.organization_id,
            kind=queue.kind,
            priority=PRIORITY,
            job=NewJob('{"a":"\\u00e9"}', 7),
            now=queue.library.now,
        )
    )
    worker = queue.worker()
    [it] = queue.claim(worker, 5)
    assert (it.id, it.batch_id, it.asset_id, it.task) == (made, None, 7, '{"a":"\\u00e9"}')
    queue.settle(worker, [Result(job=it, state=State.FAILED, code="odd", reason="a\0b é 'quoted'")])
    said = select(job.c.error_code, job.c.error, job.c.worker_id).where(job.c.id == made)
    assert queue.library.read(lambda conn: conn.execute(said).one()) == ("odd", "ab é 'quoted'", None)


def test_submitting_nothing_is_nothing(queue: Queue) -> None:
    queue.jobs(0)
    assert queue.lanes() == {}


def test_rates_say_what_was_finished_lately(queue: Queue) -> None:
    queue.batch(30)
    worker, library = queue.worker(), queue.library
    library.now = library.now // rates.BUCKET * rates.BUCKET + 5 * rates.BUCKET
    began = library.now
    for _ in range(3):
        queue.settle(worker, [done(it) for it in queue.claim(worker, 10)])
        library.now = (library.now // rates.BUCKET + 1) * rates.BUCKET
    seen = library.read(lambda conn: rates.recent(conn, queue.kind, now=library.now))
    assert [(it.at - began, it.finished, it.busy) for it in seen] == [
        (n * rates.BUCKET, 10, 10_000) for n in range(3)
    ]
    long_after = library.now + 10 * 60 * 1_000_000
    assert library.read(lambda conn: rates.recent(conn, queue.kind, now=long_after)) == []
    library.write(lambda conn: rates.prune(conn, now=library.now + 2 * rates.KEPT))
    left = select(job_rate.c.bucket).where(job_rate.c.kind == queue.kind)
    assert library.read(lambda conn: list(conn.scalars(left))) == []


def test_whose_process_is_gone_from_this_machine_is_dead_at_once(library: Library) -> None:
    """Not those of other machines, and not ours; a number of ours that is not ours was had by another before us."""
    machine = workers.name_here().rpartition(":")[0]
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    names = {
        "ours": workers.name_here(),
        "ended": f"{machine}:{ended.pid}",
        "had our number": workers.name_here(),
        "runs": f"{machine}:{os.getppid()}",
        "elsewhere": f"elsewhere:{ended.pid}",
    }
    made = {
        who: library.write(
            lambda conn, name=name: workers.register(conn, name=name, version="0", slots=1, now=library.now)
        )
        for who, name in names.items()
    }
    library.write(lambda conn: workers.bury(conn, {made["ours"]}))
    query = select(worker.c.id).where(worker.c.dead, worker.c.id.in_(made.values()))
    dead = library.read(lambda conn: set(conn.scalars(query)))
    assert dead == {made["ended"], made["had our number"]}


def test_workers_are_forgotten_a_day_after_they_have_left_nothing(alone: Queue) -> None:
    library = alone.library
    alone.batch(1)
    gone, stuck, lives = (alone.worker() for _ in range(3))
    assert len(alone.claim(stuck, 1)) == 1
    for each in (gone, stuck):
        alone.lapse(each)
    library.now += 2 * workers.REMEMBERED
    dead = text("UPDATE worker SET dead = true WHERE heartbeat_at = 0")
    library.write(lambda conn: conn.execute(dead))
    library.write(lambda conn: workers.beat(conn, lives, now=library.now))
    library.write(lambda conn: workers.prune(conn, now=library.now))
    left = library.read(lambda conn: list(conn.scalars(text("SELECT id FROM worker ORDER BY id"))))
    assert left == [stuck, lives]
    assert alone.worker() > lives


def test_a_job_that_is_named_twice_is_given_back_once_and_settled_once(queue: Queue) -> None:
    queue.batch(2)
    worker = queue.worker()
    taken = queue.claim(worker, 2)
    given = queue.library.write(
        lambda conn: claims.give_back(conn, worker, [*taken, *taken], now=queue.library.now)
    )
    assert given == {job.id for job in taken}
    again = queue.claim(worker, 2)
    assert queue.settle(worker, [done(job) for job in (*again, *again)]).accepted == given
    assert queue.problems() == []
