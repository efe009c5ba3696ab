"""What tests/conftest.py promises to every test."""

import asyncio
import socket

import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "stackroom.example"])
def test_another_machine_cannot_be_reached(address: str) -> None:
    with pytest.raises(PermissionError, match="tests stay on this machine"):
        socket.create_connection((address, 80), timeout=1)


def test_an_event_loop_cannot_reach_one_either() -> None:
    with pytest.raises(PermissionError, match="tests stay on this machine"):
        asyncio.run(asyncio.open_connection("192.0.2.1", 80))


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=1).close()


@pytest.mark.every_database
def test_a_test_gets_a_migrated_database_of_its_own(database_url: str, database_kind: str) -> None:
    assert database_url.startswith(f"{database_kind}://")
    assert asyncio.run(is_up_to_date(database_url))


@pytest.mark.every_database
def test_an_empty_database_has_no_schema(empty_database_url: str, database_kind: str) -> None:
    assert empty_database_url.startswith(f"{database_kind}://")
    assert not asyncio.run(is_up_to_date(empty_database_url))


async def is_up_to_date(url: str) -> bool:
    from stackroom.database.connect import database_for
    from stackroom.database.migrate import NEWEST, revision

    database = database_for(url)
    await database.start()
    try:
        return await database.read(revision) == NEWEST
    finally:
        await database.close()
