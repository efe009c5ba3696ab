"""A server as users have it: a process of its own, on a free port, that a test may kill and start again."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from stackroom.testing.nursery import Child, Nursery
from stackroom.testing.processes import mortal, wait_until

HOST: Final = "127.0.0.1"
_PORT_TAKEN: Final = "address already in use"
_SERVING: Final = re.compile(rb'"event": ?"serving", ?"url": ?"[^"]+:(\d+)"')


class ServerDidNotStart(Exception):
    """The server ended, or did not answer in time; the message is what it wrote."""


class LiveServer:
    """`python -m stackroom serve` on a data directory, from `start` (or `with`) to `stop` (or `kill`).

    `environment` adds to that of this process: `{"STACKROOM_FAULT": "apply:before-commit"}` makes the server
    die there. A server never outlives the thread that started it. From a `nursery` it starts in a third of the
    time, and ends with that. Where there is no library yet it begins with a copy of `template`, if that is given.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str | None = None,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        patience: float = 30,
        nursery: Nursery | None = None,
        template: Path | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self.port = 0
        self._environment = dict(environment or {})
        if database_url:
            self._environment["STACKROOM_DATABASE_URL"] = database_url
        self._arguments = list(arguments)
        self._patience = patience
        self._nursery = nursery
        self._template = template if database_url is None else None
        self._process: subprocess.Popen[bytes] | Child | None = None

    @property
    def url(self) -> str:
        """Where it answers; the same after a restart."""
        return f"http://{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("this server has not been started")
        return self._process.pid

    def start(self, **environment: str) -> Self:
        """Start and wait until `/health` says 200. `environment` is for this start only.

        Raises `ServerDidNotStart` with the server's own words.
        """
        words = self._launch(environment)
        if _PORT_TAKEN in words:  # by somebody's outgoing connection, while we were down
            words = self._launch(environment)
        if words:
            raise ServerDidNotStart(words)
        return self

    def stop(self) -> int:
        """Ask it to end in order (SIGTERM), wait until it has, and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it as a power cut would (SIGKILL), and return its exit code."""
        return self._end(signal.SIGKILL)

    def wait(self, seconds: float = 30) -> int:
        """Wait until it has ended by itself, as at a fault point, and return its exit code."""
        if self._process is None:
            raise RuntimeError("this server has not been started")
        return self._process.wait(seconds)

    def restart(self, **environment: str) -> Self:
        """Stop it, if it runs, and start it again under the same URL."""
        if self.running:
            self.stop()
        return self.start(**environment)

    def create_organization(self, name: str) -> dict[str, Any]:
        """A new organization and its first key: `api_key`, `key_id`, `organization_id`, `customer`."""
        return self.command("org", "create", name)

    def create_key(self, organization: str, role: str) -> dict[str, Any]:
        """Another key of an organization (its id or name): `api_key`, `key_id` and so on."""
        return self.command("key", "create", "--org", organization, "--role", role)

    def command(self, *words: str) -> dict[str, Any]:
        """Run `stackroom WORDS --json` on this server's data, and return what it prints."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            done = self._begin([*words, "--json", "--data-dir", str(self.data_dir)], {}, out=out, err=err)
            try:
                code = done.wait(self._patience)
            except subprocess.TimeoutExpired:
                done.kill()
                done.wait()
                raise
            if code:
                raise RuntimeError(f"stackroom {' '.join(words)} failed ({code}): {err.read_text()}")
            answer: dict[str, Any] = json.loads(out.read_text())
            return answer

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self.stop()

    def _launch(self, environment: Mapping[str, str]) -> str:
        """Start the process; what it wrote if it did not come up, and nothing if it did."""
        serve = ["serve", "--json-logs", "--data-dir", str(self.data_dir)]
        words = [*serve, "--host", HOST, "--port", str(self.port), *self._arguments]
        self._furnish()
        log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._begin(words, environment, out=self.log, err=self.log)
        wait_until(lambda: not self.running or self._answers(log_start), seconds=self._patience)
        if self.running and self._answers(log_start):
            return ""
        self.kill()
        return self.log.read_bytes()[log_start:].decode(errors="replace") or "it wrote nothing"

    def _furnish(self) -> None:
        library = self.data_dir / "library.db"
        if self._template is not None and not library.exists():
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(self._template, library)  # and its mode

    def _begin(
        self, words: Sequence[str], environment: Mapping[str, str], *, out: Path, err: Path
    ) -> subprocess.Popen[bytes] | Child:
        variables = {**os.environ, **self._environment, **environment}
        if self._nursery is not None:
            return self._nursery.start(words, variables, out=out, err=err)
        with out.open("ab") as to_out, err.open("ab") as to_err:
            return subprocess.Popen(
                mortal([sys.executable, "-m", "stackroom", *words], parent=os.getpid()),
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
            )

    def _answers(self, log_start: int) -> bool:
        """Whether this process says where it serves (another's may answer there) and does."""
        said = _SERVING.search(self.log.read_bytes(), log_start)
        if said is None:
            return False
        self.port = int(said[1])
        return self._healthy()

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            raise RuntimeError("this server has not been started")
        self._process.send_signal(how)
        try:
            return self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
