"""Keys, organizations and webhook endpoints, as clients see them."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from stackroom import clock
from stackroom.access import Role
from stackroom.database.schema import answer
from stackroom.database.transaction import Connection
from stackroom.events.kinds import KINDS
from stackroom.library import members, organizations
from stackroom.testing.processes import wait_until

from .house import House

KEYS = "/api/v1/api-keys"
ID = "0c9d8e7f-1111-4222-8333-444455556666"
Ask = Callable[..., httpx.Response]


class Firm:
    """An organization of a test's own, with a key for each role: `firm.ask("GET", path)`, as its owner."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._name = uuid.uuid4().hex
        self.id: str = house.write(self._make)

    def _make(self, conn: Connection) -> str:
        made = organizations.create_organization(conn, self._name, now=clock.now())
        for role in Role:
            key = organizations.create_key(conn, made, role=role, name=role.word, now=clock.now())
            self._house.keys[f"{self._name} {role.word}"] = key.token
        return str(uuid.UUID(bytes=made.uuid))

    def ask(
        self, method: str, path: str, body: Any = None, role: str = "owner", **rest: Any
    ) -> httpx.Response:
        options = {} if body is None else {"json": body}
        return self._house.ask(method, path, role=f"{self._name} {role}", **options, **rest)

    def key(self, **wanted: Any) -> dict[str, Any]:
        made = self.ask("POST", f"{KEYS}/", {"organization_id": self.id, "name": "made", **wanted})
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()
        return body

    def names(self) -> list[str]:
        return [each["name"] for each in self.ask("GET", KEYS).json()["api_keys"]]

    def member(self, email: str, role: Role = Role.MEMBER) -> str:
        def work(conn: Connection) -> str:
            owner = organizations.system_actor(organizations.find_organization(conn, self.id))
            made = members.add(conn, owner, email, role=role, now=clock.now())
            return str(uuid.UUID(bytes=made.uuid))

        return self._house.write(work)


@pytest.fixture
def firm(house: House) -> Firm:
    return Firm(house)


def with_key(house: House, token: str, path: str = "/projects") -> httpx.Response:
    return house.ask("GET", path, role=None, headers={"X-API-Key": token})


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["detail"] == answer.json()["error"]["message"]


def test_a_key_is_made_used_switched_off_and_deleted(house: House, firm: Firm) -> None:
    made = firm.key(name="ci", role="viewer", rate_limit=500, expires_at="2032-01-01T02:00:00+02:00")
    assert set(made) == {
        "success", "api_key", "key_id", "key_prefix", "name", "role", "rate_limit", "expires_at", "created_at",
    }  # fmt: skip
    assert made["api_key"].startswith("pk_live_")
    assert made["key_prefix"] == made["api_key"][:12]
    assert (made["role"], made["rate_limit"], made["expires_at"]) == (
        "viewer",
        500,
        "2032-01-01T00:00:00+00:00",
    )
    assert with_key(house, made["api_key"]).status_code == 200
    path = f"{KEYS}/{made['key_id']}"
    shown = firm.ask("GET", path).json()["api_key"]
    assert shown == {
        "id": made["key_id"],
        "organization_id": firm.id,
        "name": "ci",
        "key_prefix": made["key_prefix"],
        "role": "viewer",
        "rate_limit": 500,
        "is_active": True,
        "last_used_at": shown["last_used_at"],
        "expires_at": made["expires_at"],
        "created_at": made["created_at"],
    }
    assert shown in firm.ask("GET", f"{KEYS}/").json()["api_keys"]
    off = firm.ask("PATCH", path, {"is_active": False}).json()["api_key"]
    assert off["is_active"] is False
    refused(with_key(house, made["api_key"]), 401, "unauthorized")
    firm.ask("PATCH", path, {"is_active": True, "name": "new"})
    assert with_key(house, made["api_key"]).status_code == 200
    assert firm.ask("DELETE", path).json() == {"success": True, "key_id": made["key_id"]}
    refused(with_key(house, made["api_key"]), 401, "unauthorized")
    refused(firm.ask("DELETE", path), 404, "not_found")
    assert made["key_id"] not in firm.ask("GET", KEYS).text


