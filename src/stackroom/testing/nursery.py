"""Processes of `stackroom` that need not load the program first, which is most of what a start takes.

    with Nursery() as nursery:
        server = nursery.start(["serve", "--port", "0"], os.environ, out=log, err=log)

A process of its own has loaded what a server loads, and does nothing but fork: each child goes on as
`python -m stackroom` with its own words, environment and streams. That a program starts from nothing as well is for
other tests to prove.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from stackroom import faults
from stackroom.testing.processes import die_with_parent, mortal

# What a server, a worker and the commands that ask for one load when they need it.
_LOADED: Final = (
    "stackroom.app",
    "stackroom.cli.logs",
    "stackroom.cli.steward",
    "stackroom.cli.zero_copy",
    "stackroom.client",
    "stackroom.control",
    "stackroom.library.ngrams",
    "stackroom.web.server",
    "alembic.command",
    "alembic.config",
    "anyio._backends._asyncio",
    "encodings.idna",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "typer._adapters",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


class Child:
    """A process, asked and told as a `subprocess.Popen` is."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit code if it has ended, negative for the signal that ended it."""
        if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
            self._bury()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("stackroom", timeout or 0)
            self._bury()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, which: int) -> None:
        """Does nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, which)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _bury(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(self._nursery.ask({"bury": self.pid}))
        os.close(self._ended)


class Nursery:
    """Starts processes of `stackroom`, all of which end when it does, or when the thread that opened it ends."""

    def __init__(self) -> None:
        self._asking = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            mortal([sys.executable, "-m", "stackroom.testing.nursery"], parent=os.getpid()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, words: Sequence[str], environment: Mapping[str, str], *, out: Path, err: Path) -> Child:
        """Begin `stackroom WORDS` with just this environment. What it writes is added to these files, made at once."""
        for each in (out, err):
            each.touch()
        request = {
            "words": list(words),
            "environment": dict(environment),
            "folder": str(Path.cwd()),
            "out": str(out),
            "err": str(err),
        }
        return Child(self, self.ask(request))

    def ask(self, request: Mapping[str, Any]) -> int:
        with self._asking:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        return int(answer)


def _receive() -> dict[str, Any]:
    """In the nursery this goes on until nobody asks any more; what it returns, it returns in a child."""
    for line in sys.stdin.buffer:
        request: dict[str, Any] = json.loads(line)
        if "bury" in request:
            _answer(os.waitpid(request["bury"], 0)[1])
        elif child := os.fork():
            _answer(child)
        else:
            return request
    raise SystemExit


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _grow_up(request: Mapping[str, Any], nursery: int) -> None:
    """Be the process that was asked for."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != nursery:
        raise SystemExit("the nursery has ended")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    appended = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    streams = [os.open(os.devnull, os.O_RDONLY), *(os.open(request[it], appended) for it in ("out", "err"))]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    importlib.reload(faults)  # where to die is read when the program is loaded
    sys.argv[1:] = request["words"]
    runpy.run_module("stackroom", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is typed at the terminal of the tests is not for us
    for _name in _LOADED:
        importlib.import_module(_name)
    importlib.import_module("stackroom.cli").whole()  # put together here once, and not by each child
    gc.freeze()  # what a child looks through for garbage it gets a copy of
    _self = os.getpid()
    _grow_up(_receive(), _self)
