"""Transcoding: jobs of kind `transcode`, of which players get what they can play of a video.

    begin    the video is `processing`
    make     FFmpeg leaves renditions in a folder
    put      a prefix of this attempt's own is announced, and all of it goes to the store
    settle   the prefix is the asset's, the one it had before is loose, and it is `completed`: one transaction

Whatever dies before the last leaves a loose prefix at most, which is swept. While FFmpeg is at work somebody looks
again and again whether the video is still there; where it is not, FFmpeg ends, and nothing of it stays.
"""

import asyncio
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Row, Select, select, update

from stackroom import clock, faults, ids
from stackroom.access import nobody
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, asset_media, blob, organization
from stackroom.database.transaction import Connection, Database
from stackroom.errors import Conflict, Invalid, StackroomError, TooLarge, Unavailable, UnsupportedMedia
from stackroom.events import log as events
from stackroom.library import embeddings, prefixes
from stackroom.library.streaming import INDEX, MASTER, Rendition, write_renditions
from stackroom.media.examined import VideoInfo
from stackroom.media.ffmpeg import Encoding, make_renditions
from stackroom.media.kinds import Kind
from stackroom.media.ladder import NAMES, Rung, ladder, master, peak, room_for
from stackroom.media.studio import Studio
from stackroom.queue.jobs import DEFAULT, Claimed, NewJob, Result, State, backoff
from stackroom.queue.patience import is_away
from stackroom.queue.submit import submit_one
from stackroom.storage.blobstore import BlobStore, MissingBytes, unavailable
from stackroom.storage.keys import hls_prefix
from stackroom.storage.staging import Staging
from stackroom.threads import to_its_end

log = structlog.get_logger(__name__)
KIND: Final = "transcode"
ATTEMPTS: Final = 3
FIRST_DELAY: Final = 2 * clock.SECOND
LONGEST_DELAY: Final = 300 * clock.SECOND
LOOK: Final = 2.0
"""How many seconds pass between looks whether the video is still there."""
RENEW: Final = 600.0
"""How many, until the prefix is announced for longer."""
LEAST_SECONDS: Final = 3600.0
SECONDS_EACH: Final = 20.0
MOST_SECONDS: Final = 24 * 3600.0
"""What one attempt may take: so long, and so many for each second of the video, but never more than a day. A video may
say that it lasts for years."""
HOPELESS: Final = frozenset({"video_took_too_long", "video_too_long"})
"""Failures that are not tried again."""
SPARE: Final = 256 * 2**20
"""Bytes that stay free on the disk."""
AT_ONCE: Final = 64
"""How many files go to the store in one go."""
_KINDS: Final = {"completed": "asset.processing_completed", "failed": "asset.processing_failed"}
UNWANTED: Final = "The work was cancelled before it began."


