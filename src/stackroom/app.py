"""The composition root: from settings to an open library, and to a server over it. Owns start and stop."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

import structlog

from stackroom import clock
from stackroom.access import Actor
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.connect import connect
from stackroom.database.secrets import own_secret
from stackroom.database.transaction import Connection, Database
from stackroom.events.requests import RequestLog
from stackroom.exports.exporter import Exporter
from stackroom.ingest.fingerprints import fill
from stackroom.ingest.forgetting import forget
from stackroom.ingest.origins import Origins
from stackroom.ingest.pieces import Pieces
from stackroom.ingest.pipeline import Pipeline
from stackroom.ingest.preparing import KIND
from stackroom.ingest.receiving import FollowUp, Receiving
from stackroom.ingest.renditions import Renditions
from stackroom.ingest.settling import record_finished
from stackroom.ingest.uploads import Uploads
from stackroom.library import embeddings
from stackroom.library.media import Media
from stackroom.library.sweep import any_due, sweep
from stackroom.media.ffmpeg import Encoding
from stackroom.media.kinds import Kind
from stackroom.media.ladder import NAMES
from stackroom.media.studio import Studio
from stackroom.operations import forgetting as journals
from stackroom.operations.expiring import Expiring
from stackroom.operations.runner import Runner
from stackroom.processing import embedding, rounds, transcoding
from stackroom.processing.embedding import Embedding
from stackroom.processing.lookout import Lookout
from stackroom.processing.making import Making
from stackroom.processing.transcoding import Transcoder, submit_transcode
from stackroom.queue import workers
from stackroom.queue.dispatcher import AHEAD, Dispatcher
from stackroom.queue.jobs import Handler
from stackroom.settings import Settings
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.opening import store_of
from stackroom.storage.staging import Staging
from stackroom.web.mindia import hooks as mindia_hooks
from stackroom.web.native import hooks as native_hooks
from stackroom.web.pictograph import hooks as pictograph_hooks
from stackroom.web.shared.services import Services
from stackroom.web.shared.signing import Signer
from stackroom.webhooks import dialects, forgetting
from stackroom.webhooks.delivering import AT_ONCE, PER_ORGANIZATION, Deliverer
from stackroom.webhooks.dialects import Dialect
from stackroom.webhooks.telling import KIND as DELIVERY
from stackroom.webhooks.telling import Teller

log = structlog.get_logger(__name__)
Duty = Callable[[], Awaitable[None]]
SWEEP_EVERY = 60.0
SWEEP_PAUSE = 0.05
"""Seconds for others to delete something as well: then one sweep serves all of them."""
FORGET_EVERY = 3600.0
LEFT_BEHIND = 24 * 3600.0
"""Seconds after which what lies in the folder that workers share is nobody's any more."""
ANEW = 5.0
"""Seconds after which a duty that failed begins anew."""
DRAIN = 4.0
"""Seconds that arrivals under way are given to end when the server stops, after its requests have."""


@asynccontextmanager
async def open_library(
    settings: Settings, now: Clock = clock.now, *, beside: bool = False
) -> AsyncIterator[Services]:
    """Open a library, bring its tables up to date, and close everything at the end.

    Whoever opens it `beside` a server keeps what arrives in a folder of its own: a server that starts clears out its.
    Raises `Conflict` (`library_in_use`) while another process has a SQLite library, `Invalid` (`bad_setting`) for an
    embedder that cannot be had.
    """
    embedder = embeddings.load(settings.embedder)
    async with AsyncExitStack() as closing:
        database = await connect(settings.database)
        closing.push_async_callback(database.close)
        kept = _open_storage(settings, beside=beside)
        studio = Studio(processes=settings.decoders, max_pixels=settings.max_megapixels * 1_000_000)
        closing.push_async_callback(studio.close)
        origins = Origins(settings)
        closing.push_async_callback(origins.close)
        deliverer = _deliverer(settings, database, now)
        closing.push_async_callback(deliverer.close)
        sweep_soon = asyncio.Event()
        base = _Base(settings, database, kept, studio, sweep_soon, now)
        pipeline, embedded = _pipeline(base, origins), Embedding(database, embedder, now)
        messenger = _dispatcher(base, {DELIVERY: deliverer}, slots=AT_ONCE, most=PER_ORGANIZATION)
        most = settings.max_running_per_organization or None
        signing = await database.write(lambda conn: own_secret(conn, "signing"))
        yield Services(
            settings=settings,
            database=database,
            store=kept.store,
            staging=kept.staging,
            studio=studio,
            uploads=Uploads(database, kept.store, kept.staging, studio, now),
            runner=Runner(database, now),
            renditions=Renditions(database, kept.store, kept.staging, studio),
            exporter=Exporter(database, kept.store, kept.staging, sweep_soon, now),
            origins=origins,
            pipeline=pipeline,
            pieces=Pieces(database, kept.store, kept.large, now),
            receiving=_receiving(base, embedded),
            embedding=embedded,
            dispatcher=_dispatcher(base, {KIND: pipeline}, slots=settings.slots, most=most, batches=True),
            indexer=_indexer(base, embedded),
            projector=_dispatcher(
                base, {transcoding.KIND: _transcoder(base)}, slots=settings.transcodings, most=most, ahead=1
            ),
            deliverer=deliverer,
            teller=Teller(database, messenger.wake, now),
            messenger=messenger,
            signer=Signer(signing, now),
            request_log=RequestLog(database),
            sweep_soon=sweep_soon,
            now=now,
        )


