"""A server with two organizations and a key of every role, on either database: as a process, and in this one."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from stackroom.settings import Settings
from stackroom.testing.live import LiveServer

from .house import House, prepared


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database_url(
    request: pytest.FixtureRequest, new_library_url: Callable[[str], str]
) -> Callable[[], str]:
    """Makes a place for a library."""
    return partial(new_library_url, request.param)


@pytest.fixture(scope="session")
def site(
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    live_server: Callable[..., LiveServer],
) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a server of its own process is, and its keys: one for each role, and `stranger`, an owner elsewhere."""
    data_dir, url = tmp_path_factory.mktemp("pictograph") / "data", new_database_url()
    keys = asyncio.run(prepared(Settings(data_dir=data_dir, database_url=url)))
    with live_server(data_dir, database_url=url) as server:
        yield server.url, keys


@pytest.fixture(scope="module")
def house(new_database_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data_dir: Path = tmp_path_factory.mktemp("house") / "data"
    with House(Settings(data_dir=data_dir, database_url=new_database_url(), pixel_processes=1)) as opened:
        yield opened