def test_the_secret_stands_in_one_answer_only(firm: Firm) -> None:
    made = firm.key()
    for path in (KEYS, f"{KEYS}/{made['key_id']}"):
        assert made["api_key"] not in firm.ask("GET", path).text
    assert made["api_key"] not in firm.ask("PATCH", f"{KEYS}/{made['key_id']}", {"name": "n"}).text


def test_a_key_without_a_limit_shows_a_number(firm: Firm) -> None:
    made = firm.key()
    assert made["rate_limit"] == 1_000_000
    path = f"{KEYS}/{made['key_id']}"
    assert firm.ask("PATCH", path, {"rate_limit": 5}).json()["api_key"]["rate_limit"] == 5
    assert firm.ask("PATCH", path, {"rate_limit": None}).json()["api_key"]["rate_limit"] == 1_000_000


def test_a_key_acts_for_its_own_organization_only(house: House, firm: Firm) -> None:
    for whose in (ID, house.get("/organizations/me").json()["organization"]["id"], "no id", ""):
        body = {"organization_id": whose, "name": "x"}
        refused(firm.ask("POST", KEYS, body), 403, "forbidden")
        refused(firm.ask("GET", KEYS, params={"organization_id": whose}), 403, "forbidden")
    mine = firm.ask("GET", KEYS, params={"organization_id": firm.id.upper()}).json()["api_keys"]
    assert [each["role"] for each in mine] == ["viewer", "member", "admin", "owner"]
    for each in mine:
        refused(house.ask("GET", f"{KEYS}/{each['id']}"), 404, "not_found")
        refused(house.ask("DELETE", f"{KEYS}/{each['id']}"), 404, "not_found")


def test_roles_of_keys(firm: Firm) -> None:
    owners = firm.key(role="owner")
    for role in ("owner",):
        refused(firm.ask("POST", KEYS, {"name": "x", "role": role}, role="admin"), 403, "forbidden")
    path = f"{KEYS}/{owners['key_id']}"
    refused(firm.ask("PATCH", path, {"name": "x"}, role="admin"), 403, "forbidden")
    refused(firm.ask("DELETE", path, role="admin"), 403, "forbidden")
    assert firm.ask("GET", KEYS, role="member").status_code == 200
    assert firm.ask("GET", path, role="member").status_code == 200
    for role, method, place in (
        ("viewer", "GET", KEYS),
        ("viewer", "GET", path),
        ("member", "POST", KEYS),
        ("member", "PATCH", path),
        ("member", "DELETE", path),
    ):
        refused(firm.ask(method, place, role=role), 403, "forbidden")


def test_the_last_owners_key_stays(firm: Firm) -> None:
    [mine] = [each for each in firm.ask("GET", KEYS).json()["api_keys"] if each["role"] == "owner"]
    path = f"{KEYS}/{mine['id']}"
    refused(firm.ask("DELETE", path), 409, "last_owner_key")
    refused(firm.ask("PATCH", path, {"is_active": False}), 409, "last_owner_key")
    assert firm.ask("PATCH", path, {"name": "still mine"}).status_code == 200
    firm.key(role="owner")
    assert firm.ask("DELETE", path).status_code == 200
    refused(firm.ask("GET", KEYS), 401, "unauthorized")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": None},
        {"role": "annotator"},
        {"role": "Owner"},
        {"rate_limit": 0},
        {"rate_limit": 2.5},
        {"rate_limit": "5"},
        {"rate_limit": 10**25},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"expires_at": "tomorrow"},
        {"expires_at": 1e400},
        {"organization_id": 1},
    ],
)
def test_what_no_key_can_be_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    before = firm.names()
    content = json.dumps({"name": "x", **wrong}).replace("Infinity", "1e400")
    answer = firm.ask("POST", KEYS, content=content)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["error"]["details"]["errors"][0]["loc"][0] == "body"
    assert firm.names() == before


@pytest.mark.parametrize(
    "wrong", [{}, {"role": "viewer"}, {"is_active": None}, {"is_active": 1}, {"name": ""}]
)
def test_what_cannot_be_changed_of_a_key_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    path = f"{KEYS}/{firm.key()['key_id']}"
    before = firm.ask("GET", path).json()
    assert firm.ask("PATCH", path, wrong).status_code == 422
    assert firm.ask("GET", path).json() == before


