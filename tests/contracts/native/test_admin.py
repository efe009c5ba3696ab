"""The channel of who owns the data directory: organizations and keys."""

from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import pytest

from stackroom import clock, ids

if TYPE_CHECKING:
    from .conftest import Face

pytestmark = pytest.mark.every_database
KEYS = {"X-API-Key", "Authorization"}


def test_an_organization_is_made_and_listed(face: "Face") -> None:
    answer = face.admin("POST", "/organizations", {"name": "Musée d'Orsay"})
    made = answer.json()
    assert (answer.status_code, made["name"], made["slug"]) == (201, "Musée d'Orsay", "musee-d-orsay")
    assert face.admin("GET", "/organizations").json()["organizations"][-1] == made
    again = face.admin("POST", "/organizations", {"name": "Musée d'Orsay"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_a_key_is_made_works_and_is_revoked(face: "Face") -> None:
    made = face.admin("POST", "/organizations", {"name": "Bob"}).json()
    for reference in (made["id"], "Bob", "bob", str(made["number"])):
        answer = face.admin("POST", "/keys", {"organization": reference, "role": "member", "name": "laptop"})
        assert answer.status_code == 201
    key = answer.json()
    assert {name: key[name] for name in ("organization_id", "customer", "role", "name")} == {
        "organization_id": made["id"],
        "customer": made["number"],
        "role": "member",
        "name": "laptop",
    }
    asked = {"headers": {"X-API-Key": key["api_key"]}}
    assert face.raw("GET", "/library/v1/whoami", **asked).json()["key"]["id"] == key["key_id"]
    for _ in range(2):
        revoked = face.admin("DELETE", f"/keys/{key['key_id']}")
        assert (revoked.status_code, revoked.json()) == (200, {"key_id": key["key_id"], "active": False})
    assert face.raw("GET", "/library/v1/whoami", **asked).status_code == 401


def test_a_key_may_expire(face: "Face") -> None:
    body = {"organization": "Ada", "role": "viewer", "expires_in_days": 0.5}
    token = face.admin("POST", "/keys", body).json()["api_key"]
    from stackroom.errors import Unauthenticated
    from stackroom.library.organizations import admit, by_token

    now = face.services.now()
    face.write(lambda conn: admit(by_token(conn, token), now=now + 11 * clock.HOUR))
    with pytest.raises(Unauthenticated, match="expired"):
        face.write(lambda conn: admit(by_token(conn, token), now=now + 13 * clock.HOUR))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/organizations", {}),
        ("/organizations", {"name": ""}),
        ("/organizations", {"name": "x", "plan": "gold"}),
        ("/keys", {"organization": "Ada"}),
        ("/keys", {"organization": "Ada", "role": "god"}),
        ("/keys", {"organization": "Ada", "role": "viewer", "expires_in_days": 0}),
        ("/keys", {"organization": "Ada", "role": "viewer", "name": ""}),
    ],
)
def test_what_makes_no_sense_is_refused(face: "Face", path: str, body: dict[str, object]) -> None:
    answer = face.admin("POST", path, body or {"x": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")


def test_unknown_organizations_and_keys_are_not_found(face: "Face") -> None:
    for reference in ("nobody", "999", "9" * 30):
        assert face.admin("POST", "/keys", {"organization": reference, "role": "viewer"}).status_code == 404
    assert face.admin("DELETE", f"/keys/{uuid4()}").status_code == 404
    assert face.admin("DELETE", "/keys/nonsense").status_code == 404


def test_nobody_else_is_let_in(face: "Face") -> None:
    owner = face.tenant.keys["owner"]
    for headers in (
        {},
        {"X-API-Key": owner},
        {"Authorization": f"Bearer {owner}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic the token of the control file"},
        {"X-API-Key": "the token of the control file"},
    ):
        for method, path in [
            ("GET", "/organizations"),
            ("POST", "/organizations"),
            ("POST", "/keys"),
            ("DELETE", f"/keys/{ids.text(ids.new())}"),
        ]:
            answer = face.raw(method, f"/library/v1/admin{path}", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_the_control_token_is_no_key(face: "Face") -> None:
    for header in ("X-API-Key", "Authorization"):
        value = (
            "the token of the control file"
            if header == "X-API-Key"
            else "Bearer the token of the control file"
        )
        assert face.raw("GET", "/library/v1/whoami", headers={header: value}).status_code == 401


def test_without_a_token_of_its_own_the_channel_is_closed(face: "Face") -> None:
    import httpx

    from stackroom.web.native.app import make_app

    app = make_app(msgspec.structs.replace(face.services, control_token=""))

    async def server(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - an ASGI application
        scope.setdefault("state", {})["request_id"] = "x"
        await app(scope, receive, send)

    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://x") as http:
            path = "/library/v1/admin/organizations"
            return [
                (await http.get(path, headers=headers)).status_code
                for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"})
            ]

    assert face.runner.run(ask()) == [401, 401, 401]


def test_what_an_organization_is_to_the_dlcs_protocol_is_changed_here_only(face: "Face") -> None:
    made = face.admin("POST", "/organizations", {"name": "Shelf", "legacy": True}).json()
    assert (made["administrator"], made["legacy"]) == (False, True)
    for reference in (made["id"], "Shelf", str(made["number"])):
        changed = face.admin("PATCH", f"/organizations/{reference}", {"administrator": True})
        assert (changed.status_code, changed.json()) == (200, {**made, "administrator": True})
    assert face.admin("PATCH", f"/organizations/{made['id']}", {"name": "x"}).status_code == 422
    assert face.admin("PATCH", "/organizations/nobody", {"legacy": False}).status_code == 404


def test_the_keys_of_a_suspended_organization_count_for_nothing(face: "Face") -> None:
    tenant = face.a_tenant()
    path = f"/organizations/{ids.text(tenant.actor.organization_uuid)}"
    assert face.ask("GET", "/datasets", of=tenant).status_code == 200
    assert face.admin("PATCH", path, {"suspended": True}).json()["suspended"] is True
    assert face.ask("GET", "/datasets", of=tenant).status_code == 401
    assert face.ask("GET", "/datasets").status_code == 200
    assert face.admin("PATCH", path, {"suspended": False}).json()["suspended"] is False
    assert face.ask("GET", "/datasets", of=tenant).status_code == 200