class _Storage(NamedTuple):
    """Where bytes are kept, and where they arrive: by `staging` what is uploaded, by `large` media of any kind, by
    `fetched` what comes from origins."""

    store: BlobStore
    staging: Staging
    large: Staging
    fetched: Staging


class _Base(NamedTuple):
    """What all that takes in and makes stands on."""

    settings: Settings
    database: Database
    kept: _Storage
    studio: Studio
    sweep_soon: asyncio.Event
    now: Clock


def _open_storage(settings: Settings, *, beside: bool) -> _Storage:
    store = store_of(settings)
    store.check()
    store.sweep_temporary(LEFT_BEHIND)
    folder = settings.worker_staging_dir if beside else settings.staging_dir
    most = (settings.max_upload_bytes, max(settings.upload_limits.values()), settings.max_origin_bytes)
    return _Storage(store, *(Staging(folder, size) for size in most))


def _pipeline(base: _Base, origins: Origins) -> Pipeline:
    return Pipeline(
        base.database,
        base.kept.store,
        base.kept.fetched,
        base.studio,
        origins,
        fetch_seconds=base.settings.origin_seconds,
        pyramid_pixels=base.settings.pyramid_megapixels * 1_000_000,
        most_bytes=base.settings.storage_policy_bytes,
        now=base.now,
    )


def _receiving(base: _Base, embedded: Embedding) -> Receiving:
    return Receiving(
        base.database,
        base.kept.store,
        base.kept.large,
        base.studio,
        limits=base.settings.upload_limits,
        expire=base.settings.expire_uploads,
        keep_exif=base.settings.keep_exif,
        follow_up=_what_follows(embedded),
        now=base.now,
    )


def _transcoder(base: _Base) -> Transcoder:
    return Transcoder(
        base.database,
        base.kept.store,
        base.kept.staging,
        base.studio,
        encoding=_encoding(base.settings),
        names=base.settings.variants or NAMES,
        sweep_soon=base.sweep_soon,
        now=base.now,
    )


def _indexer(base: _Base, embedded: Embedding) -> Dispatcher:
    making = Making(base.database, embedded.embedder, base.now)
    handlers: dict[str, Handler] = {embedding.KIND: embedded, rounds.KIND: making}
    return _dispatcher(base, handlers, slots=embedding.AT_ONCE)


def _deliverer(settings: Settings, database: Database, now: Clock) -> Deliverer:
    return Deliverer(
        database,
        _dialects(settings),
        settings.allowed_receivers,
        now,
        attempts=settings.webhook_attempts,
        minute=settings.webhook_minute,
    )


def _dispatcher(
    base: _Base,
    handlers: Mapping[str, Handler],
    *,
    slots: int,
    most: int | None = None,
    batches: bool = False,
    ahead: int = AHEAD,
) -> Dispatcher:
    """Has the jobs of one sort done, in slots of their own: so none keeps another from its turn. Only arrivals come in
    batches."""
    return Dispatcher(
        base.database,
        handlers,
        slots=slots,
        now=base.now,
        per_organization=most,
        on_finished=(lambda conn, ids, at: record_finished(conn, ids, now=at)) if batches else None,
        ahead=ahead,
        drain=DRAIN,
    )


def _dialects(settings: Settings) -> Mapping[str, Dialect]:
    """Who tells events to the webhooks of each face, with addresses by which the server is reached."""
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    return {
        dialects.NATIVE: native_hooks.tell,
        dialects.PICTOGRAPH: pictograph_hooks.tell,
        dialects.MINDIA: mindia_hooks.dialect(base),
    }


