import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from stackroom.cli.zero_copy import EXTENSION, with_sendfile
from stackroom.testing.processes import wait_until

SIZE = 9_000_000
HOST = "127.0.0.1"


class Files:
    """Answers every request with a file, or with a part of it (`/start-stop`), claiming `claimed` bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claimed: int | None = None
        self.offered = 0

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.offered += EXTENSION in scope["extensions"]
        start, _, stop = scope["path"][1:].partition("-")
        first, last = int(start or 0), int(stop or self.claimed or SIZE)
        headers = [(b"content-length", str(last - first).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self.path.open("rb") as file:
            await send({"type": EXTENSION, "file": file, "offset": first, "count": last - first})
        await send({"type": "http.response.body", "body": b""})


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def content() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def files(tmp_path: Path, content: bytes) -> Files:
    (tmp_path / "file").write_bytes(content)
    return Files(tmp_path / "file")


@pytest.fixture
def port(files: Files) -> Iterator[int]:
    config = uvicorn.Config(
        with_sendfile(files),
        http="httptools",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server((HOST, 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def test_a_file_arrives_whole_again_and_again_on_one_connection(
    port: int, files: Files, content: bytes
) -> None:
    with httpx.Client(base_url=f"http://{HOST}:{port}") as client:
        for _ in range(3):
            assert client.get("/").content == content
    assert files.offered == 3


def test_a_part_of_a_file_is_exactly_that_part(port: int, content: bytes) -> None:
    assert httpx.get(f"http://{HOST}:{port}/4194303-4194306").content == content[4194303:4194306]


def test_head_gets_no_body(port: int) -> None:
    with socket.create_connection((HOST, port)) as asking:
        asking.sendall(b"HEAD / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: asking.recv(1 << 20), b""))
    assert f"content-length: {SIZE}".encode() in received
    assert received.endswith(b"\r\n\r\n")


def test_a_client_that_reads_slowly_gets_everything_and_holds_nobody_up(port: int, content: bytes) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((HOST, port))
        slow.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        time.sleep(0.2)
        began = time.monotonic()
        assert httpx.get(f"http://{HOST}:{port}/").content == content
        assert time.monotonic() - began < 5
        received = b"".join(iter(lambda: slow.recv(1 << 20), b""))
    assert received.partition(b"\r\n\r\n")[2] == content


def test_a_client_that_leaves_in_the_middle_leaves_nothing_open(port: int, content: bytes) -> None:
    assert (
        httpx.get(f"http://{HOST}:{port}/0-1").content == content[:1]
    )  # what the server opens, it has opened
    before = open_files()
    for _ in range(5):
        with socket.create_connection((HOST, port)) as hasty:
            hasty.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            hasty.recv(1000)
    assert wait_until(lambda: open_files() <= before, seconds=10)
    assert httpx.get(f"http://{HOST}:{port}/").content == content


def test_a_file_that_is_too_short_does_not_pass_for_complete(port: int, files: Files) -> None:
    files.claimed = SIZE + 1
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://{HOST}:{port}/")
