"""Who is let in, in which words the others are refused, and what goes around every answer."""

import base64
import re
import uuid

import pytest
from sqlalchemy import update

from stackroom.access import Role
from stackroom.clock import HOUR
from stackroom.database.schema import api_key, organization
from stackroom.library import organizations

from .house import PREFIX, Face, envelope

MINE = f"{PREFIX}/config"


def refused(face: Face, text: str, **headers: str) -> None:
    said = envelope(face.raw("GET", MINE, headers=headers), 401, "UNAUTHORIZED")
    assert said["error"] == text
    assert said["details"] == f"Unauthorized: {text}"
    assert (said["recoverable"], said["error_type"]) == (False, "Unauthorized")


def test_a_key_is_taken_as_bearer_in_its_own_header_and_as_basic(face: Face) -> None:
    token, key_id = face.tenant.keys["viewer"], face.tenant.key_ids["viewer"]
    basic = base64.b64encode(f"{key_id}:{token}".encode()).decode()
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"X-API-Key": token},
        {"Authorization": f"Basic {basic}"},
    ):
        assert face.raw("GET", MINE, headers=headers).status_code == 200


def test_each_kind_of_credential_that_does_not_count_is_told_why(face: Face) -> None:
    token = face.tenant.keys["owner"]
    wrong = base64.b64encode(f"{uuid.uuid4()}:{token}".encode()).decode()
    refused(face, "Missing authorization header")
    for form in (f"bearer {token}", token, "Digest x", "Bearer", "Basic %%%"):
        refused(face, "Invalid authorization header format", Authorization=form)
    for unknown in ("Bearer nonsense", "Bearer mk_live_" + "0" * 40, "Bearer ", f"Basic {wrong}"):
        refused(face, "Invalid API key", Authorization=unknown)


def test_what_has_become_of_a_key_or_its_tenant_counts_at_once(face: Face) -> None:
    tenant = face.a_tenant()
    owner = face.read(lambda conn: organizations.by_id(conn, tenant.actor.organization_id))
    made = face.write(
        lambda conn: organizations.create_key(
            conn, owner, role=Role.OWNER, expires_at=face.moment + HOUR, now=face.moment
        )
    )
    as_bearer = {"Authorization": f"Bearer {made.token}"}
    assert face.raw("GET", MINE, headers=as_bearer).status_code == 200
    face.wait(3600)
    refused(face, "API key has expired", **as_bearer)
    face.write(
        lambda conn: conn.execute(update(api_key).where(api_key.c.uuid == made.uuid).values(active=False))
    )
    refused(face, "Invalid API key", **as_bearer)
    mine = organization.c.id == owner.id
    face.write(lambda conn: conn.execute(update(organization).where(mine).values(status="suspended")))
    refused(face, "Tenant is not active", Authorization=f"Bearer {tenant.keys['owner']}")
    face.write(lambda conn: conn.execute(update(organization).where(mine).values(status="active")))
    assert face.get("/config", of=tenant).status_code == 200
    told = face.get("/audit-logs", of=tenant, params={"event_type": "authentication_failure"}).json()
    assert [each["error_message"] for each in told["logs"]] == [
        "Tenant is not active",
        "Invalid API key",
        "API key has expired",
    ]
    assert {each["status_code"] for each in told["logs"]} == {401}
    assert {each["success"] for each in told["logs"]} == {False}


