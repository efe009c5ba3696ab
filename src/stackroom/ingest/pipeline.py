"""The way of one arrival: fetch → identify → store → render → register.

Each step goes on to the next, or ends the attempt with one of two words: `Retry`, as it may work later, or `Fail`, as
it will not. Up to the last everything is outside of any transaction and bears repetition: bytes go to the store under
their hash and are nobody's yet. The last is an effect that runs in the transaction which settles the job, so it
happens once, whatever dies.

An attempt that fails for reasons of ours (the disk is full, the database is away) is not one: the worker waits, for
half an hour at most, and only then gives the job back for another attempt.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, Select, bindparam, select

from stackroom import clock, faults, ids
from stackroom.clock import Clock
from stackroom.database.schema import asset, organization, registration
from stackroom.database.transaction import Database
from stackroom.errors import Invalid, StackroomError, TooLarge, Unavailable, UnsupportedMedia
from stackroom.ingest import settling, stored
from stackroom.ingest.identifying import UNKNOWN_IMAGE, Registered, Seen, examine
from stackroom.ingest.keeping import PYRAMID, put_again, store_thumbnails
from stackroom.ingest.origins import Fail, Fetched, Origins, Retry
from stackroom.ingest.preparing import Task, read_task
from stackroom.ingest.settling import Kept
from stackroom.ingest.uploads import hold
from stackroom.library import blobs, origin_strategies, usage
from stackroom.library.blobs import Arrival
from stackroom.library.channels import NONE, Channel
from stackroom.library.origin_strategies import Approach
from stackroom.media.studio import CRASHED, Studio
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.storage import staging
from stackroom.storage.blobstore import BlobStore, MissingBytes
from stackroom.storage.keys import rendition_key
from stackroom.storage.staging import Staged, Staging

log = structlog.get_logger(__name__)
ATTEMPTS: Final = 5
FIRST_DELAY: Final = 5.0
"""Seconds until the second attempt; each further one is put off four times as long, up to `LONGEST_DELAY`."""
LONGEST_DELAY: Final = 900.0
WORK_SECONDS: Final = 600.0
"""What one attempt may take beside fetching; a single picture is given up long before."""
PATIENCE: Final = 1800.0
"""Seconds to wait in place for what is ours to put right."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What an arrival is about, as the library says at the beginning of an attempt."""

    owner: bytes
    dataset_id: int
    registered: Registered
    approach: Approach
    overtaken: bool
    """A later arrival decides about the asset."""


