"""One server for each module, with a library that has everything that delivery may meet."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from stackroom.settings import Settings
from stackroom.testing.live import LiveServer

from .world import World, built


class Site:
    """A running server, asked without a key: `site.get("/iiif-img/1/1/small/info.json")`."""

    def __init__(self, server: LiveServer, world: World) -> None:
        self.url = server.url
        self.data_dir = server.data_dir
        self.world = world
        self.http = httpx.Client(base_url=server.url, timeout=60)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, **headers: str) -> httpx.Response:
        return self.http.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]) -> Iterator[Site]:
    data_dir: Path = tmp_path_factory.mktemp("iiif") / "data"
    world = asyncio.run(built(Settings(data_dir=data_dir)))
    with live_server(data_dir) as server:
        opened = Site(server, world)
        yield opened
        opened.http.close()
