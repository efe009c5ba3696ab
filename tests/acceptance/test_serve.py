"""Starting and stopping a server, and what it says."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackroom.control import read_control_file
from stackroom.testing.live import LiveServer
from stackroom.testing.processes import mortal, wait_until

from .conftest import Shell


@contextmanager
def serving(log: Path, *flags: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`stackroom serve`, and the address that it says."""
    few = ["--pixel-processes", "1"]  # it starts sooner
    command = [sys.executable, "-m", "stackroom", "serve", *few, *map(str, flags)]
    with log.open("wb") as file:
        process = subprocess.Popen(mortal(command, parent=os.getpid()), stdout=file, stderr=subprocess.STDOUT)
    try:
        assert wait_until(lambda: b"Stackroom serves" in log.read_bytes(), seconds=30), log.read_text()
        found = re.search(r"Stackroom serves (\S+)", log.read_text())
        assert found
        yield process, found[1]
    finally:
        process.kill()
        process.wait()


def ask(url: str, path: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def test_the_first_start_prints_a_key_that_works_and_no_later_start_does(tmp_path: Path) -> None:
    log, data = tmp_path / "log", tmp_path / "data"
    with serving(log, "--data-dir", data, "--port", "0") as (process, url):
        first = log.read_text()
        [token] = set(re.findall(r"pk_live_\S+", first))
        assert f"export STACKROOM_API_KEY={token}" in first
        assert f"export STACKROOM_BASE_URL={url}" in first
        assert f"export PICTOGRAPH_API_KEY={token}" in first
        assert Shell(STACKROOM_API_KEY=token, STACKROOM_BASE_URL=url)("ls").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with serving(log, "--data-dir", data, "--port", "0"):
        assert "pk_live_" not in log.read_text()


def test_a_free_port_is_found_and_said(tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--data-dir", tmp_path / "data", "--port", "0") as (_, url):
        assert not url.endswith(":0")
        status, headers = ask(url, "/health")
        assert status == 200
        assert "server" not in headers


def test_being_told_to_stop_is_no_failure_and_leaves_no_trace(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for how in (signal.SIGTERM, signal.SIGINT):
        with serving(tmp_path / "log", "--data-dir", data, "--port", "0") as (process, _):
            assert wait_until(lambda: read_control_file(data) is not None, seconds=10)
            process.send_signal(how)
            assert process.wait(30) == 0
            assert not (data / "server.json").exists()
            assert list(data.glob("storage.staging/*")) == []
            assert "Traceback" not in (tmp_path / "log").read_text()


def test_being_told_to_stop_while_starting_is_obeyed(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "stackroom",
        "serve",
        "--data-dir",
        str(tmp_path / "data"),
        "--port",
        "0",
    ]
    process = subprocess.Popen(mortal(command, parent=os.getpid()), stderr=subprocess.PIPE)
    assert wait_until((tmp_path / "data" / "library.db").exists, seconds=30)
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    with process.stderr:
        assert b"Traceback" not in process.stderr.read()
    assert process.wait(30) == 0


def test_what_is_under_way_is_finished_first(tmp_path: Path, live_server: Callable[..., LiveServer]) -> None:
    """A request whose body is still arriving when the server is told to stop gets its answer."""
    with live_server(tmp_path / "data") as server:
        key = server.create_organization("Ada")["api_key"]
        body = json.dumps({"name": "late"}).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            head = f"POST /library/v1/datasets HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
            rest = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
            line.sendall(head.encode() + rest.encode() + body[:5])
            time.sleep(0.3)
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(0.3)
            line.sendall(body[5:])
            assert b"201 Created" in line.recv(65536)
        assert server.wait() == 0


def test_a_second_server_on_the_same_library_is_refused_in_one_line(
    tmp_path: Path, live_server: Callable[..., LiveServer]
) -> None:
    with live_server(tmp_path / "data"):
        said = Shell()("serve", "--data-dir", tmp_path / "data", "--port", "0")
    assert said.code == 1
    assert "in use by another Stackroom process" in said.err
    assert said.err.count("\n") == 2  # the error, and what to do


def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = Shell()("serve", "--data-dir", tmp_path / "data", "--port", port)
    assert said.code == 1
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in said.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--port", "70000"), "port 70000"),
        (("--storage-url", "ftp://bucket"), "storage_url"),
        (("--public-url", "media.example.org"), "public_url"),
        (("--database-url", "mysql://x"), "database_url"),
        (("--max-upload-mb", "0"), "max_upload_mb"),
        (("--host", "no.such.host.invalid"), "cannot listen on no.such.host.invalid"),
    ],
)
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, flags: tuple[str, str], problem: str) -> None:
    said = Shell()("serve", "--data-dir", tmp_path / "data", *flags)
    assert said.code in {1, 2}
    assert problem in said.err
    assert not (tmp_path / "data").exists()


def test_a_database_that_is_not_there_is_said_without_a_traceback(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:9/nothing"
    said = Shell()("serve", "--data-dir", tmp_path / "data", "--port", "0", "--database-url", url)
    assert said.code == 9
    problem, fix = said.err.splitlines()[-2:]  # the log may have said it too
    assert problem.startswith("error: the database cannot be used: ")
    assert "--database-url" in fix


def test_requests_are_logged_when_asked_and_in_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(log, "--data-dir", tmp_path / "data", "--port", "0") as (_, url):
        ask(url, "/health")
        assert "request_id" not in log.read_text()
    json_log = tmp_path / "json.log"
    command = [
        sys.executable,
        "-m",
        "stackroom",
        "serve",
        "--data-dir",
        str(tmp_path / "json"),
        "--port",
        "0",
    ]
    with json_log.open("wb") as file:
        words = mortal([*command, "--json-logs", "-v"], parent=os.getpid())
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT)
    try:
        assert wait_until(lambda: b'"serving"' in json_log.read_bytes(), seconds=30)
        lines = [json.loads(line) for line in json_log.read_text().splitlines()]
        [url] = [line["url"] for line in lines if line["event"] == "serving"]
        ask(url, "/health")
        assert wait_until(lambda: b'"request"' in json_log.read_bytes(), seconds=10)
        [last] = (json.loads(line) for line in json_log.read_text().splitlines() if '"request"' in line)
        assert (last["method"], last["path"], last["status"], last["level"]) == (
            "GET",
            "/health",
            200,
            "info",
        )
    finally:
        process.terminate()
        assert process.wait(30) == 0