def test_a_moment_without_a_time_zone_is_utc(firm: Firm) -> None:
    later = datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=2)
    assert firm.key(expires_at=later.isoformat())["expires_at"] == f"{later.isoformat()}+00:00"


def test_a_key_past_its_limit_is_told_when_to_come_back(house: House, firm: Firm) -> None:
    """In every protocol, in its own envelope; and then it may."""
    made = firm.key(rate_limit=3)
    assert [with_key(house, made["api_key"]).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = with_key(house, made["api_key"])
    refused(answer, 429, "rate_limited")
    seconds = int(answer.headers["retry-after"])
    assert answer.json()["error"]["details"] == {"retry_after": seconds, "limit": 3}
    assert 3500 < seconds <= 3636
    native = with_key(house, made["api_key"], f"{house.url}/library/v1/whoami")
    assert (native.status_code, native.json()["error"]["code"]) == (429, "rate_limited")
    assert set(native.json()) == {"error"}
    assert int(native.headers["retry-after"]) <= seconds
    write = house.ask("POST", "/projects", role=None, headers={"X-API-Key": made["api_key"]}, json={})
    assert write.status_code == 429
    house.put_forward += (seconds + 1) * clock.SECOND
    assert with_key(house, made["api_key"]).status_code == 200


def test_a_limit_counts_from_the_next_request_on(house: House, firm: Firm) -> None:
    made = firm.key(rate_limit=1)
    path = f"{KEYS}/{made['key_id']}"
    assert [with_key(house, made["api_key"]).status_code for _ in range(2)] == [200, 429]
    firm.ask("PATCH", path, {"rate_limit": 2})
    assert [with_key(house, made["api_key"]).status_code for _ in range(2)] == [200, 429]
    firm.ask("PATCH", path, {"rate_limit": None})
    assert {with_key(house, made["api_key"]).status_code for _ in range(9)} == {200}


def test_a_key_is_made_once(firm: Firm) -> None:
    once = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (firm.ask("POST", KEYS, {"name": "once"}, headers=once) for _ in range(2))
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert firm.names().count("once") == 1


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        (KEYS, {"name": "once"}, "api_key"),
        ("/organizations/invites", {"email": "once@example.org"}, "token"),
        ("/webhooks/endpoints", {"url": "https://hooks.example/once"}, "secret"),
    ],
)
def test_a_secret_is_given_again_and_cannot_be_read_from_the_kept_answer(
    house: House, firm: Firm, path: str, body: dict[str, Any], word: str
) -> None:
    once = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (firm.ask("POST", path, body, headers=once).json() for _ in range(2))
    assert first == again
    kept = house.read(lambda conn: conn.execute(select(answer)).all())
    assert kept
    assert [row for row in kept if first[word].encode() in row.body] == []


def test_an_organization_describes_itself(firm: Firm) -> None:
    shown = firm.ask("GET", "/organizations/me", role="viewer").json()["organization"]
    assert (shown["id"], shown["subscription_tier"]) == (firm.id, "enterprise")
    assert (shown["member_count"], shown["pending_invite_count"], shown["is_public"]) == (0, 0, False)
    assert min(shown["max_users"], shown["max_images"], shown["max_storage_bytes"]) >= 1_000_000
    change = {"name": f"New {firm.id}", "description": "d", "is_public": True}
    changed = firm.ask("PATCH", "/organizations/me", change, role="admin").json()["organization"]
    assert {**shown, **change, "updated_at": changed["updated_at"]} == changed
    assert changed["updated_at"] > shown["updated_at"]
    refused(firm.ask("PATCH", "/organizations/me", {}), 422, "empty_update")
    refused(firm.ask("PATCH", "/organizations/me", {"name": "Elsewhere"}), 409, "conflict")
    refused(firm.ask("PATCH", "/organizations/me", {"name": "x"}, role="member"), 403, "forbidden")
    for wrong in ({"name": ""}, {"name": None}, {"is_public": "yes"}, {"description": 1}):
        refused(firm.ask("PATCH", "/organizations/me", wrong), 422, "validation_error")


