"""The task that makes exports, one at a time, as long as the server runs. What a crash cut off is begun again."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from stackroom import faults
from stackroom.access import nobody
from stackroom.clock import Clock
from stackroom.database.transaction import Connection, Database
from stackroom.errors import StackroomError, Unavailable
from stackroom.exports import claims, reading, rows
from stackroom.exports.claims import Claim
from stackroom.exports.formats.kit import About
from stackroom.exports.making import Making, Stopped
from stackroom.exports.rows import Export
from stackroom.library import datasets
from stackroom.storage.blobstore import BlobStore, unavailable
from stackroom.storage.staging import Staging
from stackroom.threads import to_its_end

log = structlog.get_logger(__name__)
T = TypeVar("T")
IDLE = 5.0
"""Seconds between looks for work that nobody announced, such as another server's."""
RENEW = 8.0
"""Seconds after which a claim is put off: several times before it runs out."""


class Lost(Exception):
    """The export was deleted, or is somebody else's by now."""


class Exporter:
    """One task. `wake` tells it that an export was asked for; `sweep_soon` is set when bytes have become loose."""

    def __init__(
        self, database: Database, store: BlobStore, staging: Staging, sweep_soon: asyncio.Event, now: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._sweep_soon = sweep_soon
        self._now = now
        self._awake = asyncio.Event()

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled. What cannot be looked for now is looked for later, and nothing is dropped."""
        with suppress(StackroomError):
            await self._database.write(claims.free_all)
        while True:
            self._awake.clear()
            try:
                # Looked for first: a write that changes nothing goes to the disk as well.
                while await self._read(claims.are_due) and (held := await self._write(claims.claim)):
                    await self._make(held)
                if await self._read(rows.are_late):
                    await self._write(rows.expire)
                    self._sweep_soon.set()
            except Exception:
                log.exception("exports.stuck")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), IDLE)

    async def _make(self, claimed: Claim) -> None:
        """Make an export, or note why that cannot be. Only a lost database raises: then the claim runs out."""
        held = _Held(claimed)
        try:
            await self._work(held)
        except (Lost, Stopped):
            log.info("export.given_up", export=claimed.export.name)
            await self._write(partial(claims.throw_away, held=held.claim))
        except asyncio.CancelledError:
            with suppress(StackroomError):
                await self._write(partial(claims.give_back, held=held.claim))
            raise
        except Exception as error:
            reason = _explained(error)
            if _passes(error) and self._now() - claimed.export.created_at < claims.PATIENCE:
                log.warning("export.put_off", export=claimed.export.name, reason=reason)
                await self._write(partial(claims.put_off, held=held.claim))
                return
            log.warning("export.failed", export=claimed.export.name, reason=reason, exc_info=error)
            await self._write(partial(claims.fail, held=held.claim, reason=reason))
        finally:
            self._sweep_soon.set()

    async def _work(self, held: "_Held") -> None:
        export = held.claim.export
        about, up_to = await self._database.read(partial(_begin, export=export, now=self._now()))
        with self._staging.workspace() as workspace:
            making = await asyncio.to_thread(Making, export.format, about, self._store, workspace, held.stop)
            with closing(making):
                async with self._keeping(held, making):
                    await self._write_out(held, making, up_to)
                    size = await self._store_it(held, making.path)
                finish = partial(claims.finish, held=held.claim, size=size, progress=making.progress)
                if not await self._write(finish):
                    raise Lost

    async def _write_out(self, held: "_Held", making: Making, up_to: int) -> None:
        export, after = held.claim.export, 0
        while True:
            page = await self._database.read(
                partial(
                    reading.read_page,
                    dataset_id=export.dataset_id,
                    status=export.options.status,
                    after=after,
                    up_to=up_to,
                    now=self._now(),
                )
            )
            await held.in_thread(partial(making.add, page.images))
            faults.reach("export:after-page")
            if page.next is None:
                break
            after = page.next
        await held.in_thread(making.finish)

    async def _store_it(self, held: "_Held", path: Path) -> int:
        async with held.alone:
            held.claim = await self._write(partial(claims.announce, held=held.claim))
        key = held.claim.key
        assert key is not None
        await held.in_thread(lambda: self._store.put(key, path))
        faults.reach("export:after-store")
        return await asyncio.to_thread(self._store.size, key)

    @asynccontextmanager
    async def _keeping(self, held: "_Held", making: Making) -> AsyncIterator[None]:
        """Put the claim off meanwhile, and have the work stop when it is lost."""
        over = asyncio.Event()

        async def keep() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), RENEW)
                    return
                await self._renew(held, making)

        task = asyncio.create_task(keep())
        try:
            yield
        finally:
            over.set()
            await task
        if held.stop.is_set():
            raise Lost

    async def _renew(self, held: "_Held", making: Making) -> None:
        async with held.alone:
            try:
                kept = await self._write(partial(claims.keep, held=held.claim, progress=making.progress))
            except StackroomError:  # the database is away for a moment; there is time for more tries
                log.warning("export.claim_not_renewed", exc_info=True)
                return
            if kept is None:
                held.stop.set()
            else:
                held.claim = kept

    async def _read(self, work: Callable[..., T]) -> T:
        return await self._database.read(lambda conn: work(conn, now=self._now()))

    async def _write(self, work: Callable[..., T]) -> T:
        return await self._database.write(lambda conn: work(conn, now=self._now()))


class _Held:
    """A claim that changes while it is held, and the sign for the work to stop."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.stop = threading.Event()
        self.alone = asyncio.Lock()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Work that blocks, and writes to files of ours."""
        return await to_its_end(work, stop=self.stop.set)


def _begin(conn: Connection, *, export: Export, now: int) -> tuple[About, int]:
    dataset = datasets.by_id(conn, nobody(export.organization_id), export.dataset_id)
    if dataset is None:
        raise Lost
    about = About(dataset=dataset, options=export.options, made_at=now)
    return about, reading.newest(conn, export.dataset_id)


def _passes(error: Exception) -> bool:
    """Whether the store or the database is away. A disk that is full is not: it would be filled anew each time."""
    if isinstance(error, OSError):
        error = unavailable(error, "writing an export")
    return isinstance(error, Unavailable) and error.code in {"storage_unreachable", "database_unavailable"}


def _explained(error: Exception) -> str:
    """What the owner of an export is told. Details of ours stay in the log."""
    if isinstance(error, OSError):
        error = unavailable(error, "writing an export")
    if isinstance(error, StackroomError):
        return error.message
    return "something went wrong here; the operator finds the cause in the server's log"
