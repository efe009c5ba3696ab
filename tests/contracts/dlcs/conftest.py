"""A server of the DLCS protocol for each module: with its `SETTINGS`, and on SQLite unless it asks for both databases.

SETTINGS = {"max_batch": 4}
pytestmark = on_both_databases
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stackroom.testing.live import LiveServer

from .house import House
from .live import FIXTURES, Site


@pytest.fixture(scope="session")
def new_database_url(
    request: pytest.FixtureRequest, new_library_url: Callable[[str], str]
) -> Callable[[], str]:
    """Makes a place for a library."""
    return partial(new_library_url, getattr(request, "param", "sqlite"))


@pytest.fixture(scope="module")
def house(
    request: pytest.FixtureRequest,
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("dlcs")
    settings: dict[str, Any] = getattr(request.module, "SETTINGS", {})
    with House(folder, database_url=new_database_url(), **settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]) -> Iterator[Site]:
    """A server of its own process, which believes a folder to be a host."""
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "originals").mkdir()
    rewrites = ";".join(f"{each}={folder}/originals/" for each in (Site.origin, FIXTURES))
    with live_server(folder / "data", environment={"STACKROOM_ORIGIN_REWRITES": rewrites}) as server:
        opened = Site(server, folder / "originals")
        yield opened
        opened.close()
