"""A worker that dies at every point of a job's life: its batches end all the same, and each job counts once."""

import os
import subprocess
import sys
from typing import get_args

import pytest
from sqlalchemy import select, text

from stackroom import faults
from stackroom.database.schema import loose_bytes
from stackroom.faults import EXIT_CODE, Point
from stackroom.testing.builders import a_library
from stackroom.testing.queues import Queue

POINTS = tuple(point for point in get_args(Point) if point.startswith("queue:"))
LIVES = (*POINTS, "queue:before-commit:2")
BATCHES, JOBS = 3, 20

# Submits what is not yet submitted, and works until nothing is left. What a job does is to leave a mark, which the
# database refuses to take twice.
PROGRAM = """
import asyncio, sys
from sqlalchemy import insert, text
from stackroom import clock, ids
from stackroom.database.connect import connect
from stackroom.database.schema import batch, loose_bytes
from stackroom.queue.dispatcher import Dispatcher
from stackroom.queue.jobs import NewJob, Result, State
from stackroom.queue.submit import submit

url, organization, kind, batches, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])

def bring(conn):
    there = conn.scalar(text("SELECT count(*) FROM batch"))
    if there < batches:
        row = {"uuid": ids.new(), "organization_id": organization, "priority": 1, "count": count, "created_at": 1}
        made = conn.execute(insert(batch).returning(batch.c.id), row).scalar_one()
        jobs = [NewJob(f'"{made}"', None, n) for n in range(count)]
        submit(conn, organization_id=organization, kind=kind, priority=1, jobs=jobs, batch_id=made, now=clock.now())
    return there < batches

class Marks:
    max_attempts = 20

    async def run(self, job):
        await asyncio.sleep(0)
        return Result(job=job, state=State.DONE, effect=lambda conn, now: mark(conn, f"done/{job.id}", now))

    def given_up(self, conn, job, code, reason, now): raise AssertionError(code)
    def cancelled(self, conn, jobs, now): raise AssertionError(jobs)

def mark(conn, key, now):
    conn.execute(insert(loose_bytes), {"storage_key": key, "due_at": now})

def ended(conn, batch_ids, now):
    for each in batch_ids:
        mark(conn, f"ended/{each}", now)

def left(conn):
    return conn.scalar(text("SELECT count(*) FROM batch WHERE finished_at IS NULL"))

async def live():
    database = await connect(url)
    # On PostgreSQL a worker is dead when it has said nothing for a while: let that have passed.
    await database.write(lambda conn: conn.execute(text("UPDATE worker SET heartbeat_at = 0")))
    while await database.write(bring):
        pass
    dispatcher = Dispatcher(database, {kind: Marks()}, slots=3, now=clock.now, on_finished=ended)
    working = asyncio.create_task(dispatcher.run())
    while await database.read(left):
        await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait([working])
    await database.close()

asyncio.run(live())
"""


def prepare(url: str) -> Queue:
    with a_library(url) as opened:
        return Queue(opened)


def live(url: str, queue: Queue, fault: str) -> int:
    arguments = [url, str(queue.actor.organization_id), queue.kind, str(BATCHES), str(JOBS)]
    environment = {**os.environ, faults.VARIABLE: fault}
    program = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(program, env=environment, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.every_database
def test_a_worker_may_die_wherever_it_likes(database_url: str) -> None:
    queue = prepare(database_url)
    for fault in LIVES:
        assert live(database_url, queue, fault) == EXIT_CODE, fault
    assert live(database_url, queue, "") == 0
    with a_library(database_url) as opened:
        marks = opened.read(lambda conn: list(conn.scalars(select(loose_bytes.c.storage_key))))
        assert sum(key.startswith("done/") for key in marks) == BATCHES * JOBS
        assert sum(key.startswith("ended/") for key in marks) == BATCHES
        checked = Queue(opened, queue.actor, kind=queue.kind)
        assert checked.problems() == []
        row = opened.read(
            lambda conn: conn.execute(text("SELECT sum(completed), sum(errors) FROM batch")).one()
        )
        assert tuple(map(int, row)) == (BATCHES * JOBS, 0)
