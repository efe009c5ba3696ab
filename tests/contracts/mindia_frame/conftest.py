"""A library with the Mindia face for each module: with its `SETTINGS`, and on SQLite unless it asks for both databases.

SETTINGS = {"requests_per_minute": 100}     # else there are no limits
pytestmark = on_both_databases
"""

import secrets
from collections.abc import Callable, Iterator

import pytest

from stackroom.settings import Settings

from .house import NO_LIMITS, Face


@pytest.fixture(scope="session")
def new_database_url(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes a place for a library: on SQLite a file in its data directory, which needs no name."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield lambda: ""
        return
    server = request.getfixturevalue("postgres")
    made: list[str] = []

    def make() -> str:
        made.append(f"mindia_{secrets.token_hex(6)}")
        url: str = server.create(made[-1])
        return url

    yield make
    for name in made:
        server.drop(name)


@pytest.fixture(scope="module")
def face(
    request: pytest.FixtureRequest,
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Face]:
    """Over a library of the module's own."""
    chosen = {**NO_LIMITS, **getattr(request.module, "SETTINGS", {})}
    folder = tmp_path_factory.mktemp("mindia")
    opened = Face(Settings(data_dir=folder, database_url=new_database_url(), workers=0, **chosen))
    yield opened
    opened.close()
