"""An httpx transport for addresses that others name: it goes where `Addresses` lets it, and nowhere else.

It connects to exactly the address that was looked at, so a name that leads elsewhere a moment later leads nowhere;
the host's name stays what TLS verifies. Use it under a client, or by itself: then there are no cookies, no proxies
from the environment, and redirects are followed by hand, as every one is a new question.
"""

import re
import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx

from stackroom.network.addresses import Addresses

# httpcore tries to import it several times for each request, and each time looks through every folder where it is not:
# a fifth of what a request costs.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # which says that there is none

KEEP_ALIVE = 15.0
_IDLE_CONNECTIONS = 32
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class Overlong(httpx.RemoteProtocolError):
    """An answer went on after as many bytes as it had announced."""


class Outbound(httpx.AsyncHTTPTransport):
    """HTTP/1.1 to the outside. Besides httpx's own errors, a request raises `Refused` and `Unresolved`.

    A body that is shorter than announced ends in `httpx.RemoteProtocolError`, and a longer one, which other clients
    cut off in silence, in `Overlong`: what came with the rest is noticed, what comes later is not waited for.
    """

    def __init__(self, addresses: Addresses, *, tls: ssl.SSLContext | None = None) -> None:
        context = tls or httpx.create_ssl_context()
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for it; the tests see to it that nothing gets past.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=_Checked(addresses),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        counted = response.extensions.get("network_stream")
        announced = response.headers.get("Content-Length", "")
        if isinstance(counted, _Counted) and announced.isdigit() and request.method != "HEAD":
            assert isinstance(response.stream, httpx.AsyncByteStream)
            response.stream = _Exactly(response.stream, int(announced), counted)
        return response


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to names, after a look at where they lead."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface that is implemented
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses.of(host, port)
        share = (
            None if timeout is None else timeout / len(addresses)
        )  # or who is silent leaves the next no time
        *others, last = addresses
        for address in others:
            try:
                found = await self._inner.connect_tcp(address, port, share, local_address, socket_options)
                return _Counted(found)
            except (
                httpcore.ConnectError,
                httpcore.ConnectTimeout,
            ):  # such as IPv6, which may lead nowhere here
                continue
        return _Counted(await self._inner.connect_tcp(last, port, share, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Counted(httpcore.AsyncNetworkStream):
    """Counts the bytes that come after the head of an answer."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._head: bytes | None = b""
        self.after_head = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        data = await self._inner.read(max_bytes, timeout)
        if self._head is None:
            self.after_head += len(data)
        else:
            self._head += data
            while self._head is not None and (end := _END_OF_HEAD.search(self._head)):
                rest = self._head[end.end() :]
                if re.match(
                    rb"HTTP/1\.[01] 1", self._head
                ):  # a mere announcement, such as 103: the answer follows
                    self._head = rest
                else:
                    self._head, self.after_head = None, len(rest)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        self._head, self.after_head = b"", 0
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        return _Counted(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Exactly(httpx.AsyncByteStream):
    """A body that must be as long as announced. That it is not shorter, the protocol's own machine sees to."""

    def __init__(self, inner: httpx.AsyncByteStream, announced: int, counted: _Counted) -> None:
        self._inner = inner
        self._announced = announced
        self._counted = counted

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece
        if self._counted.after_head > self._announced:
            await self._counted.aclose()  # what is left would be taken for the answer to the next request
            raise Overlong(f"more than the {self._announced} bytes that were announced")

    async def aclose(self) -> None:
        await self._inner.aclose()
