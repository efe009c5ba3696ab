"""An address that somebody waits for: of the web alone, of the domains that may be asked, and only so large."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stackroom.ingest.origins import Fail, Origins, Retry
from stackroom.settings import Settings
from stackroom.storage.staging import Staging
from stackroom.testing.origins import OriginServer

FetchUrl = Callable[..., bytes]


@pytest.fixture
def fetch_url(tmp_path: Path, tls: ssl.SSLContext) -> FetchUrl:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    def run(url: str, *, limit: int = 2**20, seconds: float = 60.0, **rest: Any) -> bytes:
        async def once() -> bytes:
            origins = Origins(Settings(origin_allow="127.0.0.0/8"), tls=tls, lookup=lookup)
            try:
                with Staging(tmp_path / "staging", 2**30).receive() as arrival:
                    await origins.fetch_url(url, arrival, limit=limit, seconds=seconds, **rest)
                    return arrival.finish().path.read_bytes()
            finally:
                await origins.close()

        return asyncio.run(once())

    return run


def called(origin: OriginServer, host: str, path: str) -> str:
    """An address of the server by another name."""
    return origin.url(path).replace("127.0.0.1", host)


def refusal(fetch_url: FetchUrl, *what: Any, **how: Any) -> str:
    with pytest.raises((Fail, Retry)) as failed:
        fetch_url(*what, **how)
    return failed.value.code


@pytest.mark.parametrize("host", ["files.example", "a.files.example", "A.Files.Example", "files.example."])
def test_a_domain_and_what_is_below_it_may_be_asked(
    fetch_url: FetchUrl, origin: OriginServer, content: bytes, host: str
) -> None:
    assert fetch_url(called(origin, host, "a.jpg"), domains=("other.example", "files.example")) == content


@pytest.mark.parametrize("host", ["example", "profiles.example", "files.example.org", "127.0.0.1"])
def test_no_other_may(fetch_url: FetchUrl, origin: OriginServer, host: str) -> None:
    before = len(origin.requests)
    url = called(origin, host, "a.jpg")
    assert refusal(fetch_url, url, domains=("files.example",)) == "origin_not_allowed"
    assert len(origin.requests) == before


def test_nor_may_one_that_is_led_to(fetch_url: FetchUrl, origin: OriginServer, content: bytes) -> None:
    leads_away = origin.url_to(called(origin, "elsewhere.example", "a.jpg"))
    url = leads_away.replace("127.0.0.1", "files.example", 1)
    assert fetch_url(url) == content
    assert refusal(fetch_url, url, domains=("files.example",)) == "origin_not_allowed"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "/etc/passwd", "s3://bucket/key", "ftp://h/a.jpg", "a.jpg", ""]
)
def test_only_the_web_is_asked(fetch_url: FetchUrl, url: str) -> None:
    assert refusal(fetch_url, url) == "bad_origin"


def test_it_has_a_limit_of_its_own(fetch_url: FetchUrl, origin: OriginServer, content: bytes) -> None:
    assert fetch_url(origin.url("a.jpg"), limit=len(content)) == content
    assert refusal(fetch_url, origin.url("a.jpg"), limit=len(content) - 1) == "origin_too_large"
    assert refusal(fetch_url, origin.url("chunked/a.jpg"), limit=len(content) - 1) == "origin_too_large"


def test_nobody_waits_for_ever(fetch_url: FetchUrl, origin: OriginServer) -> None:
    assert refusal(fetch_url, origin.url("endless"), limit=2**40, seconds=0.2) == "origin_timeout"
