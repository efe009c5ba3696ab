"""Inviting and joining, and what the owner's channel does with people and keys."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from stackroom.clock import DAY
from stackroom.database.schema import invite

if TYPE_CHECKING:
    from .conftest import Face

pytestmark = pytest.mark.every_database


def invited(face: "Face", email: str = "ada@example.org", role: str = "member") -> dict[str, Any]:
    answer = face.post("/invites", {"email": email, "role": role})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def join(face: "Face", token: str, **rest: Any) -> Any:
    return face.raw("POST", "/library/v1/join", json={"token": token, **rest})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def whoami(face: "Face", key: str) -> Any:
    return face.raw("GET", "/library/v1/whoami", headers={"X-API-Key": key})


def test_whoever_has_the_token_gets_a_key(face: "Face") -> None:
    made = invited(face, role="viewer")
    assert set(made) == {"invite_id", "email", "role", "expires_at", "token"}
    answer = join(face, made["token"], full_name="Ada L.")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["member"]["email"], told["member"]["full_name"], told["key"]["role"]) == (
        "ada@example.org",
        "Ada L.",
        "viewer",
    )
    seen = whoami(face, told["key"]["api_key"]).json()
    assert seen["organization"] == told["organization"]
    assert seen["key"]["id"] == told["key"]["key_id"]


def test_joining_asks_for_no_key_and_takes_no_notice_of_one(face: "Face") -> None:
    made = invited(face)
    answer = face.raw(
        "POST", "/library/v1/join", json={"token": made["token"]}, headers={"X-API-Key": "nonsense"}
    )
    assert answer.status_code == 201


def test_tokens_that_do_not_count(face: "Face") -> None:
    assert code_of(join(face, "inv_nonsense")) == (404, "not_found")
    late = invited(face)
    old = invite.update().values(expires_at=invite.c.expires_at - 8 * DAY)
    face.write(lambda conn: conn.execute(old).rowcount)
    assert code_of(join(face, late["token"])) == (409, "invite_expired")
    made = invited(face)
    key = join(face, made["token"]).json()["key"]["api_key"]
    whoami(face, key)
    whoami(face, key)
    assert code_of(join(face, made["token"])) == (409, "invite_accepted")


@pytest.mark.parametrize(
    "body", [{}, {"token": 1}, {"token": "x", "role": "owner"}, {"token": "x", "full_name": "a\u0000"}, []]
)
def test_a_joining_that_makes_no_sense_is_refused(face: "Face", body: Any) -> None:
    answer = face.raw("POST", "/library/v1/join", json=body)
    assert answer.status_code == 422
    assert face.raw("POST", "/library/v1/join", content=b"{").status_code == 400
    assert code_of(face.raw("POST", "/library/v1/join", content=b" " * 70_000)) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "body", [{}, {"email": "x"}, {"email": "a@b", "role": "owner"}, {"email": "a@b", "rule": "viewer"}]
)
def test_an_invite_that_makes_no_sense_is_refused(face: "Face", body: dict[str, str]) -> None:
    answer = face.post("/invites", body or {"x": 1})
    assert code_of(answer) == (422, "validation_error")
    assert face.write(lambda conn: conn.execute(select(invite)).all()) == []


def test_only_admins_invite(face: "Face") -> None:
    body = {"email": "ada@example.org"}
    for role in ("viewer", "member"):
        assert code_of(face.ask("POST", "/invites", role=role, json=body)) == (403, "forbidden")
    assert face.raw("POST", "/library/v1/invites", json=body).status_code == 401
    assert face.ask("POST", "/invites", role="admin", json=body).status_code == 201
    assert code_of(face.post("/invites", body)) == (409, "conflict")


def test_an_invite_is_made_once(face: "Face") -> None:
    first, again = (face.post("/invites", {"email": "ada@example.org"}, once="k") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


def test_an_organization_may_begin_with_its_first_owner(face: "Face") -> None:
    made = face.admin(
        "POST", "/organizations", {"name": "Museum", "email": "Ada@example.org", "full_name": "A"}
    )
    assert made.status_code == 201
    body = {"organization": "Museum", "role": "owner", "member": "ada@example.org", "rate_limit": 9}
    key = face.admin("POST", "/keys", body)
    assert key.status_code == 201
    headers = {"X-API-Key": key.json()["api_key"]}
    listed = face.raw("GET", "/api/v1/developer/organizations/members", headers=headers).json()["members"]
    assert [(each["email"], each["role"]) for each in listed] == [("ada@example.org", "owner")]
    refused = face.admin("POST", "/organizations", {"name": "Other", "email": "nobody"})
    assert code_of(refused) == (422, "validation_error")
    names = [each["name"] for each in face.admin("GET", "/organizations").json()["organizations"]]
    assert "Other" not in names


def test_a_members_key_reaches_no_further_than_the_member(face: "Face") -> None:
    token = invited(face, "grace@example.org")["token"]
    join(face, token)
    body = {"organization": "Ada", "role": "admin", "member": "grace@example.org"}
    assert code_of(face.admin("POST", "/keys", body)) == (422, "validation_error")
    assert code_of(face.admin("POST", "/keys", {**body, "member": "x@example.org"})) == (404, "not_found")
    assert face.admin("POST", "/keys", {**body, "role": "member"}).status_code == 201


def test_a_key_is_changed_and_deleted_by_hand(face: "Face") -> None:
    made = face.admin("POST", "/keys", {"organization": "Ada", "role": "viewer"}).json()
    path = f"/keys/{made['key_id']}"
    changed = face.admin("PATCH", path, {"name": "n", "rate_limit": 1}).json()
    assert changed == {
        "key_id": made["key_id"],
        "name": "n",
        "role": "viewer",
        "rate_limit": 1,
        "active": True,
    }
    assert [whoami(face, made["api_key"]).status_code for _ in range(2)] == [200, 429]
    assert face.admin("PATCH", path, {"active": False}).json()["active"] is False
    assert whoami(face, made["api_key"]).status_code == 401
    for wrong in ({"rate_limit": 0}, {"role": "owner"}, {"name": ""}, {"active": None}):
        assert code_of(face.admin("PATCH", path, wrong)) == (422, "validation_error")
    assert face.admin("DELETE", f"{path}?for_good=true").status_code == 200
    assert code_of(face.admin("DELETE", f"{path}?for_good=true")) == (404, "not_found")
    assert code_of(face.admin("PATCH", path, {"name": "m"})) == (404, "not_found")
    assert code_of(face.admin("DELETE", f"{path}?for_good=perhaps")) == (422, "validation_error")
    assert code_of(face.admin("PATCH", f"/keys/{uuid4()}", {"name": "m"})) == (404, "not_found")


def test_deleting_by_hand_keeps_an_owners_key_and_revoking_does_not(face: "Face") -> None:
    face.admin("POST", "/organizations", {"name": "Alone"})
    made = face.admin("POST", "/keys", {"organization": "Alone", "role": "owner"}).json()
    path = f"/keys/{made['key_id']}"
    assert code_of(face.admin("DELETE", f"{path}?for_good=true")) == (409, "last_owner_key")
    assert face.admin("DELETE", path).status_code == 200
    assert whoami(face, made["api_key"]).status_code == 401
