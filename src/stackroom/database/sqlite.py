"""SQLite: one writer thread in turn of arrival, a few reader threads, and checkpoints between writes.

No other process may write to the file while this one has it: versions before 3.51.3 can corrupt the log when two
connections write or checkpoint at the same instant. The lock beside the file keeps that promise.
"""

import asyncio
import fcntl
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from stackroom.database.flush import Flush
from stackroom.database.transaction import T, Work
from stackroom.errors import Conflict, Unavailable

log = structlog.get_logger(__name__)
# What the disk or its owner has done, not we.
_NOT_OURS = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_BUSY")
OLDEST = (3, 37, 0)
"""What Python brings along must be as new: older ones say otherwise what a statement has returned."""
# Both find a row as often as an EXISTS in its condition holds: lists and totals would count it several times.
_UNSOUND = ((3, 51, 0), (3, 51, 1))
READERS = 4
KEPT = 10_000
"""How much of what was looked up is kept at most; then it begins anew."""
LOCK_PATIENCE = 2.0
READER_CACHE_MB = 16
WRITER_CACHE_MB = 128
"""What a large operation changes fits in: pages that spill before the commit are written twice. Ten thousand random
assets are 60 MB of them; at 64 MB every second page spilled, at SQLite's own 2 MB nearly all."""
CHECKPOINT_AFTER_ROWS = 2_000
CHECKPOINT_AFTER_SECONDS = 5.0
CHECKPOINT_WITHOUT_A_GAP_AFTER_ROWS = 300_000


class SqliteDatabase:
    """A library in one file. With `read_only` it may be opened beside a running server, and `write` refuses."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._lock: int | None = None
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._waiting = 0
        self._writes = 0
        self._kept: dict[Hashable, Any] = {}
        self._kept_since = 0
        self._rows_since_checkpoint = 0
        self._last_checkpoint = time.monotonic()

    async def start(self) -> None:
        refuse_unfit(sqlite3.sqlite_version_info)
        self._reading = self._engine("BEGIN")
        self._writing = self._engine("BEGIN IMMEDIATE")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._flush = Flush(log_of(self.path))
        if self.read_only:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = await _take_lock(self.path)
        try:
            # The library's secrets are in it. Its log gets the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            await self._in_writer(self._prepare)
        except BaseException:
            await self._let_go()
            raise

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, self._transact, self._reading, work
        )

    async def look_up(self, subject: Hashable, work: Work[T]) -> T:
        writes = self._writes
        if self._kept_since != writes or len(self._kept) >= KEPT:
            self._kept_since, self._kept = writes, {}
        if subject not in self._kept:
            found = await self.read(work)
            if self._kept_since != writes:  # something was written since: good for now, and not to be kept
                return found
            self._kept[subject] = found
        return self._kept[subject]  # type: ignore[no-any-return]  # what `work` found

    async def write(self, work: Work[T]) -> T:
        if self.read_only:
            raise Unavailable("this library was opened for reading only", code="read_only")
        self._waiting += 1
        try:
            result = await self._in_writer(partial(self._transact, self._writing, work))
        finally:
            self._waiting -= 1
        try:
            await self._flush.flushed()
        finally:  # not before: the disk would be busy with what nobody waits for
            if self._is_checkpoint_due():
                self._writer.submit(self._checkpoint)
        return result

    async def close(self) -> None:
        """Finish what is running, fold the log into the file, and let others have it. May be called twice."""
        try:
            if self._lock is not None:
                # Without room for that the log stays beside the file, and is as good.
                with suppress(sqlite3.OperationalError):
                    await self._in_writer(self._fold_log)
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        for pool in (self._readers, self._writer):
            await asyncio.to_thread(pool.shutdown)
        await self._flush.close()
        for connection in self._connections:
            connection.invalidate()
            connection.close()
        self._connections.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _in_writer(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, job)

    def _engine(self, begin: str) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def start_transaction(conn: Connection) -> None:
            conn.exec_driver_sql(begin)

        return engine

    def _connect(self) -> sqlite3.Connection:
        writer = threading.current_thread().name.startswith("sqlite-write")
        return open_raw(
            self.path, read_only=self.read_only, cache_mb=WRITER_CACHE_MB if writer else READER_CACHE_MB
        )

    def _connection(self, engine: Engine) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.invalidated:
            connection = self._local.connection = engine.connect()
            self._connections.append(connection)
        return connection

    def _transact(self, engine: Engine, work: Work[T]) -> T:
        connection = self._connection(engine)
        try:
            with connection.begin():
                result = work(connection)
                if engine is self._writing:
                    self._rows_since_checkpoint += _changed_rows(connection)
        except OperationalError as error:
            raise _explained(error) from error
        finally:
            if engine is self._writing:
                self._writes += 1
        return result

    def _prepare(self) -> None:
        self._connection(self._writing).connection.dbapi_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]

    def _checkpoint(self) -> None:
        """Runs in the writer's turn, after a write has been answered: never inside anybody's commit."""
        if self._is_checkpoint_due():  # still: others may have come in the meantime, or have seen to it
            self._fold_log("PASSIVE")

    def _is_checkpoint_due(self) -> bool:
        if self._waiting and self._rows_since_checkpoint < CHECKPOINT_WITHOUT_A_GAP_AFTER_ROWS:
            return False
        since = time.monotonic() - self._last_checkpoint
        return self._rows_since_checkpoint >= CHECKPOINT_AFTER_ROWS or since >= CHECKPOINT_AFTER_SECONDS

    def _fold_log(self, mode: str = "TRUNCATE") -> None:
        raw = self._connection(self._writing).connection.dbapi_connection
        raw.execute(f"PRAGMA wal_checkpoint({mode})")  # type: ignore[union-attr]
        self._rows_since_checkpoint = 0
        self._last_checkpoint = time.monotonic()


def refuse_unfit(version: tuple[int, ...]) -> None:
    """Raises `Unavailable` (`unfit_sqlite`) for a SQLite that would not do what it is asked, or count wrongly."""
    called, oldest = (".".join(map(str, each)) for each in (version, OLDEST))
    if version < OLDEST:
        why = f"SQLite {called} is too old for a library: it must be {oldest} or newer"
    elif version in _UNSOUND:
        why = f"SQLite {called} is not fit for a library: it finds some rows several times"
    else:
        return
    raise Unavailable(
        why, code="unfit_sqlite", hint="Use a Python that comes with another SQLite, or PostgreSQL."
    )


def log_of(path: Path) -> Path:
    """Where the log of a library's file is."""
    return path.with_name(path.name + "-wal")


