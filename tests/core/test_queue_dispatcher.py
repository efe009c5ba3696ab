"""The dispatcher: jobs are done, retried, given up, cancelled and given back, and a stop loses none."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from stackroom import clock
from stackroom.database.transaction import T, Work
from stackroom.errors import Invalid, Unavailable
from stackroom.queue import dispatcher as dispatching
from stackroom.queue import patience, waiting, workers
from stackroom.queue.dispatcher import Dispatcher
from stackroom.queue.jobs import PRIORITY, Claimed, Result, State, backoff
from stackroom.testing.builders import a_library
from stackroom.testing.queues import Queue, done, failed, later

SOON = 0.05


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    with a_library(database_url) as opened:
        opened.tick = 0
        yield Queue(opened)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, logged: object) -> None:
    """All that a dispatcher waits for comes soon."""
    monkeypatch.setattr(dispatching, "IDLE", SOON)
    monkeypatch.setattr(dispatching, "BEAT", SOON)
    monkeypatch.setattr(patience, "PAUSES", (SOON,))


class Workshop:
    """A handler that does what its test says, and notes what it was asked."""

    def __init__(self, work: Callable[[Claimed], Awaitable[Result]], *, max_attempts: int = 3) -> None:
        self.max_attempts = max_attempts
        self.begun: list[Claimed] = []
        self.ends: list[tuple[int, str]] = []
        self.finished: list[int] = []
        self.most = self.now = 0
        self._work = work

    async def run(self, job: Claimed) -> Result:
        self.begun.append(job)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await self._work(job)
        finally:
            self.now -= 1

    def given_up(self, _conn: Connection, job: Claimed, code: str, _reason: str, _now: int) -> None:
        self.ends.append((job.position, code))

    def cancelled(self, _conn: Connection, jobs: Sequence[Claimed], _now: int) -> None:
        self.ends.extend((job.position, "cancelled") for job in jobs)

    def on_finished(self, _conn: Connection, batch_ids: Sequence[int], _now: int) -> None:
        self.finished.extend(batch_ids)


async def at_once(job: Claimed) -> Result:
    return done(job)


async def never(job: Claimed) -> Result:
    await asyncio.Event().wait()
    return done(job)


def a_dispatcher(
    queue: Queue, shop: Workshop, *, slots: int = 4, drain: float = 5.0, leap: int = 0, ahead: int = 2
) -> Dispatcher:
    """Its clock leaps each time it looks at it, so that what must wait is due at once."""

    def now() -> int:
        queue.library.now += leap
        return queue.library.now

    return Dispatcher(
        queue.library.database,
        {queue.kind: shop},
        slots=slots,
        now=now,
        on_finished=shop.on_finished,
        ahead=ahead,
        drain=drain,
    )


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[None]:
    task = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def work_until(queue: Queue, dispatcher: Dispatcher, condition: Callable[[], bool]) -> None:
    async def both() -> None:
        async with running(dispatcher):
            await until(condition)

    queue.library.do(both())


@pytest.mark.every_database
def test_batches_are_done_and_their_ends_announced_once(queue: Queue) -> None:
    batches = [queue.batch(100), queue.batch(5, priority=PRIORITY), queue.beside().batch(30)]
    shop = Workshop(at_once)
    work_until(queue, a_dispatcher(queue, shop), lambda: len(shop.finished) == 3)
    assert sorted(shop.finished) == sorted(batches)
    assert shop.most <= 4
    assert max(Counter(job.id for job in shop.begun).values()) == 1
    assert queue.problems() == []


@pytest.mark.every_database
def test_what_fails_unforeseen_is_tried_again_and_then_given_up(queue: Queue) -> None:
    batch = queue.batch(2)

    async def work(job: Claimed) -> Result:
        if job.position == 1:
            raise Invalid("it is odd", code="odd") if job.attempt > 1 else ValueError("never mind")
        return done(job)

    shop = Workshop(work)
    work_until(queue, a_dispatcher(queue, shop, leap=clock.HOUR), lambda: bool(shop.finished))
    assert [job.attempt for job in shop.begun if job.position == 1] == [1, 2, 3]
    assert shop.ends == [(1, "odd")]
    row = queue.the_batch(batch)
    assert (row.completed, row.errors) == (1, 1)
    assert queue.problems() == []


def test_what_was_begun_too_often_is_not_begun_again(queue: Queue) -> None:
    """As a job that kills its worker: nobody is left to say that it has failed."""
    queue.batch(1)
    for _ in range(3):
        worker = queue.worker()
        queue.claim(worker, 1)
        queue.lapse(worker)
        queue.library.write(lambda conn: workers.reap(conn, now=queue.library.now))
        queue.library.now += clock.HOUR
        queue.library.write(lambda conn: waiting.promote(conn, now=queue.library.now))
    shop = Workshop(at_once)
    work_until(queue, a_dispatcher(queue, shop), lambda: bool(shop.finished))
    assert shop.begun == []
    assert shop.ends == [(0, "crashed")]


def test_a_bad_effect_spoils_its_own_job_and_no_other(queue: Queue) -> None:
    batch = queue.batch(6)

    def spoil(conn: Connection, _now: int) -> None:
        conn.execute(text("DELETE FROM job WHERE true"))
        raise ValueError("no")

    async def work(job: Claimed) -> Result:
        return done(job, spoil if job.position in {2, 4} else None)

    shop = Workshop(work)
    work_until(queue, a_dispatcher(queue, shop, leap=clock.HOUR), lambda: bool(shop.finished))
    assert sorted(shop.ends) == [(2, "internal_error"), (4, "internal_error")]
    assert queue.states(batch) == [State.FAILED if n in {2, 4} else State.DONE for n in range(6)]
    assert queue.problems() == []


def test_what_ends_badly_through_its_own_effect_ends_without_it(queue: Queue) -> None:
    batch = queue.batch(1)

    def spoil(_conn: Connection, _now: int) -> None:
        raise ValueError("no")

    async def work(job: Claimed) -> Result:
        return failed(job, spoil)

    shop = Workshop(work)
    work_until(queue, a_dispatcher(queue, shop), lambda: bool(shop.finished))
    assert queue.states(batch) == [State.FAILED]


@pytest.mark.every_database
def test_a_cancelled_batch_stops_what_runs_and_what_waits(queue: Queue) -> None:
    batch = queue.batch(20)
    shop = Workshop(never)
    dispatcher = a_dispatcher(queue, shop)

    async def both() -> None:
        async with running(dispatcher):
            await until(lambda: len(shop.begun) == 4 and dispatcher.in_hand == 8)
            await queue.library.database.write(
                lambda conn: waiting.cancel(conn, batch, limit=1, now=queue.library.now)
            )
            await until(lambda: bool(shop.finished))

    queue.library.do(both())
    assert shop.finished == [batch]
    assert len(shop.begun) == 4
    assert sorted(position for position, _ in shop.ends) == [n for n in range(20) if n != 8]
    assert queue.the_batch(batch).cancelled == 20
    assert queue.problems() == []


def test_a_cancelled_batch_is_left_to_those_who_do_its_jobs(queue: Queue) -> None:
    """Others in the same process have no handler that would say what it means for what the jobs are about."""
    batch = queue.batch(20)
    shop = Workshop(never)
    database = queue.library.database
    messenger = Dispatcher(
        database, {"letters": shop}, slots=1, now=lambda: queue.library.now, on_finished=None
    )
    queue.library.write(lambda conn: waiting.cancel(conn, batch, limit=0, now=queue.library.now))
    queue.library.do(messenger._do_what_is_due())
    assert queue.states(batch) == [State.READY] * 20
    queue.library.do(a_dispatcher(queue, shop)._do_what_is_due())
    assert queue.states(batch) == [State.CANCELLED] * 20
    assert (len(shop.ends), shop.finished) == (20, [batch])


def test_a_job_whose_cancellation_fails_is_cancelled_all_the_same(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = queue.batch(20)

    class Grumpy(Workshop):
        def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
            if any(job.position == 13 for job in jobs):
                raise ValueError("not this one")
            super().cancelled(conn, jobs, now)

    monkeypatch.setattr(waiting, "PORTION", 8)
    shop = Grumpy(never)
    queue.limit(0)
    queue.library.write(lambda conn: waiting.cancel(conn, batch, limit=0, now=queue.library.now))
    work_until(queue, a_dispatcher(queue, shop), lambda: bool(shop.finished))
    assert queue.states(batch) == [State.CANCELLED] * 20
    assert sorted(position for position, _ in shop.ends) == [n for n in range(20) if n != 13]


@pytest.mark.every_database
def test_a_stop_lets_what_runs_end_and_gives_back_the_rest(queue: Queue) -> None:
    batch = queue.batch(8)
    go = asyncio.Event()

    async def work(job: Claimed) -> Result:
        await (go.wait() if job.position < 2 else asyncio.Event().wait())
        return done(job)

    shop = Workshop(work)
    dispatcher = a_dispatcher(queue, shop, drain=0.3)

    async def both() -> None:
        async with running(dispatcher):
            await until(lambda: len(shop.begun) == 4)
            asyncio.get_running_loop().call_later(0.05, go.set)

    queue.library.do(both())
    assert queue.states(batch) == [State.DONE] * 2 + [State.READY] * 6
    assert [job.attempt for job in queue.claim(queue.worker(), 8)] == [1] * 6
    assert queue.problems() == []


@pytest.mark.every_database
def test_who_was_taken_for_dead_drops_everything_and_begins_anew(queue: Queue) -> None:
    batch = queue.batch(4)
    again = asyncio.Event()

    async def work(job: Claimed) -> Result:
        await (asyncio.Event().wait() if job.attempt == 1 else again.wait())
        return done(job)

    shop = Workshop(work)
    dispatcher = a_dispatcher(queue, shop)
    silent = text("UPDATE worker SET heartbeat_at = 0 WHERE NOT dead")

    def take(conn: Connection) -> None:
        conn.execute(silent)
        workers.reap(conn, now=queue.library.now)

    async def both() -> None:
        async with running(dispatcher):
            await until(lambda: len(shop.begun) == 4)
            await queue.library.database.write(take)
            await until(lambda: len(shop.begun) == 8)
            again.set()
            await until(lambda: bool(shop.finished))

    queue.library.do(both())
    assert (queue.the_batch(batch).completed, shop.finished) == (4, [batch])
    assert queue.problems() == []


@pytest.mark.every_database
def test_who_was_taken_for_dead_while_he_had_nothing_to_do_learns_of_it(queue: Queue) -> None:
    """On SQLite he does not say that he lives, so nobody tells him that he does not."""
    shop = Workshop(at_once)

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(a_dispatcher(queue, shop).run())
        await asyncio.sleep(2 * SOON)
        await queue.library.database.write(lambda conn: conn.execute(text("UPDATE worker SET dead = true")))
        return task

    async def end() -> None:
        await until(lambda: bool(shop.finished))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task = queue.library.do(begin())
    queue.batch(1)
    queue.library.do(end())


def test_nobody_dies_with_his_namesake_in_another_library(
    queue: Queue, sqlite_template: Path, tmp_path: Path, logged: Sequence[Mapping[str, Any]]
) -> None:
    """Numbers are a library's own: the end of another's first is not the end of ours."""
    shop = Workshop(never)
    queue.jobs(1)

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(a_dispatcher(queue, shop, drain=0).run())
        await until(lambda: bool(shop.begun))
        return task

    async def end() -> None:
        await asyncio.sleep(5 * SOON)  # some beats
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task = queue.library.do(begin())
    copy = shutil.copyfile(sqlite_template, tmp_path / "elsewhere.db")
    with a_library(f"sqlite:///{copy}") as elsewhere:
        other = Workshop(at_once)
        batch = Queue(elsewhere)
        batch.batch(1)
        work_until(batch, a_dispatcher(batch, other), lambda: bool(other.finished))
    queue.library.do(end())
    ours, namesake = (entry["worker"] for entry in logged if entry["event"] == "queue.started")
    assert ours == namesake
    assert not [entry for entry in logged if entry["event"] in {"queue.taken_for_dead", "queue.reaped"}]


def test_who_has_nothing_to_do_is_not_taken_for_dead_by_another_of_the_same_process(
    queue: Queue, logged: Sequence[Mapping[str, Any]]
) -> None:
    """On SQLite he does not say that he lives; the one that has something to do must not miss it."""
    other = Queue(queue.library)
    idle, busy = Workshop(at_once), Workshop(never)
    pair = a_dispatcher(queue, idle), a_dispatcher(other, busy, leap=workers.LEASE)
    other.batch(1)

    async def begin() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(each.run()) for each in pair]
        await until(lambda: bool(busy.begun))
        await asyncio.sleep(10 * SOON)  # it says several times that it lives, each time long after the last
        return tasks

    async def end() -> None:
        await until(lambda: bool(idle.finished))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    tasks = queue.library.do(begin())
    queue.batch(1)
    queue.library.do(end())
    assert not [entry for entry in logged if entry["event"] in {"queue.taken_for_dead", "queue.reaped"}]


class Moody:
    """A database that is away whenever its test says so: before a write, or after it, which nobody knows of."""

    def __init__(self, queue: Queue) -> None:
        self.database = queue.library.database
        self.away: Iterator[str] = iter(())
        self.refused = self.reads = self.writes = 0

    async def write(self, work: Work[T]) -> T:
        self.writes += 1
        how = next(self.away, "")
        self.refused += bool(how)
        if how == "before":
            raise Unavailable("the database cannot be reached", code="database_unavailable")
        answer = await self.database.write(work)
        if how == "after":
            raise Unavailable("the database cannot be reached", code="database_unavailable")
        return answer

    async def read(self, work: Work[T]) -> T:
        self.reads += 1
        return await self.database.read(work)


def test_nothing_is_lost_or_done_twice_while_the_database_comes_and_goes(queue: Queue) -> None:
    batch = queue.batch(60)
    moody = Moody(queue)
    moody.away = iter(["", *(["before", "", "after", "", "", "before", "before"] * 12)])
    shop = Workshop(at_once)
    dispatcher = a_dispatcher(queue, shop)
    dispatcher._database = moody  # type: ignore[assignment]  # what the dispatcher uses of a database
    work_until(queue, dispatcher, lambda: queue_is_empty(dispatcher, shop) and moody.refused > 10)
    assert queue.states(batch) == [State.DONE] * 60
    assert queue.problems() == []


@pytest.mark.every_database
def test_nothing_is_written_while_there_is_nothing_to_do(queue: Queue, database_kind: str) -> None:
    """But that one lives, where there may be others to see it."""
    queue.limit(0)
    queue.batch(1)
    moody = Moody(queue)
    dispatcher = a_dispatcher(queue, Workshop(at_once))
    dispatcher._database = moody  # type: ignore[assignment]  # what the dispatcher uses of a database
    work_until(queue, dispatcher, lambda: moody.reads > 20)
    assert (moody.writes == 2) == (database_kind == "sqlite")  # it has come, and gone


def queue_is_empty(dispatcher: Dispatcher, shop: Workshop) -> bool:
    return bool(shop.finished) and dispatcher.in_hand == 0


def test_an_attempt_through_nobodys_fault_does_not_count(queue: Queue) -> None:
    queue.batch(1)

    async def work(job: Claimed) -> Result:
        if len(shop.begun) < 6:
            raise Unavailable("there is no room left", code="storage_full")
        return done(job)

    shop = Workshop(work)
    work_until(queue, a_dispatcher(queue, shop, leap=clock.HOUR), lambda: bool(shop.finished))
    assert [job.attempt for job in shop.begun] == [1] * 6
    assert shop.ends == []


def test_a_tenth_of_the_slots_is_kept_for_what_is_urgent(queue: Queue) -> None:
    queue.batch(100)
    shop = Workshop(never)
    dispatcher = a_dispatcher(queue, shop, slots=20, drain=0)

    async def both() -> None:
        async with running(dispatcher):
            await until(lambda: len(shop.begun) == 18)
            assert dispatcher.in_hand == 36
            await queue.library.database.write(lambda conn: queue.submit(conn, 2, priority=PRIORITY))
            dispatcher.wake()
            await until(lambda: len(shop.begun) == 20)

    queue.library.do(both())
    assert [job.priority for job in shop.begun[18:]] == [PRIORITY] * 2


def test_a_retry_that_its_handler_wants_is_bounded(queue: Queue) -> None:
    batch = queue.batch(1)

    async def work(job: Claimed) -> Result:
        return later(job, queue.library.now)

    shop = Workshop(work, max_attempts=2)
    work_until(queue, a_dispatcher(queue, shop), lambda: bool(shop.finished))
    assert (len(shop.begun), shop.ends) == (2, [(0, "busy")])
    assert queue.the_batch(batch).errors == 1


def test_waits_grow_and_end_growing() -> None:
    assert 4 * clock.SECOND <= backoff(1) <= 6 * clock.SECOND
    assert 16 * clock.SECOND <= backoff(3) <= 24 * clock.SECOND
    assert backoff(1_000) <= 1.2 * 15 * 60 * clock.SECOND


@pytest.mark.every_database
def test_who_begins_side_by_side_takes_nobody_of_us_for_dead(
    queue: Queue, logged: Sequence[Mapping[str, Any]]
) -> None:
    """A server has several, and on SQLite whoever begins takes all others for dead."""
    shops = [Workshop(never) for _ in range(4)]
    queue.jobs(8)

    def all_began() -> bool:
        return all(shop.begun for shop in shops)

    def started() -> list[int]:
        return [entry["worker"] for entry in logged if entry["event"] == "queue.started"]

    async def together() -> None:
        async with AsyncExitStack() as stack:
            for shop in shops:
                await stack.enter_async_context(running(a_dispatcher(queue, shop, slots=1, drain=0)))
            await until(all_began)
            await asyncio.sleep(5 * SOON)  # some beats

    queue.library.do(together())
    assert len(set(started())) == 4
    assert not [entry for entry in logged if entry["event"] == "queue.taken_for_dead"]
    assert not [entry for entry in logged if entry["event"] == "queue.reaped"]


def test_what_takes_long_is_not_kept_from_others_who_could_begin_it(queue: Queue) -> None:
    hoarder, sharer = Workshop(never), Workshop(never)
    queue.jobs(2)

    async def one_and_then_another() -> None:
        first = a_dispatcher(queue, hoarder, slots=1, drain=0, ahead=1)
        async with running(first):
            await until(lambda: len(hoarder.begun) == 1)
            await asyncio.sleep(3 * SOON)
            assert first.in_hand == 1
            async with running(a_dispatcher(queue, sharer, slots=1, drain=0)):
                await until(lambda: len(sharer.begun) == 1)

    queue.library.do(one_and_then_another())
