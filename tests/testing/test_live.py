"""A live server can be killed and comes back; it never outlives its test."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stackroom.testing.live import LiveServer, ServerDidNotStart
from stackroom.testing.processes import started_at, wait_until

STARTER = """
import sys
from pathlib import Path
from stackroom.testing.live import LiveServer
print(LiveServer(Path(sys.argv[1])).start().pid, flush=True)
sys.stdin.read()
"""


def who_am_i(server: LiveServer, key: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        connection.request("GET", "/library/v1/whoami", headers={"X-API-Key": key})
        response = connection.getresponse()
        return response.status, json.load(response).get("organization", {}).get("name", "")
    finally:
        connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path / "data") as running:
        yield running


def test_what_was_made_outlives_a_power_cut(server: LiveServer) -> None:
    made = server.create_organization("Vesper")
    more = server.create_key("Vesper", "viewer")
    url = server.url
    assert server.kill() == -signal.SIGKILL
    server.start()
    assert server.url == url
    assert who_am_i(server, made["api_key"]) == (200, "Vesper")
    assert who_am_i(server, more["api_key"]) == (200, "Vesper")


def test_stopping_is_orderly(server: LiveServer) -> None:
    assert server.stop() == 0
    assert not server.running


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerDidNotStart, match="no such point"):
        LiveServer(tmp_path / "data").start(STACKROOM_FAULT="apply:never")


def test_a_server_whose_port_is_taken_does_not_pass_for_its_owner(server: LiveServer, tmp_path: Path) -> None:
    second = LiveServer(tmp_path / "other")
    second.port = server.port
    with pytest.raises(ServerDidNotStart, match="already in use"):
        second.start()
    assert server.running


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path / "data"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert started_at(pid) is not None
        starter.kill()
    assert wait_until(lambda: started_at(pid) is None, seconds=10)