def _encoding(settings: Settings) -> Encoding:
    """All cores for the videos that are made at once; whoever answers requests comes first."""
    return Encoding(
        program=settings.ffmpeg,
        threads=max(1, (os.cpu_count() or 1) // settings.transcodings),
        preset=settings.hls_preset,
        segment_seconds=settings.hls_segment_seconds,
    )


def _what_follows(embedded: Embedding) -> FollowUp:
    """What is done with new media: videos are made ready for players, and all are to be found by what they are
    about."""

    def follow_up(conn: Connection, actor: Actor, made: Media, now: int) -> None:
        if made.kind is Kind.VIDEO:
            submit_transcode(conn, actor.organization_id, made.id, made.uuid, now=now)
        embedded.submit(conn, actor.organization_id, made.id, made.uuid, now=now)

    return follow_up


@asynccontextmanager
async def at_work(services: Services) -> AsyncIterator[None]:
    """What runs beside the server: pixels, arrivals, videos, large operations, exports, the record of requests, the
    sweeper, fingerprints of what came before there were any, who lacks a vector. Ends in order, nothing half-done."""
    await _clear_out(services)
    await services.studio.start()
    expiring = Expiring(services.database, services.now, services.sweep_soon.set)
    lookout = Lookout(services.database, services.embedding.embedder, services.indexer.wake, services.now)
    duties: dict[str, Duty] = {
        "operations": services.runner.run,
        "exports": services.exporter.run,
        "requests": services.request_log.run,
        "expiring": expiring.run,
        "telling": services.teller.run,
        "deliveries": services.messenger.run,
        "lookout": lookout.run,
        "sweeping": partial(_keep_sweeping, services),
        "forgetting": partial(_keep_forgetting, services),
        "fingerprints": partial(_take_fingerprints, services),
    }
    if services.settings.slots:
        duties["arrivals"] = services.dispatcher.run
        duties["embedding"] = services.indexer.run
        duties["videos"] = services.projector.run
    async with _doing(duties, services.failed_duties):
        yield


async def _clear_out(services: Services) -> None:
    """Remove what killed processes have left where files arrive. Where somebody else is at work on the library, and so
    maybe in that very folder, only what is too old to be his."""
    began = time.monotonic()

    def work(conn: Connection) -> bool:
        if flavour.of(conn) is flavour.SQLITE:  # nobody else has it open
            return True
        workers.bury(conn, ())
        return not workers.any_live(conn, now=services.now())

    alone = await services.database.write(work)
    services.staging.sweep(time.monotonic() - began if alone else LEFT_BEHIND)


@asynccontextmanager
async def helping(services: Services) -> AsyncIterator[None]:
    """What a worker beside a server does: arrivals, videos, deliveries, and nothing else. Ends in order, nothing
    half-done."""
    services.staging.sweep(LEFT_BEHIND)
    await services.studio.start()
    duties: dict[str, Duty] = {
        "arrivals": services.dispatcher.run,
        "embedding": services.indexer.run,
        "videos": services.projector.run,
        "deliveries": services.messenger.run,
    }
    async with _doing(duties, services.failed_duties):
        yield


@asynccontextmanager
async def _doing(duties: Mapping[str, Duty], failed: MutableMapping[str, float]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_lasting(name, duty, failed)) for name, duty in duties.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _lasting(name: str, duty: Duty, failed: MutableMapping[str, float]) -> None:
    """A duty begins anew if it fails: it should not, and would be missed until the next start. `failed` has when it
    did last."""
    task = asyncio.current_task()
    assert task is not None
    while True:
        try:
            return await duty()
        except Exception:
            log.exception("duty.failed", duty=name, hint="It begins anew by itself. Report it.")
            failed[name] = time.monotonic()
        if task.cancelling():  # it was to end, and failed at that
            return None
        await asyncio.sleep(ANEW)


async def _take_fingerprints(services: Services) -> None:
    """Of images that came in before there were fingerprints: once, and then there are none left."""
    try:
        await fill(services.database, services.store, services.studio)
    except Exception:
        log.exception("fingerprints.failed")


async def _keep_sweeping(services: Services) -> None:
    """Forget what has expired once a minute, and remove what has become loose as soon as somebody says so."""
    next_round = 0.0
    while True:
        services.sweep_soon.clear()
        is_round = time.monotonic() >= next_round
        try:
            if is_round or await services.database.read(lambda conn: any_due(conn, now=services.now())):
                await sweep(services.database, services.store, services.now)
        except Exception:
            log.exception("sweep.failed")
        if is_round:
            await _forget_arrivals(services)  # even while a store does not let go of something
            next_round = time.monotonic() + SWEEP_EVERY
        with suppress(TimeoutError):
            await asyncio.wait_for(services.sweep_soon.wait(), max(0.0, next_round - time.monotonic()))
            await asyncio.sleep(SWEEP_PAUSE)


async def _forget_arrivals(services: Services) -> None:
    days = services.settings.batches_kept_days
    kept_for = days * clock.DAY if days else None
    try:
        while await services.database.write(partial(forget, kept_for=kept_for, now=services.now())):
            pass
    except Exception:
        log.exception("forgetting.failed")


async def _keep_forgetting(services: Services) -> None:
    settings = services.settings
    kept = forgetting.Kept(
        events=settings.events_kept_days,
        requests=settings.requests_kept_days,
        deliveries=settings.deliveries_kept_days,
    )
    while True:
        try:
            await forgetting.forget(services.database, kept, services.now)
        except Exception:
            log.exception("forgetting.failed")
        await _forget_journals(services)
        await asyncio.sleep(FORGET_EVERY)


async def _forget_journals(services: Services) -> None:
    try:
        while await services.database.read(lambda conn: journals.are_due(conn, now=services.now())):
            if not await services.database.write(lambda conn: journals.forget(conn, now=services.now())):
                break  # another server has them in hand
    except Exception:
        log.exception("forgetting.failed")
