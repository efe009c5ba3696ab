"""The composition root: from settings to an open library, and to a server over it. Owns start and stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from stackroom import clock
from stackroom.clock import Clock
from stackroom.database.connect import connect
from stackroom.database.secrets import own_secret
from stackroom.exports.exporter import Exporter
from stackroom.ingest.fingerprints import fill
from stackroom.ingest.uploads import Uploads
from stackroom.library.sweep import sweep
from stackroom.media.studio import Studio
from stackroom.operations.runner import Runner
from stackroom.settings import Settings
from stackroom.storage.local import LocalStore
from stackroom.storage.staging import Staging
from stackroom.web.shared.services import Services
from stackroom.web.shared.signing import Signer

log = structlog.get_logger(__name__)
SWEEP_EVERY = 60.0


@asynccontextmanager
async def open_library(settings: Settings, now: Clock = clock.now) -> AsyncIterator[Services]:
    """Open a library, bring its tables up to date, and close everything at the end.

    Raises `Conflict` (`library_in_use`) while another process has a SQLite library.
    """
    async with AsyncExitStack() as closing:
        database = await connect(settings.database)
        closing.push_async_callback(database.close)
        store = LocalStore(settings.storage_dir)
        store.check()
        staging = Staging(settings.staging_dir, settings.max_upload_bytes)
        studio = Studio(
            processes=settings.pixel_processes or None, max_pixels=settings.max_megapixels * 1_000_000
        )
        closing.push_async_callback(studio.close)
        signing = await database.write(lambda conn: own_secret(conn, "signing"))
        sweep_soon = asyncio.Event()
        yield Services(
            settings=settings,
            database=database,
            store=store,
            staging=staging,
            studio=studio,
            uploads=Uploads(database, store, staging, studio, now),
            runner=Runner(database, now),
            exporter=Exporter(database, store, staging, sweep_soon, now),
            signer=Signer(signing, now),
            sweep_soon=sweep_soon,
            now=now,
        )


@asynccontextmanager
async def at_work(services: Services) -> AsyncIterator[None]:
    """What runs beside the server: pixels, large operations, exports, the sweeper, fingerprints of what came before
    there were any. Ends in order, nothing half-done."""
    services.staging.sweep(0.0)
    await services.studio.start()
    duties = (
        services.runner.run(),
        services.exporter.run(),
        _keep_sweeping(services),
        _take_fingerprints(services),
    )
    tasks = [asyncio.create_task(duty) for duty in duties]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _take_fingerprints(services: Services) -> None:
    """Of images that came in before there were fingerprints: once, and then there are none left."""
    try:
        await fill(services.database, services.store, services.studio)
    except Exception:
        log.exception("fingerprints.failed")


async def _keep_sweeping(services: Services) -> None:
    while True:
        services.sweep_soon.clear()
        try:
            await sweep(services.database, services.store, services.now)
        except Exception:
            log.exception("sweep.failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(services.sweep_soon.wait(), SWEEP_EVERY)
