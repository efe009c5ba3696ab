"""The queue with several at work in it at one instant, which only PostgreSQL has."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import Connection

from stackroom.queue import claims, waiting, workers
from stackroom.queue.jobs import Claimed, State
from stackroom.testing.builders import a_library
from stackroom.testing.queues import Queue, done


@pytest.fixture
def queue(postgres_url: str) -> Iterator[Queue]:
    with a_library(postgres_url) as opened:
        opened.tick = 0
        yield Queue(opened)


class Crowd:
    """Workers that claim and settle at the same time as others submit, and note the most that ever ran."""

    def __init__(self, queues: list[Queue], *, most: int | None = None) -> None:
        self.queues = queues
        self.database = queues[0].library.database
        self.now = queues[0].library.now
        self.most = most
        self.done: Counter[int] = Counter()
        self.finished: Counter[int] = Counter()
        self.running: Counter[int] = Counter()
        self.submitting = 0
        self.kind = queues[0].kind

    async def work(self, worker: int) -> None:
        in_vain = 0
        while in_vain < 3:
            taken = await self.database.write(
                lambda conn: claims.claim(
                    conn, worker, kinds=[self.kind], limit=5, per_organization=self.most, now=self.now
                )
            )
            in_vain = 0 if taken or self.submitting else in_vain + 1
            self.running.update(it.organization_id for it in taken)
            assert self.most is None or all(n <= self.most for n in self.running.values())
            await asyncio.sleep(0)
            if taken:
                await self.settle(worker, taken)

    async def settle(self, worker: int, taken: list[Claimed]) -> None:
        self.running.subtract(it.organization_id for it in taken)
        results = [done(it) for it in taken]
        landed = await self.database.write(lambda conn: claims.settle(conn, worker, results, now=self.now))
        self.done.update(landed.accepted)
        self.finished.update(landed.finished)

    async def submit(self, queue: Queue, times: int) -> None:
        self.submitting += 1
        for n in range(times):
            await self.database.write(partial(queue.submit, count=1 + n % 3, priority=n % 2))
        self.submitting -= 1


def test_nothing_that_is_submitted_during_a_claim_is_left_behind(queue: Queue) -> None:
    """A claim that empties a lane must not take back what a submit has just said of it."""
    crowd = Crowd([queue, queue.beside()])
    hands = [queue.worker() for _ in range(3)]

    async def all_at_once() -> None:
        submits = [crowd.submit(each, 30) for each in crowd.queues for _ in range(2)]
        await asyncio.gather(*submits, *(crowd.work(hand) for hand in hands))

    queue.library.do(all_at_once())
    assert len(crowd.done) == 2 * 2 * 60
    assert set(crowd.done.values()) == {1}
    for each in crowd.queues:
        assert [(row.unfinished, row.running) for row in each.lanes().values()] == [(0, 0)] * 2
    assert queue.problems() == []


def test_a_limit_is_exact_with_many_workers_on_both_lanes(queue: Queue) -> None:
    """What runs is counted from before a settling to after a claim, so a limit that is passed would show."""
    crowd = Crowd([queue, queue.beside()], most=3)
    for each in crowd.queues:
        for priority in (0, 1):
            each.batch(30, priority=priority)
    hands = [queue.worker() for _ in range(5)]

    async def all_at_once() -> None:
        await asyncio.gather(*(crowd.work(hand) for hand in hands))

    queue.library.do(all_at_once())
    assert (len(crowd.done), len(crowd.finished)) == (120, 4)
    assert set(crowd.finished.values()) == {1}
    assert queue.problems() == []


def test_claims_settlements_cancels_and_reaps_at_once_agree(queue: Queue) -> None:
    batches = [queue.batch(40) for _ in range(3)]
    crowd = Crowd([queue])
    hands = [queue.worker() for _ in range(3)]
    asleep = queue.worker()
    assert len(queue.claim(asleep, 7)) == 7
    queue.lapse(asleep)
    ends: Counter[int] = Counter()

    def cancel(conn: Connection) -> waiting.Cancelled:
        return waiting.cancel(conn, batches[1], limit=4, now=crowd.now)

    async def cancelling() -> None:
        more = True
        while more:
            gone = await crowd.database.write(cancel)
            ends.update(gone.finished)
            more = gone.more

    async def reaping() -> None:
        for _ in range(5):
            await crowd.database.write(lambda conn: workers.reap(conn, now=crowd.now))

    async def all_at_once() -> None:
        await asyncio.gather(reaping(), reaping(), cancelling(), *(crowd.work(hand) for hand in hands))
        await cancelling()
        await crowd.work(hands[0])

    queue.library.do(all_at_once())
    assert ends + crowd.finished == Counter(batches)
    states = [state for batch in batches for state in queue.states(batch)]
    assert set(states) <= {State.DONE, State.CANCELLED}
    assert queue.problems() == []
