"""The queue by property: whatever happens in whatever order, nothing is lost, nothing counts twice, all counters agree.

Two workers of one moment, and their successors, submit, claim, settle, crash, pause, come back, and are reaped; batches
are cancelled; retries come due. After each step the database must say what a model in dictionaries says.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, insert, select

from stackroom import ids
from stackroom.clock import SECOND
from stackroom.database.schema import batch, job, lane, loose_bytes, worker
from stackroom.queue import claims, lanes, waiting, workers
from stackroom.queue.jobs import DEFAULT, PRIORITY, Claimed, Result, State
from stackroom.testing.builders import Library, a_library
from stackroom.testing.queues import Queue

ENDS = [State.DONE, State.DONE, State.DONE, State.FAILED, State.CANCELLED, State.WAITING]
LIMIT = 3
ENDED = {State.DONE, State.FAILED, State.CANCELLED}


@dataclass(kw_only=True)
class Worker:
    """A worker as the test knows it. `holding`: what it thinks it has."""

    id: int
    dead: bool = False
    holding: list[Claimed] = field(default_factory=list)


@dataclass(kw_only=True)
class Model:
    """A job as it should be."""

    batch_id: int | None
    organization_id: int
    state: State = State.READY
    attempt: int = 0
    worker_id: int | None = None
    run_at: int = 0
    settled: int = 0


class QueueMachine(RuleBasedStateMachine):
    library: ClassVar[Library]

    @initialize()
    def begin(self) -> None:
        self.library.tick = SECOND
        self.queues = [Queue(self.library)]
        self.queues.append(self.queues[0].beside())
        self.jobs: dict[int, Model] = {}
        self.batches: set[int] = set()
        self.cancelled: set[int] = set()
        self.announced: Counter[int] = Counter()
        self.mark = ids.new().hex()
        self.all_workers: list[Worker] = []
        self.crew = [self.new_worker(), self.new_worker()]

    def new_worker(self) -> Worker:
        made = Worker(id=self.queues[0].worker())
        self.all_workers.append(made)
        return made

    @precondition(lambda self: sum(it.state not in ENDED for it in self.jobs.values()) < 8)
    @rule(which=st.integers(0, 1), count=st.integers(1, 6), urgent=st.booleans(), batched=st.booleans())
    def submit(self, which: int, count: int, urgent: bool, batched: bool) -> None:
        queue, priority = self.queues[which], PRIORITY if urgent else DEFAULT
        known = set(self.jobs)
        made = None
        if batched:
            made = queue.batch(count, priority=priority)
            self.batches.add(made)
        else:
            queue.jobs(count, priority=priority)
        owner = queue.actor.organization_id
        new = [id_ for id_ in self.stored() if id_ not in known]
        assert len(new) == count
        self.jobs.update({id_: Model(batch_id=made, organization_id=owner) for id_ in new})

    @precondition(lambda self: any(it.state is State.READY for it in self.jobs.values()))
    @rule(which=st.integers(0, 1), limit=st.integers(1, 8), by_turn=st.booleans())
    def claim(self, which: int, limit: int, by_turn: bool) -> None:
        self.do_claim(self.crew[which], limit, by_turn=by_turn)

    def do_claim(self, worker: Worker, limit: int, *, by_turn: bool = False) -> None:
        ready = Counter(it.organization_id for it in self.jobs.values() if it.state is State.READY)
        running = Counter(it.organization_id for it in self.jobs.values() if it.state is State.RUNNING)
        taken = self.queues[0].claim(worker.id, limit, per_organization=LIMIT, by_turn=by_turn)
        there = sum(min(ready[owner], max(LIMIT - running[owner], 0)) for owner in ready)
        assert len(taken) == (0 if worker.dead else min(limit, there))
        for it in taken:
            model = self.jobs[it.id]
            assert model.state is State.READY
            model.state, model.worker_id = State.RUNNING, worker.id
            model.attempt += 1
            assert it.attempt == model.attempt
        worker.holding += taken

    @precondition(lambda self: any(it.holding for it in self.crew))
    @rule(
        data=st.data(),
        ends=st.lists(st.sampled_from(ENDS), min_size=1, max_size=4),
        again=st.booleans(),
    )
    def settle(self, data: st.DataObject, ends: list[State], again: bool) -> None:
        """In time, late, or twice. Each result that counts leaves a mark that none can leave twice."""
        worker = data.draw(st.sampled_from([it for it in self.crew if it.holding]))
        self.do_settle(worker, ends, again=again)

    def do_settle(self, worker: Worker, ends: list[State], *, again: bool = False) -> None:
        some, worker.holding = worker.holding[: len(ends)], worker.holding[len(ends) :]
        results = [self.result(it, state) for it, state in zip(some, ends, strict=False)]
        for _ in range(1 + again):
            mine = {it.job.id for it in results if self.is_of(worker, it.job)}
            landed = self.queues[0].settle(worker.id, results)
            assert landed.accepted == mine
            self.announced.update(landed.finished)
            for id_, it in {it.job.id: it for it in results}.items():
                if id_ in mine:
                    self.leave(id_, State(it.state), it.run_at or 0)

    def result(self, it: Claimed, state: State) -> Result:
        def effect(conn: Connection, now: int) -> None:
            key = f"{self.mark}/{it.id}" if state in ENDED else f"{self.mark}/{it.id}/{it.attempt}/{now}"
            conn.execute(insert(loose_bytes), {"storage_key": key, "due_at": now})

        run_at = self.library.now + 3 * SECOND if state is State.WAITING else None
        return Result(job=it, state=state, run_at=run_at, effect=effect)  # type: ignore[arg-type]  # one of ENDS

    def is_of(self, worker: Worker, it: Claimed) -> bool:
        model = self.jobs[it.id]
        return (model.state, model.worker_id, model.attempt) == (State.RUNNING, worker.id, it.attempt)

    def leave(self, id_: int, to: State, run_at: int = 0, *, attempts: int = 0) -> None:
        model = self.jobs[id_]
        model.state, model.worker_id, model.run_at = to, None, run_at
        model.attempt -= attempts
        model.settled += to in ENDED

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        """A process dies, and another takes its place; the library is told of the death when somebody reaps."""
        self.queues[0].lapse(self.crew[which].id)
        self.crew[which] = self.new_worker()

    @precondition(lambda self: any(it.holding for it in self.crew))
    @rule(which=st.integers(0, 1))
    def pause(self, which: int) -> None:
        """For longer than a lease. It comes back with what it had, and does not know of anything."""
        self.queues[0].lapse(self.crew[which].id)
        self.reap()

    @rule(which=st.integers(0, 1))
    def beat(self, which: int) -> None:
        """A worker that hears that it is dead drops all it has, and begins anew."""
        worker = self.crew[which]
        said = self.library.write(lambda conn: workers.beat(conn, worker.id, now=self.library.now))
        assert said.alive == (not worker.dead)
        asked = {id_ for id_, it in self.jobs.items() if it.batch_id in self.cancelled}
        mine = {it.id for it in worker.holding if self.is_of(worker, it)}
        assert said.cancelled == (mine & asked if said.alive else frozenset())
        if not said.alive:
            self.crew[which] = self.new_worker()

    @rule()
    def reap(self) -> None:
        self.library.write(lambda conn: workers.reap(conn, now=self.library.now))
        states = self.stored()
        silent = self.silent()
        for each in self.all_workers:
            each.dead = each.dead or each.id in silent
        dead = {each.id for each in self.all_workers if each.dead}
        for id_, model in self.jobs.items():
            if model.state is State.RUNNING and model.worker_id in dead:
                expected = State.READY if model.attempt == 1 else State.WAITING
                assert states[id_][0] is expected
                self.leave(id_, expected, states[id_][3])

    def silent(self) -> set[int]:

        return set(
            self.library.read(lambda conn: list(conn.scalars(select(worker.c.id).where(worker.c.dead))))
        )

    @precondition(lambda self: any(it.holding for it in self.crew))
    @rule(data=st.data(), count=st.integers(1, 3), forgets=st.booleans())
    def give_back(self, data: st.DataObject, count: int, forgets: bool) -> None:
        """What is given back may be settled all the same, by a worker that does not know what it does."""
        worker = data.draw(st.sampled_from([it for it in self.crew if it.holding]))
        some = worker.holding[:count]
        if forgets:
            worker.holding = worker.holding[count:]
        mine = {it.id for it in some if self.is_of(worker, it)}
        given = self.library.write(lambda conn: claims.give_back(conn, worker.id, some, now=self.library.now))
        assert given == mine
        for id_ in mine:
            self.leave(id_, State.READY, attempts=1)

    @precondition(lambda self: any(it.state is State.WAITING for it in self.jobs.values()))
    @rule(later=st.integers(0, 10))
    def promote(self, later: int) -> None:
        self.library.now += later * SECOND
        self.library.write(lambda conn: waiting.promote(conn, now=self.library.now))
        for model in self.jobs.values():
            if model.state is State.WAITING and model.run_at <= self.library.now:
                model.state = State.READY

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), limit=st.integers(1, 4))
    def cancel(self, data: st.DataObject, limit: int) -> None:
        batch_id = data.draw(st.sampled_from(sorted(self.batches)))
        some = [id_ for id_, it in self.jobs.items() if it.batch_id == batch_id]
        over = all(self.jobs[id_].state in ENDED for id_ in some)
        gone = self.library.write(
            lambda conn: waiting.cancel(conn, batch_id, limit=limit, now=self.library.now)
        )
        idle = {id_ for id_ in some if self.jobs[id_].state in {State.READY, State.WAITING}}
        assert {it.id for it in gone.jobs} <= idle
        assert len(gone.jobs) == min(limit, len(idle))
        self.announced.update(gone.finished)
        if not over:
            self.cancelled.add(batch_id)
        for it in gone.jobs:
            self.leave(it.id, State.CANCELLED)

    def stored(self) -> dict[int, tuple[State, int, int | None, int]]:
        owners = [queue.actor.organization_id for queue in self.queues]
        query = (
            select(job.c.id, job.c.state, job.c.attempt, job.c.worker_id, job.c.run_at)
            .join(lane, lane.c.id == job.c.lane_id)
            .where(lane.c.organization_id.in_(owners))
        )
        rows = self.library.read(lambda conn: conn.execute(query).all())
        return {row.id: (State(row.state), row.attempt, row.worker_id, row.run_at or 0) for row in rows}

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        expected = {
            id_: (it.state, it.attempt, it.worker_id, it.run_at if it.state is State.WAITING else 0)
            for id_, it in self.jobs.items()
        }
        assert self.stored() == expected

    @invariant()
    def nothing_counts_twice(self) -> None:
        assert all(it.settled <= 1 for it in self.jobs.values())

    @invariant()
    def limits_hold(self) -> None:
        running = Counter(it.organization_id for it in self.jobs.values() if it.state is State.RUNNING)
        assert all(count <= LIMIT for count in running.values())

    @invariant()
    def all_counters_agree(self) -> None:
        assert self.queues[0].problems() == []
        assert not set(self.library.read(lanes.asleep)) & {
            row.id for queue in self.queues for row in queue.lanes().values()
        }

    @invariant()
    def each_batch_ends_once(self) -> None:
        of = {id_: [it for it in self.jobs.values() if it.batch_id == id_] for id_ in self.batches}
        over = {id_ for id_, some in of.items() if all(it.state in ENDED for it in some)}
        assert self.announced == Counter(over)
        query = select(batch.c.id).where(batch.c.id.in_(self.batches), batch.c.finished_at.is_not(None))
        assert set(self.library.read(lambda conn: list(conn.scalars(query)))) == over

    def teardown(self) -> None:
        """Whatever has happened, two good workers bring everything to its end."""
        if not hasattr(self, "jobs"):
            return
        for each in self.all_workers:
            self.queues[0].lapse(each.id)
        self.reap()
        last = self.new_worker()
        for _ in range(200):
            self.promote(10)
            self.do_claim(last, 8)
            if not last.holding:
                break
            self.do_settle(last, [State.DONE] * 8)
        assert {it.state for it in self.jobs.values()} <= ENDED
        assert [it for it in self.jobs.values() if it.settled != 1] == []
        self.all_counters_agree()
        self.each_batch_ends_once()
        marks = select(loose_bytes.c.storage_key).where(loose_bytes.c.storage_key.startswith(self.mark))
        kept = self.library.read(lambda conn: list(conn.scalars(marks)))
        marked = {key.removeprefix(f"{self.mark}/") for key in kept}
        assert {str(id_) for id_, it in self.jobs.items() if it.state is State.DONE} <= marked


def run(database_url: str, *, examples: int, steps: int) -> None:
    with a_library(database_url) as library:
        machine = type("Machine", (QueueMachine,), {"library": library})
        run_state_machine_as_test(
            machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
        )


def test_nothing_is_lost_and_nothing_counts_twice(database_url: str) -> None:
    run(database_url, examples=30, steps=40)


def test_it_is_so_on_postgresql(postgres_url: str) -> None:
    run(postgres_url, examples=6, steps=20)
