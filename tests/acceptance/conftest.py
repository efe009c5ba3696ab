"""The command line as users have it: a process of its own, against a server of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from stackroom import cli
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import some_pictures


class Said(msgspec.Struct, frozen=True):
    """What a command answered, and with which code it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


class Shell:
    """Runs `stackroom …` in an environment of its own. `STACKROOM_*` of this process is not passed on."""

    def __init__(self, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STACKROOM_")}
        run = {name: value for name, value in os.environ.items() if name == "STACKROOM_TEST_RUN"}
        self.environment = {**inherited, **run, **environment}

    def __call__(self, *words: str | Path, stdin: str = "") -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "stackroom", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)


class QuickShell(Shell):
    """The same without a process for every command, which would take thirty times as long."""

    def __call__(self, *words: str | Path, stdin: str = "") -> Said:
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch("sys.stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = cli.run([str(word) for word in words])
        return Said(int(code), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]
) -> Iterator[LiveServer]:
    """A running server, the same for all tests of a module."""
    with live_server(tmp_path_factory.mktemp("library") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shell(server: LiveServer) -> Shell:
    """The command line with the key of an organization of its own."""
    made = server.create_organization("Shell")
    return QuickShell(STACKROOM_API_KEY=made["api_key"], STACKROOM_BASE_URL=server.url)


@pytest.fixture
def some_files(tmp_path: Path) -> Callable[[int], Path]:
    """A folder with so many different pictures: `0.jpg`, `1.jpg` and so on."""

    def make(count: int) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir()
        for number, picture in enumerate(some_pictures(count)):
            (folder / f"{number}.jpg").write_bytes(picture)
        return folder

    return make
