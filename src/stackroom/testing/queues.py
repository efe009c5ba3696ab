"""A queue with something in it, for tests: an organization, its batches, and workers that do as they are told.

queue = Queue(library)
batch = queue.batch(3)
worker = queue.worker()
queue.settle(worker, [done(job) for job in queue.claim(worker, 2)])
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, text, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import batch, job, lane, organization, worker
from stackroom.database.transaction import Connection
from stackroom.doctor.questions import QUESTIONS
from stackroom.queue import claims, lanes, submit, workers
from stackroom.queue.claims import Landed
from stackroom.queue.jobs import DEFAULT, Claimed, Effect, NewJob, Result, State
from stackroom.testing.builders import Library

PROMISES = ("batches_counted", "batches_finished", "lanes_counted", "jobs_have_workers")


def done(job: Claimed, effect: Effect | None = None) -> Result:
    return Result(job=job, state=State.DONE, busy=1_000, effect=effect)


def failed(job: Claimed, effect: Effect | None = None) -> Result:
    return Result(job=job, state=State.FAILED, code="broken", reason="it is broken", effect=effect)


def later(job: Claimed, run_at: int) -> Result:
    return Result(job=job, state=State.WAITING, run_at=run_at, code="busy", reason="its origin is busy")


def claim_only(conn: Connection, worker_id: int, actor: Actor, kind: str, *, now: int) -> list[Claimed]:
    """What is ready for one organization of a library that tests share. What is ready for others stays so."""
    others = lane.c.organization_id != actor.organization_id
    conn.execute(update(lane).where(lane.c.kind == kind, others).values(ready=False))
    taken = claims.claim(conn, worker_id, kinds=[kind], limit=10_000, now=now)
    lanes.mend(conn)
    return taken


class Queue:
    """The queue of one organization in a library that others may share. `kind` is this one's alone."""

    def __init__(self, library: Library, actor: Actor | None = None, *, kind: str | None = None) -> None:
        self.library = library
        self.actor = actor or library.an_actor()
        self.kind = kind or f"kind-{ids.new().hex()}"

    def beside(self) -> "Queue":
        """The queue of another organization, with jobs of the same kind."""
        return Queue(self.library, kind=self.kind)

    def batch(self, count: int, *, priority: int = DEFAULT, task: str = "{}") -> int:
        """A batch of so many jobs, ready; its id."""

        def work(conn: Connection) -> int:
            row = {
                "uuid": ids.new(),
                "organization_id": self.actor.organization_id,
                "priority": priority,
                "count": count,
                "created_at": self.library.now,
            }
            batch_id: int = conn.execute(insert(batch).returning(batch.c.id), row).scalar_one()
            self.submit(conn, count, priority=priority, batch_id=batch_id, task=task)
            return batch_id

        return self.library.write(work)

    def jobs(self, count: int, *, priority: int = DEFAULT, task: str = "{}") -> None:
        """So many jobs of no batch."""
        self.library.write(lambda conn: self.submit(conn, count, priority=priority, task=task))

    def submit(
        self,
        conn: Connection,
        count: int,
        *,
        priority: int = DEFAULT,
        batch_id: int | None = None,
        task: str = "{}",
    ) -> None:
        """What `batch` and `jobs` do, in a transaction that is at work."""
        submit.submit(
            conn,
            organization_id=self.actor.organization_id,
            kind=self.kind,
            priority=priority,
            jobs=[NewJob(task, None, n) for n in range(count)],
            batch_id=batch_id,
            now=self.library.now,
        )

    def worker(self) -> int:
        return self.library.write(
            lambda conn: workers.register(conn, name="test", version="0", slots=4, now=self.library.now)
        )

    def claim(self, worker_id: int, limit: int, **rest: Any) -> list[Claimed]:
        return self.library.write(
            lambda conn: claims.claim(
                conn, worker_id, kinds=[self.kind], limit=limit, now=self.library.now, **rest
            )
        )

    def settle(self, worker_id: int, results: Sequence[Result]) -> Landed:
        return self.library.write(lambda conn: claims.settle(conn, worker_id, results, now=self.library.now))

    def limit(self, most: int | None) -> None:
        """How many jobs of the organization may run at once."""
        mine = organization.c.id == self.actor.organization_id
        self.library.write(
            lambda conn: conn.execute(update(organization).where(mine).values(max_running=most))
        )

    def lapse(self, worker_id: int) -> None:
        """Have a worker say nothing for so long that it is taken for dead, by whatever clock."""
        silent = update(worker).where(worker.c.id == worker_id).values(heartbeat_at=0)
        self.library.write(lambda conn: conn.execute(silent))

    def the_batch(self, batch_id: int) -> Row[Any]:
        return self.library.read(lambda conn: conn.execute(select(batch).where(batch.c.id == batch_id)).one())

    def states(self, batch_id: int) -> list[State]:
        """The state of each job of a batch, in order."""
        query = select(job.c.state).where(job.c.batch_id == batch_id).order_by(job.c.position)
        return [State(each) for each in self.library.read(lambda conn: list(conn.scalars(query)))]

    def lanes(self) -> dict[int, Row[Any]]:
        """The organization's lanes, by priority."""
        mine = (lane.c.kind == self.kind) & (lane.c.organization_id == self.actor.organization_id)
        rows = self.library.read(lambda conn: conn.execute(select(lane).where(mine)).all())
        return {row.priority: row for row in rows}

    def problems(self) -> list[str]:
        """What the doctor says of the queue, of anybody's: nothing, if all is well."""

        def look(conn: Connection) -> list[str]:
            found = []
            for question in QUESTIONS:
                if question.check in PROMISES:
                    bound = {"now": self.library.now} if ":now" in question.query else {}
                    found += [f"{question.check}: {row}" for row in conn.execute(text(question.query), bound)]
            return found

        return self.library.read(look)
