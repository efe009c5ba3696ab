"""What holds for every address of the face: who asks, what may be sent, and what is not offered."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackroom.access import Role
from stackroom.library import organizations

from .house import PREFIX, House, Tenant, refused
from .shelf import Shelf


def test_c103_nobody_sees_the_audit_log_of_another(house: House, shelf: Shelf) -> None:
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    mine = house.audit(shelf.a)
    assert {"file_uploaded", "file_deleted"} <= {each["event_type"] for each in mine}
    assert {each["tenant_id"] for each in mine} == {shelf.a.id}
    theirs = house.audit(shelf.b)
    assert shelf.a.id not in {each["tenant_id"] for each in theirs}
    assert not {each["id"] for each in mine} & {each["id"] for each in theirs}
    for each in mine[:3]:
        said = refused(house.get(f"/audit-logs/{each['id']}", shelf.b), 404, "NOT_FOUND")
        assert said["error"] == "Audit log not found"
    assert shelf.a5 not in house.get("/audit-logs", shelf.b, params={"media_id": shelf.a5}).text


def test_the_audit_log_is_searched(house: House, shelf: Shelf) -> None:
    given_id = {"X-Request-ID": "find-me-again"}
    assert house.delete(f"/media/{shelf.a5}", shelf.a, headers=given_id).status_code == 204
    for query in ({"request_id": "find-me-again"}, {"media_id": shelf.a5, "event_type": "file_deleted"}):
        found = house.get("/audit-logs", shelf.a, params=query).json()
        assert "file_deleted" in {each["event_type"] for each in found["logs"]}, query
        assert found["total"] >= len(found["logs"]) >= 1
    page = house.get("/audit-logs", shelf.a, params={"limit": 1, "offset": 1}).json()
    assert (len(page["logs"]), page["limit"], page["offset"]) == (1, 1, 1)
    for wrong in ({"start_date": "yesterday"}, {"status_code": "x"}, {"limit": "x"}):
        refused(house.get("/audit-logs", shelf.a, params=wrong), 400, "INVALID_INPUT")
    future = {"start_date": "2999-01-01T00:00:00Z"}
    assert house.get("/audit-logs", shelf.a, params=future).json() == {
        "logs": [],
        "total": 0,
        "limit": 50,
        "offset": 0,
    }
    secret = house.get("/audit-logs", shelf.a, params={"path_filter": "nothing", "token": "hush-hush"})
    assert secret.status_code == 200


def test_nothing_is_where_nothing_is_offered(house: House, shelf: Shelf) -> None:
    for path in ("/nowhere", "/images/a/b/c/d", "", "/", "/media//metadata"):
        answer = house.get(path, shelf.a)
        refused(answer, answer.status_code, answer.json()["code"])
        assert answer.status_code in {400, 404}
    answer = house.ask("PATCH", "/images", of=shelf.a)
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert {"GET", "POST"} <= {each.strip() for each in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/plugins"), ("POST", "/plugins/x/execute"), ("GET", "/workflows"), ("POST", "/workflows")],
)
def test_what_is_of_no_use_without_the_network_is_not_offered(
    house: House, shelf: Shelf, method: str, path: str
) -> None:
    answer = house.ask(method, path, of=shelf.a, **({"json": {}} if method == "POST" else {}))
    refused(answer, 501, answer.json()["code"])


def test_pages_of_other_origins_may_call_while_nobody_forbids_it(house: House, shelf: Shelf) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    asked["Access-Control-Request-Headers"] = "authorization, idempotency-key"
    answer = house.http.options(f"{PREFIX}/images", headers=asked)
    assert answer.status_code in {200, 204}
    assert answer.headers["access-control-allow-origin"] in {"*", asked["Origin"]}
    allowed = answer.headers["access-control-allow-methods"]
    assert all(method in allowed for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
    shown = house.get("/images", shelf.a, headers={"Origin": asked["Origin"]})
    assert shown.headers["access-control-allow-origin"] in {"*", asked["Origin"]}


def test_how_the_server_is_may_be_asked_by_anybody(house: House) -> None:
    assert house.http.get("/live").json() == {"status": "alive"}
    assert house.http.get("/ready").json() == {"status": "ready", "database": "ready"}
    health = house.http.get("/health").json()
    assert health["database"] == "healthy"
    assert health["storage"] == "healthy"
    assert house.http.get("/health/deep").status_code == 200


def test_a_key_is_shown_once_and_works_until_it_is_revoked(house: House, shelf: Shelf) -> None:
    made = house.post(
        "/api-keys", {"name": "camera", "description": "on the roof", "expires_in_days": 30}, shelf.a
    )
    assert made.status_code == 201, made.text
    key = made.json()
    assert key["api_key"].startswith("mk_live_")
    assert len(key["api_key"]) == 48
    assert key["key_prefix"] == key["api_key"][:16]
    listed = house.get("/api-keys", shelf.a)
    assert key["api_key"] not in listed.text
    (shown,) = [each for each in listed.json() if each["id"] == key["id"]]
    assert (shown["name"], shown["description"], shown["is_active"]) == ("camera", "on the roof", True)
    for headers in ({"Authorization": f"Bearer {key['api_key']}"}, {"X-API-Key": key["api_key"]}):
        assert house.get("/images", headers=headers).status_code == 200
    refused(house.get(f"/api-keys/{key['id']}", shelf.b), 404, "NOT_FOUND")
    refused(house.delete(f"/api-keys/{key['id']}", shelf.b), 404, "NOT_FOUND")
    for _ in range(2):
        revoked = house.delete(f"/api-keys/{key['id']}", shelf.a)
        assert (revoked.status_code, revoked.json()["id"]) == (200, key["id"])
    refused(house.get("/images", headers={"X-API-Key": key["api_key"]}), 401, "UNAUTHORIZED")
    for wrong in (
        {"name": " "},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 3651},
        {},
    ):
        answer = house.post("/api-keys", wrong, shelf.a)
        refused(answer, 400, answer.json()["code"])


def test_a_viewer_changes_nothing(house: House, shelf: Shelf) -> None:
    viewer = house.write(
        lambda conn: organizations.create_key(conn, shelf.a.organization, role=Role.VIEWER, now=house.now())
    )
    asked = {"Authorization": f"Bearer {viewer.token}"}
    image = shelf.a5
    for method, path, body in (
        ("DELETE", f"/media/{image}", None),
        ("PUT", f"/images/{image}/metadata", {"metadata": {"a": 1}}),
        ("PUT", f"/media/{image}/folder", {"folder_id": None}),
        ("POST", "/media/batch/copy", {"ids": [image]}),
        ("POST", "/folders", {"name": "x"}),
        ("POST", "/webhooks", {"url": "https://x.example", "event_type": "file.deleted"}),
        ("POST", "/api-keys", {"name": "x"}),
        ("POST", "/groups", {"files": [image]}),
        ("POST", "/presets", {"name": "x", "operations": "resize/4x4"}),
    ):
        answer = house.ask(method, path, headers=asked, **({} if body is None else {"json": body}))
        assert answer.status_code == 403, (method, path, answer.text)
    assert house.get("/images", headers=asked).json()[0]["id"] == image


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda it: json.dumps(it).encode()),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("ids", "name", "metadata", "files", "url", "operations"), JSON)
    ).map(lambda it: json.dumps(it).encode()),
)
WRITING = [
    ("POST", "/media/batch/delete"),
    ("POST", "/media/batch/copy"),
    ("PUT", "/images/{media}/metadata"),
    ("PUT", "/media/{media}/metadata/k"),
    ("PUT", "/media/{media}/folder"),
    ("POST", "/folders"),
    ("POST", "/groups"),
    ("POST", "/presets"),
    ("POST", "/webhooks"),
    ("POST", "/api-keys"),
    ("POST", "/uploads/chunked/start"),
    ("POST", "/images"),
]


@pytest.fixture
def tenant(house: House, shelf: Shelf) -> tuple[House, Tenant, str]:
    return house, shelf.a, shelf.a5


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(WRITING),
    body=BODIES,
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=b"]),
)
def test_whatever_is_sent_the_answer_is_an_answer(
    tenant: tuple[House, Tenant, str], route: tuple[str, str], body: bytes, kind: str
) -> None:
    house, owner, media = tenant
    method, path = route
    answer = house.ask(
        method, path.format(media=media), of=owner, content=body, headers={"Content-Type": kind}
    )
    in_the_envelope(answer)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        [
            "/images/{}",
            "/media/{}/metadata/x",
            "/media/x/metadata/{}",
            "/folders/{}",
            "/webhooks/{}/events",
            "/presets/{}",
            "/groups/{}/nth/{}",
            "/groups/{}/archive/{}",
            "/audit-logs/{}",
            "/tasks/{}",
            "/videos/{}/stream/{}/{}",
        ]
    ),
    part=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12),
    query=st.dictionaries(
        st.sampled_from(
            ["limit", "offset", "folder_id", "q", "type", "namespace", "status", "start_date", "metadata.x"]
        ),
        st.text(max_size=12),
        max_size=3,
    ),
)
def test_whatever_is_asked_for_the_answer_is_an_answer(
    tenant: tuple[House, Tenant, str], path: str, part: str, query: dict[str, str]
) -> None:
    from urllib.parse import quote

    house, owner, _ = tenant
    encoded = quote(part, safe="")
    in_the_envelope(house.get(path.replace("{}", encoded), owner, params=query))
    for plain in ("/images", "/search", "/tasks", "/audit-logs", "/analytics/traffic"):
        in_the_envelope(house.get(plain, owner, params=query))


def in_the_envelope(answer: httpx.Response) -> None:
    """Either what was asked for, or a refusal that is the client's to mend."""
    assert answer.status_code < 500, (answer.request.method, str(answer.request.url), answer.text)
    if answer.status_code >= 400:
        refused(answer, answer.status_code, answer.json()["code"])


def test_deep_and_large_bodies_are_refused(house: House, shelf: Shelf) -> None:
    deep: Any = b'{"ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    kind = {"Content-Type": "application/json"}
    in_the_envelope(house.ask("POST", "/media/batch/delete", of=shelf.a, content=deep, headers=kind))
    long = json.dumps({"ids": ["x" * 36] * 400_000}).encode()
    answer = house.ask("POST", "/media/batch/delete", of=shelf.a, content=long, headers=kind)
    assert answer.status_code in {400, 413}