class Task(msgspec.Struct, frozen=True):
    """Which video: by its id, for the number of one that is gone may be given again."""

    asset: str

    @property
    def uuid(self) -> bytes:
        return bytes.fromhex(self.asset)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a job's video. `prefix` is where this attempt puts what it makes."""

    storage_key: str
    prefix: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt has made of these bytes, and put into the store."""

    storage_key: str
    prefix: str
    found: VideoInfo
    renditions: tuple[Rendition, ...]


class _Gone(Exception):
    """The video is not there any more; `prefix` is what was begun of it, if anything was."""

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(prefix)
        self.prefix = prefix


def submit_transcode(conn: Connection, organization_id: int, asset_id: int, uuid: bytes, *, now: int) -> int:
    """Have a video made ready for players, and say that it is `pending`; the number of the job.

    Call it last (see `queue.submit`), after the row of `asset_media` was made if anything else is to be in it. A
    video for which there is an unfinished job already gets no other: that one's number is returned. What a video has
    for players stays until there is something new.
    """
    task = msgspec.json.encode(Task(uuid.hex())).decode()
    said = {"asset": asset_id, "task": task, "kind": KIND}
    known: int | None = conn.scalar(statement(_UNFINISHED), said)
    if known is not None:
        return known
    conn.execute(statement(_PENDING), {"asset": asset_id})
    job = NewJob(task=task, asset_id=asset_id)
    return submit_one(conn, organization_id=organization_id, kind=KIND, priority=DEFAULT, job=job, now=now)


def pending_again(conn: Connection, job: Claimed) -> None:
    """Say that a video is `pending` whose job is begun anew (`waiting.retry_one`). Raises `Invalid` (`not_failed`)
    where another job of it is under way: two would make the same of it."""
    if _find(conn, job) is None:
        return
    said = {"asset": job.asset_id, "task": job.task, "kind": KIND}
    if conn.scalar(statement(_UNFINISHED), said) not in {None, job.id}:
        raise Invalid("the video is being processed already", code="not_failed")
    conn.execute(statement(_PENDING), {"asset": job.asset_id})


class Transcoder:
    """Handles jobs of kind `transcode` (`queue.jobs.Handler`). One serves any number of jobs side by side; how many
    those are is for the dispatcher to say.

    `names` are the renditions that are wanted, of those that `ladder` knows. `sweep_soon` is set when something that
    was made is not wanted.
    """

    max_attempts = ATTEMPTS

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        staging: Staging,
        studio: Studio,
        *,
        encoding: Encoding,
        names: Collection[str] = NAMES,
        sweep_soon: asyncio.Event,
        now: Clock = clock.now,
    ) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._studio = studio
        self._encoding = encoding
        self._names = names
        self._sweep_soon = sweep_soon
        self._now = now

    async def run(self, job: Claimed) -> Result:
        """One attempt. A video that is gone is no failure: its job is CANCELLED."""
        try:
            made = await self._attempt(job)
        except _Gone as gone:
            return Result(
                job=job,
                state=State.CANCELLED,
                effect=partial(self._abandoned, job=job, prefix=gone.prefix),
            )
        except (UnsupportedMedia, TooLarge) as error:
            return self._failed(job, error)
        return Result(job=job, state=State.DONE, effect=partial(_completed, job=job, made=made))

    def _failed(self, job: Claimed, error: StackroomError) -> Result:
        """It is tried again, unless that would take as long once more and end in the same way."""
        code, reason = error.code, _said(error)
        if code in HOPELESS:
            effect = partial(_gave_up, job=job, code=code, reason=reason)
            return Result(job=job, state=State.FAILED, code=code, reason=reason, effect=effect)
        run_at = self._now() + backoff(job.attempt, first=FIRST_DELAY, most=LONGEST_DELAY)
        return Result(job=job, state=State.WAITING, run_at=run_at, code=code, reason=reason)

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        """The video is `failed`, and says why. What it had before for players stays."""
        _gave_up(conn, now, job=job, code=code, reason=reason)

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:  # noqa: ARG002 - a handler's
        """Videos that had something for players are as they were; the others say why they have nothing."""
        uuids = [_task(job).uuid for job in jobs]
        there = list(conn.scalars(select(asset.c.id).where(asset.c.uuid.in_(uuids)))) if uuids else []
        if there:
            among = flavour.of(conn).among.format(name="assets")
            conn.execute(
                statement(_CANCELLED.format(among=among)),
                {"assets": msgspec.json.encode(there).decode(), "reason": UNWANTED},
            )

    def _abandoned(self, conn: Connection, now: int, *, job: Claimed, prefix: str | None) -> None:
        if prefix is not None:
            prefixes.hurry(conn, prefix, now=now)
        self.cancelled(conn, [job], now)  # for one that is there, and has only lost its bytes

    async def _attempt(self, job: Claimed) -> Made:
        subject = await self._database.write(partial(_begin, job=job))
        work = asyncio.ensure_future(self._make(subject))
        renewed = time.monotonic()
        try:
            while not (await asyncio.wait({work}, timeout=LOOK))[0]:
                renew = time.monotonic() - renewed > RENEW
                renewed = time.monotonic() if renew else renewed
                if not await self._is_wanted(job, subject, renew=renew):
                    raise _Gone(subject.prefix)
        finally:
            await _ended(work)
        try:
            return work.result()
        except Exception as error:
            await self._give_up(job, subject, error)
            raise

    async def _is_wanted(self, job: Claimed, subject: Subject, *, renew: bool) -> bool:
        """Whether the video is still there. Where that cannot be asked, it is."""
        try:
            if renew:
                await self._database.write(lambda conn: prefixes.renew(conn, subject.prefix, now=self._now()))
            return await self._database.read(lambda conn: _find(conn, job, lock=False)) is not None
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("transcoding.blind", job=job.id, error=str(error))
            return True

    async def _give_up(self, job: Claimed, subject: Subject, error: Exception) -> None:
        """What was put already is swept soon; or in an hour, where that cannot be noted now."""
        try:
            await self._database.write(lambda conn: prefixes.hurry(conn, subject.prefix, now=self._now()))
        except Exception as away:  # noqa: BLE001 - what happened to the video matters more, and is raised
            log.warning("transcoding.left_behind", job=job.id, prefix=subject.prefix, error=str(away))
        self._sweep_soon.set()
        if isinstance(error, MissingBytes) and not await self._is_wanted(job, subject, renew=False):
            raise _Gone from error

    async def _make(self, subject: Subject) -> Made:
        with self._staging.workspace() as folder, self._store.open_local(subject.storage_key) as path:
            found = await self._studio.probe_video(path)
            rungs = ladder(found, self._names)
            _check_room(folder, room_for(rungs, found.duration))
            seconds = min(LEAST_SECONDS + SECONDS_EACH * found.duration, MOST_SECONDS)
            await make_renditions(path, found, rungs, folder, self._encoding, seconds=seconds)
            faults.reach("transcode:after-make")
            renditions = await to_its_end(partial(_list, rungs, folder))
            await self._database.write(lambda conn: prefixes.announce(conn, subject.prefix, now=self._now()))
            await self._put(subject.prefix, folder)
            faults.reach("transcode:after-put")
        return Made(
            storage_key=subject.storage_key, prefix=subject.prefix, found=found, renditions=renditions
        )

    async def _put(self, prefix: str, folder: Path) -> None:
        """Everything, a portion at a time: who gives up need not wait for all of it."""
        for portion in await asyncio.to_thread(_portions, folder):
            named = {prefix + path.relative_to(folder).as_posix(): path for path in portion}
            await to_its_end(partial(self._store.put_all, named))
            faults.reach("transcode:between-files")


def _begin(conn: Connection, *, job: Claimed) -> Subject:
    """Say that work has begun. Raises `_Gone` where there is nothing to work on."""
    row = _find(conn, job)
    if row is None or row.storage_key is None:
        raise _Gone
    conn.execute(statement(_PROCESSING), {"asset": row.id})
    attempt = ids.text(ids.new())
    prefix = hls_prefix(ids.text(bytes(row.owner)), ids.text(bytes(row.uuid)), attempt)
    return Subject(storage_key=row.storage_key, prefix=prefix)


def _completed(conn: Connection, now: int, *, job: Claimed, made: Made) -> None:
    """The video has what was made of it. If it is gone by now, that is nobody's."""
    row = _find(conn, job)
    if row is None:
        prefixes.hurry(conn, made.prefix, now=now)
        return
    if row.storage_key != made.storage_key:
        raise Conflict("The video has got other bytes since.", code="video_changed")
    if not prefixes.take_over(conn, made.prefix, now=now):
        raise Conflict("What was made of it was kept too late, and may be swept already.", code="prefix_lost")
    before = conn.scalar(select(asset_media.c.hls_prefix).where(asset_media.c.asset_id == row.id))
    if before is not None:
        prefixes.give_up(conn, before, now=now)
    said = {"asset": row.id, "prefix": made.prefix, "renditions": write_renditions(made.renditions)}
    conn.execute(statement(_COMPLETED), said)
    found = made.found
    missing = {
        name: value
        for name, value in (("duration", found.duration), ("width", found.width), ("height", found.height))
        if getattr(row, name) is None
    }
    if missing:
        conn.execute(update(asset).where(asset.c.id == row.id).values(**missing))
        embeddings.remove(conn, row.id)  # it is made anew, of more words
    faults.reach("transcode:before-commit")
    _record(conn, job, row, "completed", missing, now=now)


