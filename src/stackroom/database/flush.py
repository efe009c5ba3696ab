"""Bringing committed work to the disk, once for all who wait."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stackroom.errors import Unavailable


class Flush:
    """The fsync of a log file, away from the thread that writes to it.

    Transactions that commit while the disk is busy with earlier ones share the next fsync, and the writer does
    not wait for any of them: eight clients who each write a little are served as fast as one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sqlite-flush")
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    async def flushed(self) -> None:
        """Return when all that has been committed by now is on the disk. Raises `Unavailable` when that fails: then
        nobody knows whether a power failure would leave it."""
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn())
        await asyncio.shield(self._next)

    async def close(self) -> None:
        await asyncio.to_thread(self._disk.shutdown)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _in_turn(self) -> None:
        async with self._turn:
            self._next = None  # it begins now: who commits from here on needs another
            try:
                await asyncio.get_running_loop().run_in_executor(self._disk, self._flush)
            except OSError as error:
                raise Unavailable(
                    f"the disk did not take what was written: {error.strerror}",
                    code="database_unavailable",
                    hint="Look at the disk of the data directory, then ask again what was changed.",
                ) from error

    def _flush(self) -> None:
        os.fdatasync(self._log())

    def _log(self) -> int:
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            os.close(self._file)  # SQLite has begun another
            self._file = None
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self._file
