"""A client that measures: one connection, bodies made beforehand, answers read whole and looked at afterwards."""

import http.client
import socket
import time
from typing import Any, Self

import msgspec

IDLE = 3.0
"""Seconds after which a connection is made anew before the clock starts: the server closes idle ones after five."""


class Answer(msgspec.Struct, frozen=True):
    seconds: float
    status: int
    body: bytes

    def json(self) -> Any:
        """What it says. Raises RuntimeError for a refusal."""
        if self.status >= 300:
            raise RuntimeError(f"{self.status}: {self.body[:500].decode(errors='replace')}")
        return msgspec.json.decode(self.body)


class Client:
    """Requests to one server with one key, one at a time."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._connect()
        self._headers = {"X-API-Key": token, "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """The clock runs from the first byte sent to the last one received."""
        if time.perf_counter() - self._used > IDLE:
            self._connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        began = time.perf_counter()
        self._connection.request(method, path, body, {**self._headers, **named})
        response = self._connection.getresponse()
        content = response.read()
        self._used = time.perf_counter()
        return Answer(self._used - began, response.status, content)

    def get(self, path: str) -> Any:
        return self.send("GET", path).json()

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> None:
        self._connection.close()
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
