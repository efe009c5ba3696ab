"""A running server with two organizations and a key of every role."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from stackroom import clock
from stackroom.access import Role
from stackroom.app import open_library
from stackroom.library.organizations import create_key, create_organization
from stackroom.settings import Settings
from stackroom.testing.live import LiveServer


def make_keys(conn: Connection) -> dict[str, str]:
    here, elsewhere = (create_organization(conn, name, now=clock.now()) for name in ("Here", "Elsewhere"))
    keys = {role.word: create_key(conn, here, role=role, now=clock.now()).token for role in Role}
    return {**keys, "stranger": create_key(conn, elsewhere, role=Role.OWNER, now=clock.now()).token}


async def prepare(data_dir: Path) -> dict[str, str]:
    async with open_library(Settings(data_dir=data_dir)) as services:
        return await services.database.write(make_keys)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Where it is, and its keys: one for each role, and `stranger`, an owner elsewhere."""
    data_dir = tmp_path_factory.mktemp("pictograph") / "data"
    keys = asyncio.run(prepare(data_dir))
    with LiveServer(data_dir) as server:
        yield server.url, keys
