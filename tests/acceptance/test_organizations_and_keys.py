"""Organizations and keys, with and without a server on the library."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.testing.live import LiveServer

from .conftest import QuickShell

ASKED = {"api_key", "key_id", "organization_id", "customer", "role", "name"}


@pytest.mark.parametrize("running", [False, True])
def test_an_organization_comes_with_an_owner_key(
    tmp_path: Path, live_server: Callable[..., LiveServer], *, running: bool
) -> None:
    server, run = live_server(tmp_path / "data"), QuickShell()
    if running:
        server.start()
    try:
        made = run("org", "create", "City Museum", "--json", "--data-dir", tmp_path / "data")
        assert made.code == 0
        assert set(made.json) == ASKED
        assert made.json["role"] == "owner"
        key = run("key", "create", "--org", "City Museum", "--role", "viewer", "--name", "wall",
                  "--expires-in-days", "2", "--json", "--data-dir", tmp_path / "data")  # fmt: skip
        assert set(key.json) == ASKED
        assert key.json["organization_id"] == made.json["organization_id"]
        assert (key.json["role"], key.json["name"]) == ("viewer", "wall")
        if not running:
            server.start()
        standing = run("org", "standing", "City Museum", "--legacy", "--administrator", "--no-legacy",
                       "--json", "--data-dir", tmp_path / "data")  # fmt: skip
        assert (standing.json["administrator"], standing.json["legacy"]) == (True, False)
        for each in (made, key):
            mine = QuickShell(STACKROOM_API_KEY=each.json["api_key"], STACKROOM_BASE_URL=server.url)
            assert mine("ls", "--json").json == {"datasets": []}
    finally:
        server.stop()


def test_a_server_that_is_starting_is_waited_for(tmp_path: Path) -> None:
    """The first seconds of a server, in which it has the library and does not answer yet."""
    server, run = LiveServer(tmp_path / "data"), QuickShell()
    before = run("org", "create", "Before", "--data-dir", tmp_path / "data", "--json")
    with server:
        meanwhile = run("org", "create", "Meanwhile", "--data-dir", tmp_path / "data", "--json")
    after = run("org", "create", "After", "--data-dir", tmp_path / "data", "--json")
    assert [each.json["customer"] for each in (before, meanwhile, after)] == [1, 2, 3]


def test_a_new_key_is_shown_with_all_that_a_dlcs_client_needs(server: LiveServer) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
    made = run("org", "create", "Shown", "--json").json
    shown = run("key", "create", "--org", "Shown", "--role", "viewer").out
    assert f"'Shown' (customer {made['customer']})" in shown
    assert run("key", "list", "--org", "Shown", "--json").json["keys"][1]["key_id"] in shown


def test_a_revoked_key_counts_no_longer(server: LiveServer) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
    made = run("org", "create", "Revoked", "--json").json
    mine = QuickShell(STACKROOM_API_KEY=made["api_key"], STACKROOM_BASE_URL=server.url)
    assert mine("ls").code == 0
    assert run("key", "revoke", made["key_id"], "--json").json == {"key_id": made["key_id"], "active": False}
    assert mine("ls").code == 2
    assert run("key", "revoke", made["key_id"]).code == 0  # again, and nothing changes
    [listed] = run("key", "list", "--org", "Revoked", "--json").json["keys"]
    assert (listed["key_id"], listed["active"]) == (made["key_id"], False)
    assert made["api_key"] not in str(listed)
    assert "revoked" in run("key", "list", "--org", "Revoked").out


def test_what_cannot_be_is_refused_with_its_code(server: LiveServer) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
    assert run("org", "create", "Twice").code == 0
    assert run("org", "create", "Twice").code == 5
    assert run("org", "create", " ").code == 6
    assert run("key", "create", "--org", "Nobody", "--role", "viewer").code == 4
    assert run("key", "create", "--org", "Twice", "--role", "king").code == 2
    assert run("key", "revoke", "no-id").code == 4
    assert run("key", "revoke", "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14").code == 4
    assert run("org", "list", "--data-dir", "/nonexistent").code == 4


def test_organizations_are_listed_beside_a_server_and_without_one(
    tmp_path: Path, live_server: Callable[..., LiveServer]
) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(tmp_path / "data"))
    run("org", "create", "Ada & Söhne")
    [alone] = run("org", "list", "--json").json["organizations"]
    assert (alone["name"], alone["slug"], alone["customer"]) == ("Ada & Söhne", "ada-sohne", 1)
    with live_server(tmp_path / "data"):
        assert run("org", "list", "--json").json["organizations"] == [alone]
        assert "Ada & Söhne" in run("org", "list").out


def test_on_postgresql_nobody_needs_to_be_asked(
    tmp_path: Path, postgres_url: str, live_server: Callable[..., LiveServer]
) -> None:
    run = QuickShell(STACKROOM_DATABASE_URL=postgres_url, STACKROOM_DATA_DIR=str(tmp_path / "data"))
    with live_server(tmp_path / "data", database_url=postgres_url) as server:
        made = run("org", "create", "Beside", "--json").json
        mine = QuickShell(STACKROOM_API_KEY=made["api_key"], STACKROOM_BASE_URL=server.url)
        assert mine("ls", "--json").json == {"datasets": []}
        assert len(run("org", "list", "--json").json["organizations"]) == 2  # with that of the first start
        assert run("doctor").code == 0
    assert run("migrate", "--json").json["version"]