def open_raw(path: Path, *, read_only: bool = False, cache_mb: int = READER_CACHE_MB) -> sqlite3.Connection:
    """A connection that begins no transactions by itself, set as all of this library's are."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    raw = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        _set(raw, cache_mb=cache_mb)
    except sqlite3.Error:  # it is no library
        raw.close()
        raise
    return raw


def _set(raw: sqlite3.Connection, *, cache_mb: int) -> None:
    # Who may keep much in memory is the one writer. What readers sort, such as a million rows, goes to the disk.
    temporary = "MEMORY" if cache_mb >= WRITER_CACHE_MB else "FILE"
    for pragma in (
        "busy_timeout = 30000",
        "foreign_keys = ON",
        f"cache_size = -{cache_mb * 1024}",
        "mmap_size = 1073741824",
        f"temp_store = {temporary}",
        "synchronous = NORMAL",  # a commit is brought to the disk by `Flush`, before anybody is told of it
        "wal_autocheckpoint = 0",
        "journal_size_limit = 67108864",
    ):
        raw.execute(f"PRAGMA {pragma}")
    raw.create_function("shuffled", 2, shuffled, deterministic=True)


def shuffled(salt: bytes, uuid: bytes) -> bytes:
    """What PostgreSQL can say by itself: see `Flavour.shuffle`."""
    return hashlib.sha256(salt + uuid).digest()[:16]


async def _take_lock(path: Path) -> int:
    """Have the library to ourselves. A command that makes a key has it for a moment, which is worth waiting for."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                await asyncio.sleep(0.05)
                continue
            os.close(lock)
            raise Conflict(
                f"{path} is in use by another Stackroom process",
                code="library_in_use",
                hint="Stop that process, or use the running server; only one process may write to a SQLite library.",
            ) from None
        return lock


def _changed_rows(connection: Connection) -> int:
    raw = connection.connection.dbapi_connection
    total: int = raw.total_changes  # type: ignore[union-attr]
    changed: int = total - connection.info.get("counted", 0)
    connection.info["counted"] = total
    return changed


def _explained(error: OperationalError) -> Exception:
    what = getattr(error.orig, "sqlite_errorname", "")
    if what == "SQLITE_FULL":
        return Unavailable(
            "there is no room left for the library's database; nothing was changed",
            code="storage_full",
            hint="Free some disk space where the data directory is, then try again.",
        )
    if what.startswith(_NOT_OURS):
        log.error("database.failed", error=str(error.orig), code=what)
        return Unavailable(
            "the library's database cannot be read or written; nothing was changed",
            code="database_unavailable",
            hint="Try again later. The operator finds the cause in the server's log.",
        )
    return error
