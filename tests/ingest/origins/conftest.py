"""An origin server for all tests of a module, and what fetches from it with little patience."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom.ingest.origins import Fetched, Origins
from stackroom.ingest.origins.web import Patience
from stackroom.library.origin_strategies import Approach
from stackroom.settings import Settings
from stackroom.storage.staging import Staging
from stackroom.testing.origins import OriginServer

Fetch = Callable[..., tuple[Fetched, bytes]]


@pytest.fixture(scope="session")
def content() -> bytes:
    return bytes(range(256)) * 40


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    (folder / "a.jpg").write_bytes(content)
    (folder / "data").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def origin(originals: Path) -> Iterator[OriginServer]:
    with OriginServer(originals) as server:
        yield server


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """As it is by default. To read all the world's authorities takes longer than a test."""
    return httpx.create_ssl_context()


@pytest.fixture
def fetch(tmp_path: Path, tls: ssl.SSLContext) -> Fetch:
    """Fetch an origin with these settings, and give what was said of it, and its bytes; nothing else stays."""

    def run(
        url: str,
        approach: Approach | None = None,
        *,
        seconds: float = 60.0,
        silence: float = 30.0,
        limit: int = 10**10,
        **given: Any,
    ) -> tuple[Fetched, bytes]:
        options = {"tls": tls, "lookup": given.pop("lookup", None)}
        settings = Settings(**{"origin_allow": "127.0.0.0/8", **given})
        staging = tmp_path / "staging"

        async def once() -> tuple[Fetched, bytes]:
            origins = Origins(settings, patience=Patience(silence=silence), seconds=seconds, **options)
            try:
                with Staging(staging, limit).receive() as arrival:
                    said = await origins.fetch(url, arrival, strategy=approach)
                    return said, arrival.finish(expected_size=said.size).path.read_bytes()
            finally:
                await origins.close()
                assert list(staging.iterdir()) == []

        return asyncio.run(once())

    return run
