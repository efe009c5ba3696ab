"""Heads that do not end: what a client sends before its request is one takes neither memory nor a place for ever."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import pytest
import uvicorn

from stackroom.cli import heads
from stackroom.cli.heads import MOST_BYTES, BoundedHeads
from stackroom.cli.serve import _listening
from stackroom.settings import Settings

HOST = "127.0.0.1"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the path, and of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    said = f"{len(scope['path'])} {length}".encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture
def port() -> Iterator[int]:
    config = uvicorn.Config(
        echo, http=BoundedHeads, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server((HOST, 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, port), timeout=30) as connection:
        yield connection


def send_without_end(client: socket.socket, beginning: bytes, piece: bytes) -> bytes:
    """Send until nobody listens any more; what was answered."""
    try:
        client.sendall(beginning)
        for _ in range(64 * MOST_BYTES // len(piece)):
            client.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    else:
        raise AssertionError("all of it was taken")
    try:
        return client.recv(1000)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-One: ", b"a" * 65536),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-Many: a\r\n" * 6000),
        (b"GET /", b"a" * 65536),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X-Trailer: a\r\n" * 5000,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a" * 65536),
    ],
    ids=["one header", "many headers", "a path", "trailers", "an extension of a chunk"],
)
def test_what_comes_without_end_is_cut_off(client: socket.socket, beginning: bytes, piece: bytes) -> None:
    assert send_without_end(client, beginning, piece)[:12] in {b"", b"HTTP/1.1 431"}


def test_who_sends_a_head_that_is_too_large_is_told(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nX-One: ")
    client.sendall(b"a" * (MOST_BYTES + 1))
    assert client.recv(1000).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_long_heads_and_bodies_are_taken_again_and_again(client: socket.socket) -> None:
    path = b"/" + b"a" * 60_000
    for _ in range(3):
        client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MOST_BYTES // 1000):
            client.sendall(b"400\r\n" + b"b" * 1024 + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        with HTTPResponse(client) as answer:
            answer.begin()
            assert (answer.status, answer.read()) == (200, b"%d %d" % (len(path), MOST_BYTES // 1000 * 1024))


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\nGET / HT"])
def test_a_head_that_does_not_come_is_not_waited_for(
    client: socket.socket, monkeypatch: pytest.MonkeyPatch, port: int, begun: bytes
) -> None:
    monkeypatch.setattr(heads, "MOST_SECONDS", 0.2)
    with socket.create_connection((HOST, port), timeout=30) as waiting:
        waiting.sendall(begun)
        while waiting.recv(1000):
            pass


def test_a_client_that_is_gone_without_a_word_is_noticed() -> None:
    with _listening(Settings(port=0)) as listening:
        address = listening.getsockname()
        with socket.create_connection(address), listening.accept()[0] as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