def _gave_up(conn: Connection, now: int, *, job: Claimed, code: str, reason: str) -> None:
    row = _find(conn, job)
    if row is not None:
        conn.execute(statement(_FAILED), {"asset": row.id, "reason": reason})
        _record(conn, job, row, "failed", {"code": code, "error": reason}, now=now)


def _find(conn: Connection, job: Claimed, *, lock: bool = True) -> Row[Any] | None:
    """The video of a job, held, if it is still there."""
    query: Select[Any] = (
        select(*(asset.c[name] for name in _SAID), organization.c.uuid.label("owner"), blob.c.storage_key)
        .join_from(asset, organization, organization.c.id == asset.c.organization_id)
        .join(blob, blob.c.id == asset.c.blob_id, isouter=True)
        .where(asset.c.uuid == _task(job).uuid, asset.c.kind == Kind.VIDEO.value)
    )
    return conn.execute(query.with_for_update(key_share=True, of=asset) if lock else query).first()


def _record(
    conn: Connection, job: Claimed, row: Row[Any], processing: str, more: Mapping[str, object], *, now: int
) -> None:
    data = {
        "filename": row.original_name,
        "content_type": row.content_type,
        "size": row.size,
        "kind": row.kind,
        "width": row.width,
        "height": row.height,
        "uploaded_at": row.created_at,
        "expires_at": row.expires_at,
        "processing": processing,
        "initiator": "task_processor",
        **more,
    }
    events.record(
        conn,
        nobody(job.organization_id),
        _KINDS[processing],
        at=now,
        dataset_id=row.dataset_id,
        asset_uuid=bytes(row.uuid),
        data=data,
    )


