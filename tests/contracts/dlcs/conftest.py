"""A server of the DLCS protocol for each module: with its `SETTINGS`, and on SQLite unless it asks for both databases.

SETTINGS = {"max_batch": 4}
pytestmark = on_both_databases
"""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .house import House


@pytest.fixture(scope="session")
def new_database_url(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes a place for a library: on SQLite a file in its data directory, which needs no name."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield lambda: ""
        return
    server = request.getfixturevalue("postgres")
    made: list[str] = []

    def make() -> str:
        made.append(f"dlcs_{secrets.token_hex(6)}")
        url: str = server.create(made[-1])
        return url

    yield make
    for name in made:
        server.drop(name)


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
