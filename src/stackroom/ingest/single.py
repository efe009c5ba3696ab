"""One arrival that somebody waits for: the same way as a batch's, on the lane that goes first, and without a batch."""

import asyncio
from contextlib import suppress
from functools import partial

import msgspec
from sqlalchemy import Connection, select

from stackroom import clock
from stackroom.access import Actor, Role, require
from stackroom.database.schema import job
from stackroom.database.transaction import Database
from stackroom.ingest.arriving import enter
from stackroom.ingest.pipeline import Pipeline
from stackroom.ingest.preparing import Arriving, prepare
from stackroom.queue.jobs import PRIORITY, State

PATIENCE = 60.0
"""Seconds that somebody waits, unless they say otherwise."""
_RARELY, _SOON = 0.25, 0.01
"""Seconds between two looks: at what another server does, and at what is about to be settled here."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival on its way: which job it is, and which asset it is about."""

    job_id: int
    asset_id: int
    asset_uuid: bytes
    new: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an arrival. `code` and `reason` say why it failed."""

    succeeded: bool
    code: str | None = None
    reason: str | None = None


def submit(
    conn: Connection, actor: Actor, arriving: Arriving, *, keep_batch: bool = True, now: int
) -> Submitted:
    """Take one arrival in; wake the dispatcher after the commit.

    Raises what `preparing.prepare` and `arriving.enter` do. An asset that is there stays with its batch, unless
    `keep_batch` is False: then it belongs to none. Repeating it takes the asset in again.
    """
    require(actor, Role.MEMBER, "submitting images")
    ready = prepare([arriving])
    entered = enter(conn, actor, ready, priority=PRIORITY, batch_id=None, keep_batch=keep_batch, now=now)
    return Submitted(
        job_id=entered.job_ids[0],
        asset_id=entered.asset_ids[0],
        asset_uuid=entered.asset_uuids[0],
        new=bool(entered.new),
    )


async def outcome(
    database: Database, pipeline: Pipeline, submitted: Submitted, *, patience: float = PATIENCE
) -> Outcome | None:
    """What became of it, whichever server has done it; None if that is not known after `patience` seconds, or will not
    be, as it is tried again only later or the server stops. Then it still is on its way. Giving up to wait does nothing
    to it."""
    until = clock.now() + round(patience * clock.SECOND)
    with pipeline.watching(submitted.job_id) as ended:
        try:
            async with asyncio.timeout(patience):
                while True:
                    found = await database.read(partial(_outcome, job_id=submitted.job_id, until=until))
                    if found is not None or pipeline.lets_go:
                        return found
                    await _pause(ended)
        except TimeoutError:
            return None


async def _pause(ended: asyncio.Event) -> None:
    if ended.is_set():
        await asyncio.sleep(_SOON)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), _RARELY)


def _outcome(conn: Connection, *, job_id: int, until: int) -> Outcome | None:
    """Raises `TimeoutError` where there will be none until then."""
    columns = job.c.state, job.c.error_code, job.c.error, job.c.run_at
    row = conn.execute(select(*columns).where(job.c.id == job_id)).first()
    if row is None:
        return Outcome(succeeded=False, code="forgotten", reason="Nobody remembers what became of it.")
    match State(row.state):
        case State.DONE:
            return Outcome(succeeded=True)
        case State.FAILED | State.CANCELLED:
            return Outcome(succeeded=False, code=row.error_code, reason=row.error)
        case State.WAITING if row.run_at > until:
            raise TimeoutError
        case _:
            return None
