"""A server as users have it: a process of its own, on a free port, that a test may kill and start again."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from stackroom.testing.processes import mortal, wait_until

HOST: Final = "127.0.0.1"
_PORT_TAKEN: Final = "address already in use"
_SERVING: Final = re.compile(rb'"event": ?"serving", ?"url": ?"[^"]+:(\d+)"')


class ServerDidNotStart(Exception):
    """The server ended, or did not answer in time; the message is what it wrote."""


class LiveServer:
    """`python -m stackroom serve` on a data directory, from `start` (or `with`) to `stop` (or `kill`).

    `environment` adds to that of this process: `{"STACKROOM_FAULT": "apply:before-commit"}` makes the server
    die there. A server never outlives the thread that started it.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str | None = None,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        patience: float = 30,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self.port = 0
        self._environment = dict(environment or {})
        if database_url:
            self._environment["STACKROOM_DATABASE_URL"] = database_url
        self._arguments = list(arguments)
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

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
        done = subprocess.run(
            [sys.executable, "-m", "stackroom", *words, "--json", "--data-dir", self.data_dir],
            env=self._variables({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self._patience,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"stackroom {' '.join(words)} failed ({done.returncode}): {done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
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
        serve = [sys.executable, "-m", "stackroom", "serve", "--json-logs", "--data-dir", str(self.data_dir)]
        where = ["--host", HOST, "--port", str(self.port)]
        log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                mortal([*serve, *where, *self._arguments], parent=os.getpid()),
                env=self._variables(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: not self.running or self._answers(log_start), seconds=self._patience)
        if self.running and self._answers(log_start):
            return ""
        self.kill()
        return self.log.read_bytes()[log_start:].decode(errors="replace") or "it wrote nothing"

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

    def _variables(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self._environment, **extra}

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
