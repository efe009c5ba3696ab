"""The queue with several at work in it at one instant, which only PostgreSQL has."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest
from sqlalchemy import Connection, text

from stackroom.database.postgresql import PostgresqlDatabase
from stackroom.database.transaction import T, Work
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
    """Workers that claim and settle at the same time as others do other things."""

    def __init__(self, queue: Queue) -> None:
        self.kind = queue.kind
        self.database = queue.library.database
        self.now = queue.library.now
        self.done: Counter[int] = Counter()
        self.finished: Counter[int] = Counter()

    async def work(self, worker: int) -> None:
        """Until there is nothing, three times in a row."""
        in_vain = 0
        while in_vain < 3:
            taken = await self.claim(worker, 5)
            in_vain = 0 if taken else in_vain + 1
            if taken:
                await self.settle(worker, taken)

    async def claim(self, worker: int, limit: int, most: int | None = None) -> list[Claimed]:
        return await self.database.write(
            lambda conn: claims.claim(
                conn, worker, kinds=[self.kind], limit=limit, per_organization=most, now=self.now
            )
        )

    async def settle(self, worker: int, taken: list[Claimed]) -> None:
        results = [done(it) for it in taken]
        landed = await self.database.write(lambda conn: claims.settle(conn, worker, results, now=self.now))
        self.done.update(landed.accepted)
        self.finished.update(landed.finished)


def meanwhile(queue: Queue, first: Work[Any], second: Work[T]) -> T:
    """Does the first work, and commits it when the second has begun and waits for it. What the second answers."""
    database = cast("PostgresqlDatabase", queue.library.database)
    waiting_for = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    async def both() -> T:
        async with database._engine.begin() as connection:
            await connection.run_sync(first)
            waits = asyncio.ensure_future(database.write(second))
            while not await database.read(lambda conn: conn.scalar(waiting_for)):
                assert not waits.done()
        return await waits

    return queue.library.do(both())


def claiming(queue: Queue, worker: int, limit: int = 10) -> Work[list[Claimed]]:
    return lambda conn: claims.claim(conn, worker, kinds=[queue.kind], limit=limit, now=queue.library.now)


def test_a_claim_that_waited_for_a_submit_takes_what_it_has_brought(queue: Queue) -> None:
    """What it saw before it had the lane is not what is there now; else it would say that nothing is left."""
    queue.jobs(1)
    worker = queue.worker()
    taken = meanwhile(queue, lambda conn: queue.submit(conn, 2), claiming(queue, worker))
    assert len(taken) == 3
    assert queue.problems() == []


def test_a_submit_that_waited_for_a_claim_is_not_left_behind(queue: Queue) -> None:
    queue.jobs(1)
    worker = queue.worker()
    meanwhile(queue, claiming(queue, worker), lambda conn: queue.submit(conn, 2))
    assert len(queue.claim(worker, 10)) == 2
    assert queue.problems() == []


def test_a_limit_is_exact_with_many_workers_on_both_lanes(queue: Queue) -> None:
    """All claim at one instant, and none settles before all have claimed: just so many run as may."""
    crowd, beside = Crowd(queue), queue.beside()
    for each in (queue, beside):
        for priority in (0, 1):
            each.batch(9, priority=priority)
    hands = [queue.worker() for _ in range(5)]
    owners = [each.actor.organization_id for each in (queue, beside)]

    async def all_at_once() -> None:
        while True:
            taken = await asyncio.gather(*(crowd.claim(hand, 2, most=3) for hand in hands))
            running = Counter(it.organization_id for some in taken for it in some)
            assert all(running[owner] <= 3 for owner in owners)
            if not running:
                break
            await asyncio.gather(
                *(crowd.settle(hand, some) for hand, some in zip(hands, taken, strict=True) if some)
            )

    queue.library.do(all_at_once())
    assert (len(crowd.done), len(crowd.finished)) == (36, 4)
    assert set(crowd.finished.values()) == set(crowd.done.values()) == {1}
    assert queue.problems() == []


def test_claims_settlements_cancels_and_reaps_at_once_agree(queue: Queue) -> None:
    batches = [queue.batch(40) for _ in range(3)]
    crowd = Crowd(queue)
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
