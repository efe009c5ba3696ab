"""A server with two organizations and a key of every role, on either database: as a process, and in this one."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackroom.settings import Settings
from stackroom.testing.live import LiveServer

from .house import House, prepared


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes a place for a library: on SQLite a file in its data directory, which needs no name."""
    if request.param == "sqlite":
        yield lambda: ""
        return
    server = request.getfixturevalue("postgres")
    made: list[str] = []

    def make() -> str:
        made.append(f"pictograph_{secrets.token_hex(6)}")
        url: str = server.create(made[-1])
        return url

    yield make
    for name in made:
        server.drop(name)


@pytest.fixture(scope="session")
def site(
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    live_server: Callable[..., LiveServer],
) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a server of its own process is, and its keys: one for each role, and `stranger`, an owner elsewhere."""
    data_dir, url = tmp_path_factory.mktemp("pictograph") / "data", new_database_url()
    keys = asyncio.run(prepared(Settings(data_dir=data_dir, database_url=url)))
    with live_server(data_dir, database_url=url or None) as server:
        yield server.url, keys


@pytest.fixture(scope="module")
def house(new_database_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data_dir: Path = tmp_path_factory.mktemp("house") / "data"
    with House(Settings(data_dir=data_dir, database_url=new_database_url(), pixel_processes=1)) as opened:
        yield opened