def test_members_are_listed_changed_and_removed(house: House, firm: Firm) -> None:
    assert firm.ask("GET", "/organizations/members").json()["members"] == []
    ada, grace = firm.member("ada@example.org", Role.OWNER), firm.member("grace@example.org")
    listed = firm.ask("GET", "/organizations/members", role="viewer").json()["members"]
    assert [(each["id"], each["email"], each["role"]) for each in listed] == [
        (ada, "ada@example.org", "owner"),
        (grace, "grace@example.org", "member"),
    ]
    assert set(listed[0]) == {"id", "user_id", "email", "full_name", "role", "joined_at"}
    changed = firm.ask("PATCH", f"/organizations/members/{grace}", {"role": "admin"}).json()["member"]
    assert (changed["id"], changed["role"]) == (grace, "admin")
    refused(firm.ask("PATCH", f"/organizations/members/{ada}", {"role": "member"}), 400, "last_owner")
    refused(firm.ask("DELETE", f"/organizations/members/{ada}"), 400, "last_owner")
    for role in ("annotator", "", None, 1):
        answer = firm.ask("PATCH", f"/organizations/members/{grace}", {"role": role})
        refused(answer, 422, "validation_error")
    refused(house.ask("DELETE", f"/organizations/members/{grace}"), 404, "not_found")
    refused(firm.ask("PATCH", f"/organizations/members/{ada}", {"role": "owner"}, "admin"), 403, "forbidden")
    assert firm.ask("DELETE", f"/organizations/members/{grace}").json()["success"] is True
    refused(firm.ask("DELETE", f"/organizations/members/{grace}"), 404, "not_found")
    assert firm.ask("GET", "/organizations/me").json()["organization"]["member_count"] == 1


def test_an_invite_is_made_redeemed_and_listed(house: House, firm: Firm) -> None:
    answer = firm.ask("POST", "/organizations/invites", {"email": "Ada@Example.org", "role": "admin"})
    assert answer.status_code == 201
    made = answer.json()
    assert set(made["invite"]) == {
        "id", "organization_id", "email", "role", "status", "invited_by", "expires_at", "created_at",
    }  # fmt: skip
    assert made["invite"]["invited_by"] == "owner"
    assert (made["invite"]["email"], made["invite"]["status"]) == ("ada@example.org", "pending")
    assert firm.ask("GET", "/organizations/me").json()["organization"]["pending_invite_count"] == 1
    again = firm.ask("POST", "/organizations/invites", {"email": "ada@example.org"})
    refused(again, 409, "conflict")
    assert made["token"] not in firm.ask("GET", "/organizations/invites").text
    joined = house.http.post("/library/v1/join", json={"token": made["token"], "full_name": "Ada L."})
    assert joined.status_code == 201, joined.text
    assert with_key(house, joined.json()["key"]["api_key"], "/organizations/me").json()["organization"][
        "id"
    ] == (firm.id)
    for status, count in (("accepted", 1), ("pending", 0), ("declined", 0), ("expired", 0)):
        listed = firm.ask("GET", "/organizations/invites", params={"status": status}).json()["invites"]
        assert len(listed) == count
    refused(firm.ask("GET", "/organizations/invites", params={"status": "lost"}), 422, "validation_error")
    path = f"/organizations/invites/{made['invite']['id']}"
    refused(firm.ask("DELETE", path), 400, "invite_not_pending")
    refused(house.ask("DELETE", path), 404, "not_found")