def test_a_key_that_does_not_reach_is_refused_before_anything_is_looked_at(face: Face) -> None:
    for method, path in (("POST", "/api-keys"), ("DELETE", "/api-keys/nonsense"), ("GET", "/audit-logs")):
        answer = face.ask(method, path, role="member", content=b"{", headers={"Content-Type": "text/plain"})
        envelope(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "NOT_FOUND"),
        ("PUT", "/config", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/plugins/openai/execute", 501, "NOT_IMPLEMENTED"),
        ("GET", "/workflows", 501, "NOT_IMPLEMENTED"),
        ("GET", "/api-keys/not-an-id", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs/4x", 400, "INVALID_INPUT"),
        ("GET", "/api-keys?limit=ten", 400, "INVALID_INPUT"),
        ("GET", "/api-keys?offset=%00", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?start_date=yesterday", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?start_date=2026-03-04T09:15:30", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?start_date=2026", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?event_type=party", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?status_code=99999999999", 400, "INVALID_INPUT"),
        ("GET", "/audit-logs?media_id=1", 400, "INVALID_INPUT"),
    ],
)
def test_every_refusal_has_the_envelope(face: Face, method: str, path: str, status: int, code: str) -> None:
    envelope(face.ask(method, path), status, code)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"name": [', "application/json", 400, "INVALID_INPUT"),
        (b"", "application/json", 400, "INVALID_INPUT"),
        (b"[]", "application/json", 400, "INVALID_INPUT"),
        (b"{}", "application/json", 400, "INVALID_INPUT"),
        (b'{"name": null}', "application/json", 400, "INVALID_INPUT"),
        (b'{"name": "\\u0000"}', "application/json", 400, "INVALID_INPUT"),
        (b'{"name": "\xff"}', "application/json", 400, "INVALID_INPUT"),
        (b"[" * 100_000, "application/json", 400, "INVALID_INPUT"),
        (b'{"name": "x"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"name": "x"}', "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b" " * (16 * 2**20 + 1), "application/json", 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_body_that_is_not_what_is_wanted_is_refused_in_json(
    face: Face, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    before = len(face.get("/api-keys").json())
    envelope(face.ask("POST", "/api-keys", content=body, headers=headers), status, code)
    assert len(face.get("/api-keys").json()) == before


def test_a_wrong_method_is_told_the_right_ones(face: Face) -> None:
    assert face.ask("PATCH", "/api-keys").headers["allow"] == "GET, HEAD, POST"
    assert face.ask("POST", "/api-keys/x").headers["allow"] == "DELETE, GET, HEAD"


def test_a_body_may_say_its_charset_and_keys_that_nobody_knows(face: Face) -> None:
    body = b'{"name": "charset", "colour": "red"}'
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert face.ask("POST", "/api-keys", content=body, headers=headers).status_code == 201


def test_every_answer_carries_its_id_and_what_keeps_browsers_safe(face: Face) -> None:
    for path, headers in ((MINE, {}), (f"{PREFIX}/nothing", {}), ("/api/v0", {})):
        answer = face.raw("GET", path, headers=headers)
        assert uuid.UUID(answer.headers["x-request-id"]).version == 4
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "no-store" in answer.headers["cache-control"]
        assert "strict-transport-security" not in answer.headers
    assert face.get("/config", headers={"X-Request-ID": "abc"}).headers["x-request-id"] == "abc"


@pytest.mark.parametrize(
    "given", ["Root=1-67891233-abcdef;Self=1-2", "svc:4711/retry#2", "dGhlIGlk+/==", "x" * 200]
)
def test_a_request_keeps_the_id_that_whoever_passed_it_on_gave_it(face: Face, given: str) -> None:
    assert face.get("/config", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    told = face.get("/audit-logs", params={"request_id": given, "event_type": "http_request"}).json()["logs"]
    assert {each["request_id"] for each in told} == {given}


@pytest.mark.parametrize("given", ["", "two words", "\tx\t\x7f", "x" * 201])
def test_what_is_no_id_is_replaced_by_one(face: Face, given: str) -> None:
    made = face.get("/config", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert len(made) == 36


def test_a_page_of_any_origin_may_call_with_any_method_outside_production(face: Face) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    answer = face.raw("OPTIONS", f"{PREFIX}/media/x", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"PUT", "PATCH", "DELETE"} <= set(re.split(", ", answer.headers["access-control-allow-methods"]))
    given = face.get("/config", headers={"Origin": "https://a.example"})
    assert given.headers["access-control-allow-origin"] == "*"
    assert "X-RateLimit-Remaining" in given.headers["access-control-expose-headers"]


def test_config_says_what_an_image_may_be(face: Face) -> None:
    told = face.get("/config", role="viewer").json()
    assert told["upload"]["max_file_size_bytes"] == told["upload"]["max_file_size_mb"] * 2**20 == 10 * 2**20
    assert {"jpg", "png", "webp"} <= set(told["upload"]["allowed_extensions"])
    assert "image/png" in told["upload"]["allowed_content_types"]
    assert told["cors"] == {"allowed_origins": ["*"]}
    assert told["clamav"] == {"enabled": False}
    assert told["database"]["max_connections"] > 0
