"""Keys of the protocol's own form: made, shown once, listed and revoked."""

import re
from typing import Any

import pytest

from stackroom.clock import DAY, SECOND

from .house import Face, envelope, on_both_databases

pytestmark = on_both_databases
SHOWN = {"id", "name", "description", "key_prefix", "last_used_at", "expires_at", "is_active", "created_at"}


def made(face: Face, **body: Any) -> dict[str, Any]:
    answer = face.post("/api-keys", {"name": "robot", **body})
    assert answer.status_code == 201
    key: dict[str, Any] = answer.json()
    return key


def test_a_new_key_has_the_form_that_clients_know_and_works_at_once_everywhere(face: Face) -> None:
    key = made(face, description="for the robot", expires_in_days=2)
    assert set(key) == {"id", "api_key", "name", "description", "key_prefix", "expires_at", "created_at"}
    assert re.fullmatch(r"mk_live_[0-9a-f]{40}", key["api_key"])
    assert key["key_prefix"] == key["api_key"][:16]
    assert key["description"] == "for the robot"
    assert face.get("/config", key=key["api_key"]).status_code == 200
    elsewhere = face.raw("GET", "/library/v1/datasets", headers={"X-API-Key": key["api_key"]})
    assert elsewhere.status_code == 200
    face.wait(2 * DAY / SECOND)
    assert face.get("/config", key=key["api_key"]).json()["error"] == "API key has expired"


def test_a_secret_is_never_shown_again_and_is_nowhere_in_the_library(face: Face) -> None:
    key = made(face)
    shown = face.get(f"/api-keys/{key['id']}").json()
    assert set(shown) == SHOWN
    assert (shown["is_active"], shown["last_used_at"], shown["expires_at"]) == (True, None, None)
    listed = face.get("/api-keys")
    assert listed.json()[0] == shown
    record = face.get("/audit-logs", params={"event_type": "api_key_created"})
    for answer in (listed, record):
        assert key["api_key"] not in answer.text


def test_a_key_may_do_what_admins_may(face: Face) -> None:
    key = made(face)["api_key"]
    again = face.post("/api-keys", {"name": "child"}, key=key)
    assert again.status_code == 201
    assert face.get("/audit-logs", key=again.json()["api_key"]).status_code == 200
    owner = face.tenant.key_ids["owner"]
    envelope(face.delete(f"/api-keys/{owner}", key=key), 403, "FORBIDDEN")


def test_a_revoked_key_counts_no_longer_and_is_still_listed(face: Face) -> None:
    key = made(face)
    for _ in range(2):
        answer = face.delete(f"/api-keys/{key['id']}")
        assert answer.status_code == 200
        assert answer.json() == {"message": "API key revoked successfully", "id": key["id"]}
    assert face.get("/config", key=key["api_key"]).json()["error"] == "Invalid API key"
    assert face.get(f"/api-keys/{key['id']}").json()["is_active"] is False
    record = face.get("/audit-logs", params={"event_type": "api_key_revoked"}).json()["logs"]
    assert [each["details"]["key"] for each in record].count(key["id"]) == 1


def test_a_key_can_revoke_itself_unless_it_is_the_last_owners(face: Face) -> None:
    key = made(face)
    assert face.delete(f"/api-keys/{key['id']}", key=key["api_key"]).status_code == 200
    assert face.get("/config", key=key["api_key"]).status_code == 401
    envelope(face.delete(f"/api-keys/{face.tenant.key_ids['owner']}"), 409, "CONFLICT")
    told = face.raw("GET", "/api/openapi.json").json()["paths"]["/api/v0/api-keys/{id}"]["delete"]
    assert "409" in told["responses"]
    assert face.get("/config").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 3651},
        {"name": "x", "expires_in_days": -(10**18)},
        {"name": "x", "description": "d" * 10_001},
    ],
)
def test_what_no_key_can_have_is_a_bad_request(face: Face, body: dict[str, Any]) -> None:
    before = face.get("/api-keys").json()
    envelope(face.post("/api-keys", body), 400, "BAD_REQUEST")
    assert face.get("/api-keys").json() == before


def test_keys_are_listed_in_pages_newest_first(face: Face) -> None:
    names = [made(face, name=f"key {n}")["name"] for n in range(3)]
    listed = [each["name"] for each in face.get("/api-keys", params={"limit": 2}).json()]
    assert listed == names[:0:-1]
    assert len(face.get("/api-keys", params={"limit": 0}).json()) == 1
    assert face.get("/api-keys", params={"limit": 1, "offset": 2}).json()[0]["name"] == names[0]
    assert face.get("/api-keys", params={"offset": 10**17}).json() == []


@pytest.mark.parametrize("spelled", ["{}", "urn:uuid:{}", "upper", "bare", "braced"])
def test_an_id_is_understood_in_every_spelling_and_given_in_one(face: Face, spelled: str) -> None:
    key = made(face)["id"]
    forms = {"upper": key.upper(), "bare": key.replace("-", ""), "braced": f"{{{key}}}"}
    asked = forms.get(spelled) or spelled.format(key)
    assert face.get(f"/api-keys/{asked}").json()["id"] == key


def test_anothers_key_is_none(face: Face) -> None:
    theirs = face.stranger.key_ids["viewer"]
    for ask in (face.get, face.delete):
        said = envelope(ask(f"/api-keys/{theirs}"), 404, "NOT_FOUND")
        assert said["error"] == "API key not found"
    assert face.get("/config", of=face.stranger, role="viewer").status_code == 200
