"""A server of the DLCS protocol for each module, on SQLite unless the module asks for both databases."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

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
def house(new_database_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("dlcs")
    with House(folder, database_url=new_database_url()) as opened:
        yield opened