def _list(rungs: Sequence[Rung], folder: Path) -> tuple[Rendition, ...]:
    """What FFmpeg has made of each rung, and the playlist that lists them."""
    renditions, peaks = [], {}
    for rung in rungs:
        index = folder / rung.name / INDEX
        sizes = {each.name: each.stat().st_size for each in index.parent.glob("segment_*.ts")}
        # A target of nothing, which FFmpeg has for half a second, is none that players expect.
        said = index.read_text().replace("#EXT-X-TARGETDURATION:0\n", "#EXT-X-TARGETDURATION:1\n")
        _write(index, said)
        peaks[rung.name] = peak(said, sizes)
        renditions.append(
            Rendition(
                name=rung.name,
                width=rung.width,
                height=rung.height,
                bitrate=rung.bitrate,
                segments=len(sizes),
            )
        )
    _write(folder / MASTER, master(rungs, peaks, INDEX))
    return tuple(renditions)


def _write(path: Path, playlist: str) -> None:
    try:
        path.write_text(playlist)
    except OSError as error:
        raise unavailable(error, f"writing {path.name}") from error


def _check_room(folder: Path, wanted: int) -> None:
    disk = shutil.disk_usage(folder)
    if disk.total < wanted + SPARE:
        raise TooLarge(
            "What would be made of the video is more than there is room for on the whole disk.",
            code="video_too_long",
            hint="Send it in parts, or at a lower resolution.",
        )
    if disk.free < wanted + SPARE:
        raise Unavailable(
            "There is no room for what would be made of a video.",
            code="storage_full",
            hint="Free some space; it is tried again by itself.",
        )


def _portions(folder: Path) -> list[list[Path]]:
    """All files of a folder, those that lie together one after another."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [files[at : at + AT_ONCE] for at in range(0, len(files), AT_ONCE)]


async def _ended(work: asyncio.Future[Made]) -> None:
    """Whatever it was at has ended when this returns, also if that is cancelled once more."""
    work.cancel()
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _task(job: Claimed) -> Task:
    return msgspec.json.decode(job.task, type=Task)


def _said(error: StackroomError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


_SAID: Final = (
    "id",
    "uuid",
    "dataset_id",
    "original_name",
    "content_type",
    "size",
    "kind",
    "width",
    "height",
    "duration",
    "created_at",
    "expires_at",
)
_UNFINISHED = """SELECT max(j.id) FROM job j JOIN lane l ON l.id = j.lane_id
    WHERE j.asset_id = :asset AND j.state IN (0, 1, 5) AND j.task = :task AND l.kind = :kind"""
_SAYS = """INSERT INTO asset_media (asset_id, processing) VALUES (:asset, '{state}')
    ON CONFLICT (asset_id) DO UPDATE SET processing = excluded.processing, processing_error = NULL"""
_PENDING = _SAYS.format(state="pending")
_PROCESSING = _SAYS.format(state="processing")
_FAILED = """INSERT INTO asset_media (asset_id, processing, processing_error) VALUES (:asset, 'failed', :reason)
    ON CONFLICT (asset_id) DO UPDATE SET processing = 'failed', processing_error = excluded.processing_error"""
_COMPLETED = """INSERT INTO asset_media (asset_id, processing, hls_prefix, renditions)
    VALUES (:asset, 'completed', :prefix, :renditions)
    ON CONFLICT (asset_id) DO UPDATE SET processing = 'completed', processing_error = NULL,
        hls_prefix = excluded.hls_prefix, renditions = excluded.renditions"""
_CANCELLED = """UPDATE asset_media
    SET processing = CASE WHEN hls_prefix IS NULL THEN 'failed' ELSE 'completed' END,
        processing_error = CASE WHEN hls_prefix IS NULL THEN CAST(:reason AS text) END
    WHERE asset_id {among} AND processing IN ('pending', 'processing')"""
