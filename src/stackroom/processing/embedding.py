"""Embedding: a job for each asset whose words have changed, so that it is found by what it is about."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from stackroom import clock
from stackroom.clock import SECOND, Clock
from stackroom.database.transaction import Database
from stackroom.library import embeddings, vectors
from stackroom.library.embeddings import Embedder, Subject
from stackroom.processing import rounds
from stackroom.queue.jobs import DEFAULT, Claimed, NewJob, Result, State
from stackroom.queue.submit import submit_one

KIND: Final = "embed"
ATTEMPTS: Final = 3
AT_ONCE: Final = 2
"""How many are made at once by one process: the built-in embedder needs a millisecond, and another one may need the
network."""


ELSEWHERE: Final = 30 * SECOND
"""When it is tried again what needs another embedder than this process has."""


class Task(msgspec.Struct, frozen=True):
    """What a job of kind `embed` is about: an asset's id, as hexadecimal digits."""

    asset: str


class Embedding:
    """Handles jobs of kind `embed` (`queue.jobs.Handler`). Without an embedder there are none, and none are made."""

    max_attempts = ATTEMPTS

    def __init__(self, database: Database, embedder: Embedder | None, now: Clock = clock.now) -> None:
        self.embedder = embedder
        self._database = database
        self._now = now

    def submit(
        self, conn: Connection, organization_id: int, asset_id: int, uuid: bytes, *, now: int
    ) -> int | None:
        """Have an asset embedded, in the transaction that makes it or changes what is said of it; the job's id.

        Call it last, as `queue.submit` says, and wake the dispatcher afterwards. Submitting twice does it twice, with
        the same result.
        """
        if self.embedder is None:
            return None
        task = msgspec.json.encode(Task(uuid.hex())).decode()
        return submit_one(
            conn,
            organization_id=organization_id,
            kind=KIND,
            priority=DEFAULT,
            job=NewJob(task, asset_id),
            now=now,
        )

    async def expect_search(self, organization_id: int) -> bool:
        """See to it that all assets of an organization that searches by meaning get vectors, from its first such
        search on; whether this was the first. What is lacking is made in the background."""
        if self.embedder is None or await self._database.read(
            partial(vectors.is_searched, organization_id=organization_id)
        ):
            return False
        begin = partial(rounds.begin, organization_id=organization_id, now=self._now())
        return await self._database.write(begin)

    async def run(self, job: Claimed) -> Result:
        """One attempt. Of an asset that is gone nothing is kept, and that is well. Who has another embedder than the
        library's leaves it to others."""
        uuid = bytes.fromhex(msgspec.json.decode(job.task, type=Task).asset)
        done = Result(job=job, state=State.DONE)
        if self.embedder is None or job.asset_id is None:
            return done
        about = await self._database.read(partial(embeddings.subject, asset_id=job.asset_id, uuid=uuid))
        if about is None:
            return done
        chosen = await self._database.read(vectors.chosen)
        if chosen is not None and not chosen.is_of(self.embedder):
            return put_off(
                job, self._now(), ELSEWHERE, "other_embedder", f"the library's embedder is {chosen.name}"
            )
        vector = await asyncio.to_thread(_vector, self.embedder, about)
        keep = partial(_keep, about=about, model=self.embedder.model, vector=vector)
        return msgspec.structs.replace(done, effect=keep)

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        """It is not found by what it is about; the job says why."""

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
        """Nothing is left of it."""


def put_off(job: Claimed, now: int, after: int, code: str, reason: str) -> Result:
    """It is tried again, as if this had been no attempt."""
    return Result(job=job, state=State.WAITING, run_at=now + after, code=code, reason=reason, uncounted=True)


def _vector(embedder: Embedder, about: Subject) -> bytes:
    return embeddings.packed(embedder.of_asset(about.said), embedder.dim)


def _keep(conn: Connection, now: int, *, about: Subject, model: str, vector: bytes) -> None:
    embeddings.put(conn, about, model=model, vector=vector, now=now)
