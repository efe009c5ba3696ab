"""What only a real connection shows: bodies that the server stops reading, and bodies that stop coming."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackroom import ApiError, AsyncClient, Client

Answer = Callable[[socket.socket, bytes], None]
CONTENT = bytes(range(256)) * 8192


class Scripted:
    """A server that does with each connection what the next function says."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.heads: list[bytes] = []
        self.answers: list[Answer] = []

    def run(self) -> None:
        for answer in self.answers:
            connection, _ = self.listening.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                self.heads.append(head)
                answer(connection, head)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.listening.close()


def download(side: str, url: str, path: Path) -> Path:
    if side == "sync":
        with Client("k", base_url=url) as client:
            return client.images.download("img", path)

    async def act() -> Path:
        async with AsyncClient("k", base_url=url) as client:
            return await client.images.download("img", path)

    return asyncio.run(act())


@pytest.mark.parametrize("side", ["sync", "async"])
def test_a_connection_that_breaks_in_the_middle_is_taken_up_there(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("stackroom.client.retry.FIRST_PAUSE", 0.01)

    def half(connection: socket.socket, _: bytes) -> None:
        head = f'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: {len(CONTENT)}\r\n\r\n'
        connection.sendall(head.encode() + CONTENT[:1_000_000])

    def rest(connection: socket.socket, head: bytes) -> None:
        start = int(head.lower().split(b"range: bytes=")[1].split(b"-")[0])
        headers = [
            "HTTP/1.1 206 Partial Content",
            f"Content-Range: bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}",
            f"Content-Length: {len(CONTENT) - start}",
            'ETag: "v1"',
        ]
        connection.sendall("\r\n".join(headers).encode() + b"\r\n\r\n" + CONTENT[start:])

    scripted.answers = [half, rest]
    thread = threading.Thread(target=scripted.run)
    thread.start()
    path = download(side, scripted.url, tmp_path / "photo.jpg")
    thread.join()
    assert path.read_bytes() == CONTENT
    assert b"if-range" in scripted.heads[1].lower()


def test_a_refusal_before_the_whole_body_was_read_is_understood(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(bytes(30_000_000))

    def address(connection: socket.socket, _: bytes) -> None:
        body = b'{"upload_url": "%s/put"}' % scripted.url.encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body)

    def too_big(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    scripted.answers = [address, too_big]
    thread = threading.Thread(target=scripted.run)
    thread.start()
    with Client("k", base_url=scripted.url) as client, pytest.raises(ApiError) as caught:
        client.images.upload("ds", photo)
    thread.join()
    assert caught.value.status_code == 413
    assert b"content-length: 30000000" in scripted.heads[1].lower()
