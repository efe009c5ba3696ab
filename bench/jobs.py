"""The queue by itself: what a job costs that does nothing, however many there are, and what looking at a batch."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection, insert

from bench.report import Table, milliseconds, verdict
from stackroom import clock, ids
from stackroom.database.schema import batch
from stackroom.ingest import batches
from stackroom.queue import claims
from stackroom.queue.dispatcher import Dispatcher
from stackroom.queue.jobs import Claimed, NewJob, Result, State
from stackroom.queue.submit import submit
from stackroom.testing.builders import Library, a_library
from stackroom.testing.postgres import start_postgres
from stackroom.testing.queues import Queue, done

SIZES = (1_000, 10_000, 100_000)
FEW, MANY = 100, 1_000_000
SLOTS = 32
GROUP = 64
READS = 300
FLAT = 1.25
TASK = '{"origin":"https://example.org/photographs/2024/07/IMG_0001.jpg","key":"IMG_0001"}'


class Idle:
    """Does nothing, and does it well."""

    max_attempts = 3

    async def run(self, job: Claimed) -> Result:
        return Result(job=job, state=State.DONE)

    def given_up(self, *_: object) -> None: ...

    def cancelled(self, *_: object) -> None: ...


def measure(workplace: Path, rounds: int, say: Callable[[str], None], *, postgres: bool) -> Iterator[Table]:
    with _a_library(workplace, postgres=postgres) as library:
        library.tick = 0
        library.now = clock.now()
        yield _growth(library, rounds, say)
        yield _looking(library, rounds, say)


@contextmanager
def _a_library(workplace: Path, *, postgres: bool) -> Iterator[Library]:
    if not postgres:
        with a_library(f"sqlite:///{workplace}/queue.db") as library:
            yield library
        return
    server = start_postgres(workplace / "queue")
    try:
        with a_library(server.create("queue")) as library:
            yield library
    finally:
        server.stop()


class Times(msgspec.Struct):
    """The seconds that each job took, in each round."""

    submitted: list[float] = msgspec.field(default_factory=list)
    by_groups: list[float] = msgspec.field(default_factory=list)
    by_dispatcher: list[float] = msgspec.field(default_factory=list)


def _growth(library: Library, rounds: int, say: Callable[[str], None]) -> Table:
    times = {size: Times() for size in SIZES}
    for number in range(rounds):
        for size, each in times.items():
            say(f"round {number + 1} of {rounds}, {size:,} jobs")
            queue = Queue(library)
            each.submitted.append(_seconds(partial(_submit, queue, size)) / size)
            each.by_groups.append(_seconds(partial(_by_groups, queue)) / size)
            _submit(queue, size)
            each.by_dispatcher.append(_seconds(partial(_by_dispatcher, queue)) / size)
    return Table(
        title="The queue, of jobs that do nothing",
        text=(
            "Jobs of one batch, the time of each. *Submitted*: in one transaction, with their batch. *By groups*: "
            f"claimed and settled {GROUP} at a time, a durable commit each, batch and lane counted. *By the "
            f"dispatcher*: the same by one with {SLOTS} slots, which adds tasks and waiting. *Growth* is that of "
            f"these two, over {SIZES[0]:,} jobs."
        ),
        columns=["jobs", "submitted", "by groups", "by the dispatcher", "growth", "aim"],
        rows=[_row(size, each, times[SIZES[0]]) for size, each in times.items()],
    )


def _row(size: int, times: Times, first: Times) -> list[str]:
    growth = [
        statistics.median(mine) / statistics.median(least)
        for mine, least in (
            (times.by_groups, first.by_groups),
            (times.by_dispatcher, first.by_dispatcher),
        )
    ]
    return [
        f"{size:,}",
        *(_microseconds(each) for each in (times.submitted, times.by_groups, times.by_dispatcher)),
        f"{growth[0]:.2f}, {growth[1]:.2f}",
        verdict(max(growth), FLAT) if times is not first else "",
    ]


def _looking(library: Library, rounds: int, say: Callable[[str], None]) -> Table:
    queue = Queue(library)
    say(f"a batch of {MANY:,}")
    small, large = _submit(queue, FEW), _submit(queue, MANY)
    seconds: dict[int, list[float]] = {small: [], large: []}
    for number in range(rounds):
        say(f"looking at batches, round {number + 1} of {rounds}")
        for _ in range(READS):
            for which, each in seconds.items():
                find = partial(batches.find, actor=queue.actor, reference=which)
                each.append(_seconds(partial(library.read, find)))
    ratio = statistics.median(seconds[large]) / statistics.median(seconds[small])
    return Table(
        title="Looking at a batch",
        text=f"One batch, found by its number, {READS * rounds:,} times each in turns.",
        columns=[f"of {FEW:,} items", f"of {MANY:,}", "ratio", "aim"],
        rows=[
            [milliseconds(seconds[small]), milliseconds(seconds[large]), f"{ratio:.2f}", verdict(ratio, 2)]
        ],
    )


def _submit(queue: Queue, count: int) -> int:
    """A batch of so many jobs, in transactions of a hundred thousand; its number."""
    library = queue.library

    def begin(conn: Connection) -> int:
        row = {
            "uuid": ids.new(),
            "organization_id": queue.actor.organization_id,
            "priority": 1,
            "count": count,
            "created_at": library.now,
        }
        made: int = conn.execute(insert(batch).returning(batch.c.id), row).scalar_one()
        bring(conn, made, 0)
        return made

    def bring(conn: Connection, made: int, first: int) -> None:
        submit(
            conn,
            organization_id=queue.actor.organization_id,
            kind=queue.kind,
            priority=1,
            jobs=[NewJob(TASK, None, n) for n in range(first, min(first + SIZES[-1], count))],
            batch_id=made,
            now=library.now,
        )

    made = library.write(begin)
    for first in range(SIZES[-1], count, SIZES[-1]):
        library.write(partial(bring, made=made, first=first))
    return made


def _by_groups(queue: Queue) -> None:
    worker = queue.worker()
    claim = partial(claims.claim, worker_id=worker, kinds=[queue.kind], limit=GROUP, now=queue.library.now)
    while taken := queue.library.write(claim):
        queue.settle(worker, [done(job) for job in taken])


def _by_dispatcher(queue: Queue) -> None:
    queue.library.do(_until_finished(queue))


async def _until_finished(queue: Queue) -> None:
    library, over, loop = queue.library, asyncio.Event(), asyncio.get_running_loop()

    def on_finished(_conn: Connection, _batch_ids: Sequence[int], _now: int) -> None:
        loop.call_soon_threadsafe(over.set)

    dispatcher = Dispatcher(
        library.database, {queue.kind: Idle()}, slots=SLOTS, now=lambda: library.now, on_finished=on_finished
    )
    working = asyncio.create_task(dispatcher.run())
    await over.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _microseconds(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e6:,.0f} µs"
