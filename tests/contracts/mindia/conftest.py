"""Servers of the Mindia protocol: one for each set of `SETTINGS` and each database, however many modules share it.

SETTINGS = {"environment": "production"}
pytestmark = on_both_databases
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from .house import House
from .receiver import Receiver
from .shelf import Shelf

OpenHouse = Callable[[str, dict[str, Any]], House]


@pytest.fixture(scope="session")
def open_house(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[OpenHouse]:
    opened: dict[str, House] = {}
    with ExitStack() as closing:

        def open_one(database: str, settings: dict[str, Any]) -> House:
            which = f"{database} {sorted(settings.items())}"
            if which not in opened:
                if database == "postgresql":
                    server = request.getfixturevalue("postgres")
                    name = f"mindia_{secrets.token_hex(6)}"
                    settings = {**settings, "database_url": server.create(name)}
                    closing.callback(server.drop, name)
                folder = tmp_path_factory.mktemp("mindia")
                opened[which] = closing.enter_context(House(folder, **settings))
            return opened[which]

        yield open_one


@pytest.fixture
def house(request: pytest.FixtureRequest, open_house: OpenHouse) -> House:
    return open_house(getattr(request, "param", "sqlite"), getattr(request.module, "SETTINGS", {}))


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


@pytest.fixture
def shelf(house: House, receiver: Receiver) -> Shelf:
    """Two new tenants."""
    return Shelf(house, receiver)
