"""Libraries that may be killed: one for each database and class of tests, as a start takes seconds."""

import os
import secrets
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from stackroom.testing.nursery import Nursery
from stackroom.testing.s3 import RunningS3

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
def storage(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where bytes are stored, as the class of the test says: empty is a folder in the data directory."""
    if not getattr(request.cls, "IN_A_BUCKET", False):
        yield ""
        return
    s3: RunningS3 = request.getfixturevalue("s3")
    with patch.dict(os.environ, s3.environment):
        yield f"s3://crash/{secrets.token_hex(6)}?endpoint={s3.endpoint}"


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, database: str | None, storage: str
) -> Iterator[Lives]:
    folder = tmp_path_factory.mktemp("library") / "data"
    found = Lives(folder, nursery, database_url=database, storage_url=storage)
    yield found
    if found.server.running:
        found.server.kill()