class Pipeline:
    """Handles jobs of kind `ingest` (`queue.jobs.Handler`). One serves any number of jobs side by side.

    `pyramid_pixels` says from which size on an image gets its pyramid at once, `most_bytes` how much an organization
    may have stored after it; 0 is any.
    """

    max_attempts = ATTEMPTS

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        staging: Staging,
        studio: Studio,
        origins: Origins,
        *,
        fetch_seconds: float = 300.0,
        pyramid_pixels: int,
        most_bytes: int = 0,
        patience: float = PATIENCE,
        now: Clock = clock.now,
    ) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._studio = studio
        self._origins = origins
        self._seconds = fetch_seconds + WORK_SECONDS
        self._pyramid_pixels = pyramid_pixels
        self._most_bytes = most_bytes
        self._patience = patience
        self._now = now
        self._watched: dict[int, asyncio.Event] = {}
        self.lets_go = False

    def let_go(self) -> None:
        """Nobody is to wait for the end of an arrival here any longer, as the server stops. The arrivals go on."""
        self.lets_go = True

    @contextmanager
    def watching(self, job_id: int) -> Iterator[asyncio.Event]:
        """Set when an attempt at this job ends in this process, a moment before it is settled."""
        try:
            yield self._watched.setdefault(job_id, asyncio.Event())
        finally:
            self._watched.pop(job_id, None)

    async def run(self, job: Claimed) -> Result:
        """One attempt, and what came of it. Cancelled, it leaves nothing behind that the sweeper does not find."""
        began = time.monotonic()
        try:
            kept = await self._insist(job)
        except Retry as error:
            run_at = self._now() + round(_delay(job.attempt, error.after) * clock.SECOND)
            result = Result(job=job, state=State.WAITING, run_at=run_at, code=error.code, reason=error.reason)
        except Fail as error:
            effect = partial(_failed, job=job, code=error.code, reason=error.reason)
            result = Result(job=job, state=State.FAILED, code=error.code, reason=error.reason, effect=effect)
        else:
            result = Result(job=job, state=State.DONE)
            if kept is not None:
                effect = partial(_ingested, job=job, kept=kept)
                result = Result(job=job, state=State.DONE, effect=effect)
        if job.id in self._watched:
            self._watched[job.id].set()
        return msgspec.structs.replace(result, busy=round((time.monotonic() - began) * clock.SECOND))

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        settling.failed(conn, job, code, reason, now=now)

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
        settling.cancelled(conn, jobs, now=now)

    async def _insist(self, job: Claimed) -> Kept | None:
        """An attempt, begun again as long as what fails is ours, and not the arrival's."""
        patient_until = time.monotonic() + self._patience
        pause = 1.0
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._attempt(job)
            except TimeoutError as error:
                raise Retry(
                    f"It was not done within {self._seconds:g} seconds.", code="took_too_long"
                ) from error
            except Unavailable as error:
                if time.monotonic() > patient_until:
                    raise Retry(error.message, code=error.code) from error
                log.warning("ingest.waiting", job=job.id, code=error.code, reason=error.message)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the workers out
            pause = min(pause * 2, 30.0)

    async def _attempt(self, job: Claimed) -> Kept | None:
        """None for an arrival that was overtaken: it is fetched and looked at, for its batch says what came of it, and
        not kept."""
        task = read_task(job.task)
        stage = await self._database.read(partial(_look, job=job, task=task))
        if _has_none(stage.registered.channels):
            return Kept(kind="", content_type="", size=0)
        with self._staging.receive() as arrival, self._staging.workspace() as workspace:
            fetched = await self._fetch(job, task.origin, stage.approach, arrival)
            staged = arrival.finish()
            faults.reach("ingest:after-fetch")
            try:
                seen = await examine(self._studio, staged, stage.registered, fetched.content_type, workspace)
                return None if stage.overtaken else await self._keep(job, stage, staged, seen, workspace)
            except (UnsupportedMedia, TooLarge, Invalid) as error:
                # A system out of memory, or its operator, ends decoders that meet nothing bad.
                if error.code == CRASHED and job.attempt == 1:
                    raise Retry(_said(error), code=error.code) from error
                raise Fail(_said(error), code=error.code) from error

    async def _fetch(
        self, job: Claimed, origin: str, approach: Approach, arrival: staging.Arrival
    ) -> Fetched:
        sha256 = stored.sha256_of(origin)
        if sha256 is not None:
            return await stored.fetch(self._database, self._store, job, sha256, arrival)
        return await self._origins.fetch(origin, arrival, strategy=approach)

    async def _keep(self, job: Claimed, stage: Stage, staged: Staged, seen: Seen, workspace: Path) -> Kept:
        """Have the bytes in the store, with what was made of them beside them."""
        source = seen.source(staged)
        arrival = Arrival(sha256=source.sha256, size=source.size, content_type=seen.content_type)
        if self._most_bytes:
            await self._database.read(partial(_check_room, job=job, size=arrival.size, most=self._most_bytes))
        key, held = await self._database.write(
            lambda conn: _place(conn, job, stage, arrival, now=self._now())
        )
        await asyncio.to_thread(self._put, key, seen, source.path, known=held is not None)
        if seen.examined is not None:
            if (seen.width or 0) * (seen.height or 0) >= self._pyramid_pixels:
                await self._make_pyramid(source.path, key, workspace)
            faults.reach("ingest:after-render")
        found_out = stage.registered.media_type == UNKNOWN_IMAGE
        return msgspec.structs.replace(seen.kept(arrival, key, held), found_out=found_out)

    def _put(self, key: str, seen: Seen, source: Path, *, known: bool) -> None:
        """The bytes, if they are not there already, then their thumbnails: each a matter of moments, so in one go."""
        if known:
            put_again(self._store, key, source)
        else:
            self._store.put(key, source)
            faults.reach("ingest:after-store")
        if seen.examined is not None:
            store_thumbnails(self._store, seen.examined, key)

    async def _make_pyramid(self, path: Path, key: str, workspace: Path) -> None:
        """For a picture that nobody could zoom into without one. If there is one already, that is it."""
        wanted, out = rendition_key(key, PYRAMID), workspace / PYRAMID
        with suppress(MissingBytes):
            await asyncio.to_thread(self._store.size, wanted)
            return
        if await self._studio.pyramid(path, out):
            await asyncio.to_thread(self._store.put, wanted, out)


