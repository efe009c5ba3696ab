"""One open library per database for all tests here: each makes organizations of its own, which see nothing else."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from stackroom.testing.builders import Library, a_library
from stackroom.testing.postgres import RunningPostgres


@pytest.fixture
def library(database_kind: str, request: pytest.FixtureRequest) -> Library:
    return cast("Library", request.getfixturevalue(f"{database_kind}_library"))


@pytest.fixture(scope="session")
def sqlite_library(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    path = tmp_path_factory.mktemp("core") / "library.db"
    shutil.copyfile(sqlite_template, path)
    with a_library(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql_library(postgres: RunningPostgres) -> Iterator[Library]:
    name = f"core_{secrets.token_hex(6)}"
    with a_library(postgres.create(name, template="stackroom_template")) as opened:
        yield opened
    postgres.drop(name)
