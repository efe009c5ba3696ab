"""A process from the nursery is what it would be had it begun with nothing, and ends no later than the nursery."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from stackroom import __version__
from stackroom.faults import VARIABLE
from stackroom.testing.nursery import Child, Nursery
from stackroom.testing.processes import started_at, wait_until


class Streams:
    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder / "out", folder / "err"

    def begin(self, nursery: Nursery, *words: str, **environment: str) -> Child:
        return nursery.start(words, {**os.environ, **environment}, out=self.out, err=self.err)


@pytest.fixture
def streams(tmp_path: Path) -> Streams:
    return Streams(tmp_path)


def test_its_words_its_code_and_its_streams_are_its_own(nursery: Nursery, streams: Streams) -> None:
    assert streams.begin(nursery, "--version").wait(30) == 0
    assert streams.begin(nursery, "nonsense").wait(30) == 2
    assert streams.out.read_text() == f"stackroom {__version__}\n"
    assert "nonsense" in streams.err.read_text()


def test_its_environment_is_its_own_down_to_where_it_dies(nursery: Nursery, streams: Streams) -> None:
    assert streams.begin(nursery, "--version", **{VARIABLE: "apply:never"}).wait(30) == 1
    assert "no such point" in streams.err.read_text()
    assert streams.begin(nursery, "--version").wait(30) == 0


def test_siblings_make_keys_and_ids_that_no_other_has(
    nursery: Nursery, streams: Streams, tmp_path: Path
) -> None:
    both = []
    for name in ("one", "other"):
        create = ["org", "create", "Vesper", "--json", "--data-dir", str(tmp_path / name)]
        assert streams.begin(nursery, *create).wait(30) == 0, streams.err.read_text()
        both.append(json.loads(streams.out.read_bytes()))
        streams.out.unlink()
    one, other = both
    for told in ("api_key", "key_id", "organization_id"):
        assert one[told][8:] != other[told][8:]


def test_one_that_goes_on_is_waited_for_told_and_killed(
    nursery: Nursery, streams: Streams, tmp_path: Path
) -> None:
    serve = ["serve", "--port", "0", "--pixel-processes", "1", "--data-dir", str(tmp_path / "data")]
    server = streams.begin(nursery, *serve)
    assert wait_until(lambda: "serves" in streams.out.read_text(), seconds=30)
    assert server.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        server.wait(0.01)
    server.kill()
    assert server.wait(10) == server.poll() == -signal.SIGKILL
    server.kill()


def test_it_ends_with_the_nursery(streams: Streams, tmp_path: Path) -> None:
    with Nursery() as opened:
        server = streams.begin(opened, "serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
        assert wait_until(lambda: "serves" in streams.out.read_text(), seconds=30)
    assert wait_until(lambda: started_at(server.pid) is None, seconds=10)
