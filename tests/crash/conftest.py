"""Libraries that may be killed: one for each database and class of tests, as a start takes seconds."""

import secrets
from collections.abc import Iterator

import pytest

from stackroom.testing.nursery import Nursery

from .lives import Lives


@pytest.fixture(scope="class")
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty database, as the class of the test says; None is a file in the data directory."""
    if request.cls.DATABASE == "sqlite":
        yield None
        return
    server = request.getfixturevalue("postgres")
    name = f"crash_{secrets.token_hex(6)}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, database: str | None
) -> Iterator[Lives]:
    found = Lives(tmp_path_factory.mktemp("library") / "data", nursery, database_url=database)
    yield found
    if found.server.running:
        found.server.kill()