def _look(conn: Connection, job: Claimed, task: Task) -> Stage:
    """Raises `Fail` (`asset_deleted`) where the asset is gone."""
    row = conn.execute(_LOOK, {"asset": job.asset_id}).first()
    if row is None or bytes(row.uuid) != ids.parse(task.asset):  # a number may have been given again
        raise Fail("The image was deleted before it was taken in.", code="asset_deleted")
    channels = msgspec.json.decode(row.channels, type=tuple[Channel, ...]) if row.channels else ()
    return Stage(
        owner=bytes(row.owner),
        dataset_id=row.dataset_id,
        registered=Registered(media_type=row.media_type or task.media_type, channels=channels),
        approach=origin_strategies.choose(conn, job.organization_id, task.origin),
        overtaken=row.job_id != job.id,
    )


def _check_room(conn: Connection, *, job: Claimed, size: int, most: int) -> None:
    """Raise `Fail` where the organization would have more than it may; what the asset has now goes when it does."""
    before = conn.scalar(select(asset.c.size).where(asset.c.id == job.asset_id)) or 0
    if usage.of_organization(conn, job.organization_id).bytes - before + size > most:
        raise Fail("StoragePolicy size limit exceeded", code="storage_limit_exceeded")


def _place(
    conn: Connection, job: Claimed, stage: Stage, arrival: Arrival, now: int
) -> tuple[str, int | None]:
    """Where these bytes go; or, if they are there already, where that is, and what keeps them there until the asset
    refers to them."""
    known = blobs.find(conn, job.organization_id, arrival.sha256)
    if known is None:
        return blobs.announce(conn, stage.owner, arrival.sha256, now=now), None
    return known.storage_key, hold(conn, job.organization_id, stage.dataset_id, known.id, now=now)


def _ingested(conn: Connection, now: int, *, job: Claimed, kept: Kept) -> None:
    settling.ingested(conn, job, kept, now=now)


def _failed(conn: Connection, now: int, *, job: Claimed, code: str, reason: str) -> None:
    settling.failed(conn, job, code, reason, now=now)


def _has_none(channels: Sequence[Channel]) -> bool:
    """Whether nobody is ever to see anything of it: then nothing is fetched either."""
    return any(each.channel == NONE for each in channels)


def _delay(attempt: int, asked: float | None) -> float:
    """Seconds until the next attempt: as the origin asked, or else longer each time."""
    own: float = min(FIRST_DELAY * 4 ** (attempt - 1), LONGEST_DELAY)
    own *= random.uniform(0.8, 1.2)  # noqa: S311 - spreads the attempts out
    return max(own, min(asked or 0.0, LONGEST_DELAY))


def _said(error: StackroomError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


# Run once for each arrival, and built once for all: building a statement takes longer than running it.
_ABOUT = asset.c.uuid, asset.c.job_id, asset.c.dataset_id, organization.c.uuid.label("owner")
_LOOK: Select[Any] = (
    select(*_ABOUT, registration.c.media_type, registration.c.channels)
    .join_from(asset, organization, organization.c.id == asset.c.organization_id)
    .outerjoin(registration, registration.c.asset_id == asset.c.id)
    .where(asset.c.id == bindparam("asset"))
)
