"""`--json` of the commands about people and webhooks is what the server says, every key and value of it."""

import httpx
import pytest

from stackroom.testing.live import LiveServer

from .conftest import QuickShell

HOOK = "https://hooks.example.org/in"


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    """An owner's, of an organization with a member, an invite and an endpoint."""
    steward = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
    made = steward("org", "create", "Documents", "--email", "ada@example.org", "--json").json
    ada = QuickShell(STACKROOM_API_KEY=made["api_key"], STACKROOM_BASE_URL=server.url)
    assert ada("org", "invite", "grace@example.org").code == 0
    assert ada("webhook", "create", HOOK, "--header", "X-Token: a").code == 0
    return str(made["api_key"])


@pytest.mark.parametrize(
    ("words", "address", "part"),
    [
        (("org", "show"), "organizations/me", "organization"),
        (("org", "members"), "organizations/members", "members"),
        (("org", "invites"), "organizations/invites", "invites"),
        (("webhook", "list"), "webhooks/endpoints", "endpoints"),
        (("webhook", "events"), "webhooks/event-types", "event_types"),
    ],
    ids=lambda it: it if isinstance(it, str) else " ".join(it),
)
def test_a_document_says_all_that_the_server_says(
    server: LiveServer, key: str, words: tuple[str, ...], address: str, part: str
) -> None:
    shell = QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)
    answered = httpx.get(f"{server.url}/api/v1/developer/{address}", headers={"X-API-Key": key}).json()[part]
    assert answered
    document = shell(*words, "--json").json
    assert (document if part == "organization" else document[part]) == answered