def test_an_invite_is_taken_back(house: House, firm: Firm) -> None:
    made = firm.ask("POST", "/organizations/invites", {"email": "ada@example.org"}).json()
    assert made["invite"]["role"] == "member"
    path = f"/organizations/invites/{made['invite']['id']}"
    assert firm.ask("DELETE", path).json()["success"] is True
    answer = house.http.post("/library/v1/join", json={"token": made["token"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invite_revoked")
    for wrong in ({"email": "ada"}, {"email": 1}, {}, {"email": "b@example.org", "role": "owner"}):
        refused(firm.ask("POST", "/organizations/invites", wrong), 422, "validation_error")
    assert firm.ask("POST", "/organizations/invites", {"email": "ada@example.org"}).status_code == 201


def test_an_endpoint_is_set_up_changed_and_removed(house: House, firm: Firm) -> None:
    asked = {
        "url": "https://hooks.example/x",
        "event_types": ["asset.created"],
        "auth_headers": {"X-A": "secret!"},
    }
    answer = firm.ask("POST", "/webhooks/endpoints", asked)
    assert answer.status_code == 201
    made = answer.json()
    shown = made["endpoint"]
    assert shown == {
        "id": shown["id"],
        "organization_id": firm.id,
        "url": asked["url"],
        "description": None,
        "event_types": ["asset.created"],
        "enabled": True,
        "secret_version": 1,
        "secret_prefix": made["secret"][:10],
        "consecutive_failures": 0,
        "disabled_reason": None,
        "auth_header_names": ["X-A"],
        "per_item": False,
        "asset_kind": None,
        "last_delivery_at": None,
        "created_at": shown["created_at"],
    }
    path = f"/webhooks/endpoints/{shown['id']}"
    for place in (path, "/webhooks/endpoints"):
        text = firm.ask("GET", place).text
        assert "secret!" not in text
        assert made["secret"] not in text
    assert firm.ask("GET", "/webhooks/endpoints").json()["endpoints"] == [shown]
    changed = firm.ask("PATCH", path, {"enabled": False, "auth_headers": {}, "event_types": []}).json()
    assert changed["endpoint"] == {**shown, "enabled": False, "auth_header_names": [], "event_types": []}
    rotated = firm.ask("POST", f"{path}/rotate-secret").json()
    assert rotated["endpoint"]["secret_version"] == 2
    assert rotated["secret"] != made["secret"]
    refused(firm.ask("POST", "/webhooks/endpoints", asked), 409, "conflict")
    assert house.get("/webhooks/endpoints").json()["endpoints"] == []
    refused(house.get(path), 404, "not_found")
    assert firm.ask("DELETE", path).json()["success"] is True
    refused(firm.ask("GET", path), 404, "not_found")


def test_a_test_is_sent_nowhere_that_only_the_server_reaches(firm: Firm) -> None:
    made = firm.ask("POST", "/webhooks/endpoints", {"url": "http://127.0.0.1:9/x"}).json()["endpoint"]
    tested = firm.ask("POST", f"/webhooks/endpoints/{made['id']}/test").json()
    assert (tested["success"], tested["delivered"], tested["status_code"]) == (False, False, None)
    assert "not sent" in tested["error"]
    assert firm.ask("GET", "/webhooks/event-types").json()["event_types"] == list(KINDS)
    params = {"endpoint_id": made["id"], "status": "failed", "limit": 10, "offset": 3}
    assert firm.ask("GET", "/webhooks/deliveries", params=params).json()["deliveries"] == []
    for wrong in ({"status": "lost"}, {"limit": 0}, {"limit": 1001}, {"offset": -1}):
        refused(firm.ask("GET", "/webhooks/deliveries", params=wrong), 422, "validation_error")
    refused(firm.ask("GET", "/webhooks/deliveries", params={"endpoint_id": ID}), 404, "not_found")
    refused(firm.ask("POST", f"/webhooks/deliveries/{ID}/replay"), 404, "not_found")


def test_what_was_delivered_is_listed_and_can_be_sent_again(house: House, firm: Firm) -> None:
    answer = firm.ask("POST", "/webhooks/endpoints", {"url": "http://127.0.0.1:9/d", "per_item": True})
    made = answer.json()["endpoint"]
    firm.ask("PATCH", f"/webhooks/endpoints/{made['id']}", {"description": "d"})

    def listed(**params: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = firm.ask("GET", "/webhooks/deliveries", params=params).json()[
            "deliveries"
        ]
        return found

    assert wait_until(lambda: bool(listed(endpoint_id=made["id"], status="failed")), seconds=20)
    [tried] = listed(endpoint_id=made["id"])
    assert tried == {
        "id": tried["id"],
        "endpoint_id": made["id"],
        "organization_id": firm.id,
        "event_type": "webhook.updated",
        "delivery_id": tried["id"],
        "status": "failed",
        "attempts": 1,
        "last_status_code": None,
        "last_error": "not sent: the address leads to this machine's own address",
        "next_retry_at": tried["next_retry_at"],
        "created_at": tried["created_at"],
        "delivered_at": None,
    }
    replay = f"/webhooks/deliveries/{tried['id']}/replay"
    again = firm.ask("POST", replay).json()["delivery"]
    assert (again["event_type"], again["status"]) == ("webhook.updated", "pending")
    assert again["id"] != tried["id"]
    assert listed(offset=1) == [tried]
    assert listed(status="delivered") == []
    assert firm.ask("GET", f"/webhooks/endpoints/{made['id']}").json()["endpoint"]["last_delivery_at"]
    refused(house.post(replay), 404, "not_found")
    firm.ask("PATCH", f"/webhooks/endpoints/{made['id']}", {"enabled": False})
    refused(firm.ask("POST", replay), 409, "webhook_disabled")


def test_webhooks_are_for_admins(firm: Firm) -> None:
    for method, path in (
        ("GET", "/webhooks/endpoints"),
        ("POST", "/webhooks/endpoints"),
        ("GET", f"/webhooks/endpoints/{ID}"),
        ("GET", "/webhooks/event-types"),
        ("GET", "/webhooks/deliveries"),
        ("POST", f"/webhooks/deliveries/{ID}/replay"),
    ):
        refused(firm.ask(method, path, role="member"), 403, "forbidden")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://hooks.example"},
        {"url": "https://ada:x@hooks.example"},
        {"url": 5},
        {"event_types": ["nothing.happened"]},
        {"event_types": "asset.created"},
        {"auth_headers": {"Host": "x"}},
        {"auth_headers": {"A": 1}},
        {"auth_headers": []},
        {"description": "x" * 1001},
        {"description": "a\x00"},
        {"per_item": 1},
        {"asset_kind": "music"},
    ],
)
def test_what_no_endpoint_can_be_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    good = {"url": f"https://hooks.example/{uuid.uuid4().hex}"}
    made = firm.ask("POST", "/webhooks/endpoints", good).json()["endpoint"]
    answer = firm.ask("POST", "/webhooks/endpoints", {"url": "https://hooks.example/2", **wrong})
    assert answer.status_code == 422, answer.text
    answer = firm.ask("PATCH", f"/webhooks/endpoints/{made['id']}", wrong)
    assert answer.status_code == 422, answer.text
    assert firm.ask("GET", "/webhooks/endpoints").json()["endpoints"] == [made]


def at_once(house: House, *asked: tuple[str, str, str, Any]) -> list[int]:
    """Send requests, each of (key, method, path, body), side by side; their statuses."""
    requests = [
        house.http.build_request(method, path, headers={"X-API-Key": key}, json=body)
        for key, method, path, body in asked
    ]
    return [answer.status_code for answer in house.at_once(*requests)]


def test_two_owners_who_delete_each_other_at_once_do_not_both_go(house: House) -> None:
    for _ in range(10):
        firm = Firm(house)
        [mine] = [each["id"] for each in firm.ask("GET", KEYS).json()["api_keys"] if each["role"] == "owner"]
        made = firm.key(role="owner")
        ours = house.keys[f"{firm._name} owner"]
        statuses = at_once(
            house,
            (ours, "DELETE", f"{KEYS}/{made['key_id']}", {}),
            (made["api_key"], "DELETE", f"{KEYS}/{mine}", {}),
        )
        assert statuses.count(200) == 1, statuses
        assert sorted(statuses)[1] in {401, 409}


def test_two_who_redeem_one_token_at_once_have_one_key_between_them(house: House) -> None:
    for _ in range(5):
        firm = Firm(house)
        token = firm.ask("POST", "/organizations/invites", {"email": "ada@example.org"}).json()["token"]
        request = house.http.build_request("POST", "/library/v1/join", json={"token": token})
        answers = house.at_once(*[request] * 3)
        keys = [each.json()["key"]["api_key"] for each in answers if each.status_code == 201]
        assert [with_key(house, key).status_code for key in keys].count(200) == 1
        assert len(firm.ask("GET", "/organizations/members").json()["members"]) == 1


def test_nobody_is_invited_twice_at_once(house: House, firm: Firm) -> None:
    path, body = "/api/v1/developer/organizations/invites", {"email": "ada@example.org"}
    ours = house.keys[f"{firm._name} owner"]
    assert sorted(at_once(house, *[(ours, "POST", path, body)] * 4)) == [201, 409, 409, 409]
