"""What the queue sends to the database: as much for a thousand jobs as for ten, and never a look at all of them."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from stackroom.queue import claims, lanes, waiting, workers
from stackroom.queue.claims import Wanted
from stackroom.testing.builders import a_library
from stackroom.testing.plans import Plan, plans_of
from stackroom.testing.queues import Queue, done, failed, later

pytestmark = pytest.mark.every_database

SMALL = re.compile(r"SCAN (lane|worker|kinds|passed|wanted|value|r|taken|waited|held|json_each)\b")


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    with a_library(database_url) as opened:
        yield Queue(opened)


def counted(queue: Queue, work: Callable[[Connection], Any]) -> tuple[Any, int]:
    with queue.library.statements() as sent:
        answer = queue.library.write(work)
    return answer, len(sent)


def life(queue: Queue, worker: int, count: int) -> list[int]:
    """How many statements each step in the life of so many jobs takes."""
    now = queue.library.now
    with queue.library.statements() as sent:
        batch = queue.batch(count)
    steps = [len(sent)]

    def step(work: Callable[[Connection], Any]) -> Any:
        answer, number = counted(queue, work)
        steps.append(number)
        return answer

    def claim(conn: Connection) -> Any:
        return claims.claim(conn, worker, kinds=[queue.kind], limit=count, now=now)

    jobs = step(claim)
    assert len(jobs) == count
    step(lambda conn: claims.settle(conn, worker, [later(it, now) for it in jobs], now=now))
    assert step(lambda conn: waiting.promote(conn, now=now)) == count
    jobs = step(claim)
    half = len(jobs) // 2
    results = [*map(done, jobs[:half]), *map(failed, jobs[half:-4])]
    assert len(step(lambda conn: claims.settle(conn, worker, results, now=now)).accepted) == count - 4
    step(lambda conn: claims.give_back(conn, worker, jobs[-4:], now=now))
    assert len(step(lambda conn: waiting.cancel(conn, batch, now=now)).jobs) == 4
    return steps


def test_a_thousand_jobs_take_as_many_statements_as_ten(queue: Queue) -> None:
    worker = queue.worker()
    queue.jobs(1)
    queue.claim(worker, 1)
    few, many = life(queue, worker, 10), life(queue, worker, 1_000)
    assert few == many
    assert max(many) <= 8


def test_what_dead_workers_had_is_taken_up_in_as_many_statements_however_much_it_is(queue: Queue) -> None:
    sent = []
    for count in (10, 1_000):
        queue.jobs(count)
        worker = queue.worker()
        assert len(queue.claim(worker, count)) == count
        queue.lapse(worker)
        number, statements = counted(queue, lambda conn: workers.reap(conn, now=queue.library.now))
        assert number == count
        sent.append(statements)
        done_with = queue.worker()
        queue.settle(done_with, [done(it) for it in queue.claim(done_with, count)])
    assert sent[0] == sent[1]


def scans(plan: Plan) -> list[str]:
    """Where jobs or batches, which grow for ever, are read from end to end."""
    of_a_few = "job_waiting", "job_running", "batch_unfinished"
    return [step for step in plan.scans("job", "j", "batch", "b") if not any(it in step for it in of_a_few)]


def test_nothing_reads_all_jobs_or_all_batches(queue: Queue) -> None:
    """Ten thousand jobs that are done, a few that are ready, and as many batches as there could be."""
    worker = queue.worker()
    for _ in range(2):
        queue.batch(5_000)
        queue.settle(worker, [done(it) for it in queue.claim(worker, 5_000)])
    many = """INSERT INTO batch (uuid, organization_id, priority, count, created_at, finished_at)
        SELECT {uuid}, organization_id, 1, 0, 1, 1 FROM job JOIN lane ON lane.id = job.lane_id"""
    sqlite = queue.library.read(lambda conn: conn.dialect.name == "sqlite")
    uuid = "randomblob(16)" if sqlite else "decode(md5(job.id::text), 'hex')"
    fill = text(many.format(uuid=uuid.replace("::", "\\:\\:")))
    queue.library.write(lambda conn: conn.execute(fill))
    batch = queue.batch(100)
    now = queue.library.now
    wanted = Wanted(worker_id=worker, kinds=(queue.kind,), per_organization=50)
    seen = plans_of(
        queue.library, lambda conn: claims.claim_wanted(conn, wanted, limit=10, now=now), without=()
    )
    assert any("job_ready" in plan.steps for plan in seen)
    running = queue.claim(worker, 10)
    for work in (
        lambda conn: claims.any_ready(conn, wanted),
        lambda conn: claims.settle(conn, worker, [*map(done, running[:5]), later(running[5], now)], now=now),
        lambda conn: claims.give_back(conn, worker, running[6:8], now=now),
        lambda conn: waiting.due(conn, now=now),
        lambda conn: waiting.promote(conn, now=now),
        lambda conn: waiting.cancel(conn, batch, limit=5, now=now),
        lambda conn: workers.beat(conn, worker, now=now),
        lambda conn: workers.reap(conn, all_but={worker + 1}, now=now),
        lanes.mend,
        lambda conn: workers.prune(conn, now=now),
    ):
        seen += plans_of(queue.library, work, without=())
    assert [plan for plan in seen if scans(plan)] == []
