"""Inviting, joining, leaving; keys with limits; webhook endpoints: as they are done from a shell."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.testing.live import LiveServer

from .conftest import QuickShell, Said


@pytest.fixture(scope="module")
def steward(server: LiveServer) -> QuickShell:
    return QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))


def a_firm(server: LiveServer, steward: QuickShell, name: str) -> QuickShell:
    """An organization that begins with Ada: her shell."""
    made = steward(
        "org", "create", name, "--email", "ada@example.org", "--full-name", "Ada L.", "--json"
    ).json
    return as_holder(server, made["api_key"])


def as_holder(server: LiveServer, key: str) -> QuickShell:
    return QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)


def test_from_the_first_owner_to_somebody_who_leaves(server: LiveServer, steward: QuickShell) -> None:
    ada = a_firm(server, steward, "Museum")
    [first] = ada("org", "members", "--json").json["members"]
    assert (first["email"], first["full_name"], first["role"]) == ("ada@example.org", "Ada L.", "owner")
    invited = ada("org", "invite", "Grace@example.org", "--json").json
    assert (invited["email"], invited["role"]) == ("grace@example.org", "member")
    assert "grace@example.org" in ada("org", "invites", "--status", "pending").out
    nobody = QuickShell()
    joined = nobody("join", invited["token"], "--url", server.url, "--full-name", "Grace H.", "--json").json
    assert joined["member"]["full_name"] == "Grace H."
    grace = as_holder(server, joined["key"]["api_key"])
    assert grace("ls", "--json").json == {"datasets": []}
    assert grace("org", "invite", "x@example.org").code == 3
    assert nobody("join", invited["token"], "--url", server.url).code == 5
    assert "2 members, 0 invited" in grace("org", "show").out
    assert "viewer now" in ada("org", "set-role", "grace@example.org", "viewer").out
    assert grace("org", "show", "--json").code == 0
    assert ada("org", "remove-member", "grace@example.org", stdin="n\n").code == 2
    assert grace("ls").code == 0
    removed = ada("org", "remove-member", "GRACE@example.org", "--yes", "--json").json
    assert removed == {"member_id": joined["member"]["id"], "removed": True}
    assert grace("ls").code == 2
    assert ada("org", "remove-member", "ada@example.org", "--yes").code == 6
    assert ada("org", "remove-member", "nobody@example.org", "--yes").code == 4


def test_a_token_is_handed_over_as_a_command(server: LiveServer, steward: QuickShell) -> None:
    ada = a_firm(server, steward, "Commands")
    said = ada("org", "invite", "grace@example.org", "--role", "admin").out
    [command] = [line.split() for line in said.splitlines() if "stackroom join" in line]
    assert "export STACKROOM_API_KEY=pk_live_" in QuickShell()(*command[1:]).out
    assert ada("org", "invite", "grace@example.org").code == 5
    other = ada("org", "invite", "other@example.org", "--json").json
    assert ada("org", "revoke-invite", other["invite_id"], "--json").json["revoked"] is True
    assert ada("org", "revoke-invite", other["invite_id"]).code == 6
    refused = QuickShell()("join", other["token"], "--url", server.url, "--json")
    assert refused.code == 5
    assert "invite_revoked" in refused.err
    assert QuickShell()("join", "inv_nonsense", "--url", server.url).code == 4
    impatient = QuickShell(STACKROOM_MAX_RETRIES="0")
    assert impatient("join", "inv_x", "--url", "http://127.0.0.1:1", "--json").code == 9


def test_an_organization_is_renamed_with_a_key(server: LiveServer, steward: QuickShell) -> None:
    ada = a_firm(server, steward, "Renamed")
    changed = ada("org", "update", "--name", "Renamed Again", "--description", "d", "--public", "--json").json
    assert (changed["name"], changed["slug"], changed["is_public"]) == ("Renamed Again", "renamed", True)
    assert ada("org", "update").code == 6
    assert ada("org", "show", "--json").json == changed


@pytest.mark.parametrize("running", [False, True])
def test_a_key_is_limited_switched_off_and_deleted(
    tmp_path: Path, live_server: Callable[..., LiveServer], *, running: bool
) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(tmp_path / "data"))
    server = live_server(tmp_path / "data")
    if running:
        server.start()
    try:
        run("org", "create", "Limits", "--email", "ada@example.org")
        made = run("key", "create", "--org", "Limits", "--role", "viewer", "--rate-limit", "2",
                   "--member", "ada@example.org", "--json").json  # fmt: skip
        key = made["key_id"]
        changed = run("key", "update", key, "--name", "slow", "--json").json
        assert changed == {"key_id": key, "name": "slow", "role": "viewer", "rate_limit": 2, "active": True}
        assert "no limit" in run("key", "update", key, "--no-rate-limit").out
        assert run("key", "update", key, "--off", "--json").json["active"] is False
        assert run("key", "update", key, "--on", "--rate-limit", "1", "--json").json["rate_limit"] == 1
        assert run("key", "update", key).code == 6
        assert run("key", "update", key, "--rate-limit", "1", "--no-rate-limit").code == 2
        listed = run("key", "list", "--org", "Limits", "--json").json["keys"]
        assert [each["rate_limit"] for each in listed] == [None, 1]
        [owners] = [each["key_id"] for each in listed if each["role"] == "owner"]
        assert run("key", "delete", owners).code == 5
        assert run("key", "delete", key, "--json").json == {"key_id": key, "deleted": True}
        assert run("key", "delete", key).code == 4
        assert len(run("key", "list", "--org", "Limits", "--json").json["keys"]) == 1
        assert (
            run("key", "create", "--org", "Limits", "--role", "viewer", "--member", "b@example.org").code == 4
        )
        assert run("key", "revoke", owners).code == 0
    finally:
        if running:
            server.stop()


def test_a_key_past_its_limit_ends_with_its_own_code(server: LiveServer, steward: QuickShell) -> None:
    steward("org", "create", "Slow")
    made = steward("key", "create", "--org", "Slow", "--role", "viewer", "--rate-limit", "1", "--json").json
    slow = as_holder(server, made["api_key"])
    assert slow("ls").code == 0
    refused: Said = slow("ls", "--json")
    assert refused.code == 8
    assert '"retry_after": 36' in refused.err


def test_webhook_endpoints(server: LiveServer, steward: QuickShell) -> None:
    ada = a_firm(server, steward, "Hooks")
    url = "https://hooks.example.org/in"
    made = ada(
        "webhook", "create", url, "--event", "asset.created", "--header", "X-Token: a: b", "--json"
    ).json
    assert made["secret"].startswith("whsec_")
    assert made["endpoint"]["auth_header_names"] == ["X-Token"]
    assert url in ada("webhook", "list").out
    assert "off, all events" in ada("webhook", "update", url, "--off", "--all-events", "--no-headers").out
    [shown] = ada("webhook", "list", "--json").json["endpoints"]
    assert (shown["enabled"], shown["event_types"], shown["auth_header_names"]) == (False, [], [])
    rotated = ada("webhook", "rotate-secret", made["endpoint"]["id"], "--json").json
    assert rotated["endpoint"]["secret_version"] == 2
    assert "asset.created" in ada("webhook", "events").out.split()
    assert ada("webhook", "create", url).code == 5
    assert ada("webhook", "create", "ftp://x").code == 6
    assert ada("webhook", "create", url, "--header", "X-Token").code == 2
    assert ada("webhook", "delete", url, stdin="n\n").code == 2
    assert ada("webhook", "delete", url, "--yes", "--json").json["deleted"] is True
    assert ada("webhook", "delete", url, "--yes").code == 4
    assert ada("webhook", "update", "..", "--on").code in {2, 6}
