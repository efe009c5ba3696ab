"""Connections go to what was looked at, as whom was asked for, and carry what was announced."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

from stackroom.network.addresses import Addresses, AllowList, Refused
from stackroom.network.outbound import Outbound, Overlong
from stackroom.testing.origins import OriginServer

CERTIFICATE = Path(__file__).with_name("files.example.pem")  # self-signed, with its key; valid until 2126
CONTENT = b"content"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("originals")
    (made / "a.jpg").write_bytes(CONTENT)
    return made


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[OriginServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with OriginServer(folder, tls=context) as server:
        yield server


class Resolver:
    """Gives one answer after another, the last for ever, and counts how often it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def get(transport: Outbound, *urls: str) -> list[bytes]:
    async def run() -> list[bytes]:
        async with httpx.AsyncClient(transport=transport) as client:
            return [(await client.get(url)).content for url in urls]

    return asyncio.run(run())


def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up that was judged is the one that counts: there is no second."""
    connected = []

    async def connect(_self: object, host: str, port: int, *_: object) -> httpcore.AsyncNetworkStream:
        connected.append((host, port))
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    resolver = Resolver("1.1.1.1", "127.0.0.1")
    with pytest.raises(httpx.ConnectError):
        get(Outbound(Addresses(lookup=resolver)), "http://rebinding.example/")
    assert (connected, resolver.asked) == ([("1.1.1.1", 80)], 1)
    with pytest.raises(Refused):
        get(Outbound(Addresses(lookup=resolver)), "http://rebinding.example/")
    assert len(connected) == 1


def test_an_address_that_does_not_answer_gives_way_to_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the server listens at the second only

    with OriginServer(folder) as server:
        transport = Outbound(Addresses(AllowList.parse("127.0.0.0/8"), lookup))
        assert get(transport, f"http://files.example:{server.port}/a.jpg") == [CONTENT]
        assert server.requests[0].headers["host"] == f"files.example:{server.port}"


def test_an_address_that_is_silent_gives_way_while_there_is_time_for_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where IPv6 is known and leads nowhere."""
    real, given = httpcore.AnyIOBackend.connect_tcp, []

    async def connect(
        self: httpcore.AnyIOBackend, host: str, port: int, seconds: float, *rest: Any
    ) -> httpcore.AsyncNetworkStream:
        given.append((host, seconds))
        if host == "127.0.0.2":
            raise httpcore.ConnectTimeout
        return await real(self, host, port, seconds, *rest)

    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async def run(url: str) -> bytes:
        transport = Outbound(Addresses(AllowList.parse("127.0.0.0/8"), lookup))
        async with httpx.AsyncClient(transport=transport, timeout=30) as client:
            return (await client.get(url)).content

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with OriginServer(folder) as server:
        assert asyncio.run(run(f"http://files.example:{server.port}/a.jpg")) == CONTENT
    assert given == [("127.0.0.2", 15), ("127.0.0.1", 15)]


def test_tls_holds_the_server_to_the_name_that_was_asked_for(secure: OriginServer) -> None:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    allowed = Addresses(AllowList.parse("127.0.0.1"), Resolver("127.0.0.1"))
    url = f"https://files.example:{secure.port}/a.jpg"
    assert get(Outbound(allowed, tls=context), url) == [CONTENT]
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        get(Outbound(allowed, tls=context), f"https://other.example:{secure.port}/a.jpg")
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        get(Outbound(allowed), url)


def test_a_connection_is_used_again_for_the_same_host(folder: Path) -> None:
    with OriginServer(folder) as server:
        resolver = Resolver("127.0.0.1")
        transport = Outbound(Addresses(AllowList.parse("127.0.0.1"), resolver))
        url = f"http://files.example:{server.port}/a.jpg"
        assert get(transport, url, url, url) == [CONTENT] * 3
        assert resolver.asked == 1


def test_proxies_of_the_environment_are_not_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with OriginServer(folder) as server:
        assert get(Outbound(Addresses(AllowList.parse("127.0.0.1"))), server.url("a.jpg")) == [CONTENT]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + CONTENT],
        [HEAD, CONTENT],
        [HEAD[:30], HEAD[30:] + CONTENT[:2], CONTENT[2:]],
        [b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + HEAD + CONTENT],
        [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD[:-2], HEAD[-2:] + CONTENT],
        [b"HTTP/1.1 200 OK\nContent-Length: 7\n\n" + CONTENT],
    ],
    ids=range(6),
)
@pytest.mark.parametrize("surplus", [b"", b"!", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
def test_a_body_is_as_long_as_announced_however_it_comes(
    pieces: list[bytes], surplus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = httpcore.AsyncMockStream([*pieces[:-1], pieces[-1] + surplus])

    async def connect(*_: object) -> httpcore.AsyncNetworkStream:
        return stream

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    transport = Outbound(Addresses(lookup=Resolver("1.1.1.1")))
    if surplus:
        with pytest.raises(Overlong):
            get(transport, "http://files.example/")
        assert stream._closed
    else:
        assert get(transport, "http://files.example/") == [CONTENT]
