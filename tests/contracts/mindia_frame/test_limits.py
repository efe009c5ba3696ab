"""How often this face may be asked, and that no other is counted."""

from .house import PREFIX, Face, envelope

SETTINGS = {"requests_per_minute": 100, "organization_requests_per_minute": 200, "failed_logins": 10}


def test_the_hundred_and_first_request_of_a_minute_has_to_wait(face: Face) -> None:
    face.wait(60)
    left = []
    for _ in range(100):
        answer = face.get("/config")
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit"] == "100"
        left.append(int(answer.headers["x-ratelimit-remaining"]))
    assert left == list(range(99, -1, -1))
    face.wait(20)
    over = face.get("/config")
    said = envelope(over, 429, "RATE_LIMIT_EXCEEDED")
    assert said["recoverable"] is True
    assert over.headers["retry-after"] == "40"
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert int(over.headers["x-ratelimit-reset"]) == face.moment // 1_000_000 + 40
    headers = {"X-API-Key": face.tenant.keys["owner"]}
    assert face.raw("GET", "/api/v1/developer/datasets/", headers=headers).status_code == 200
    assert face.raw("GET", "/health").status_code == 200
    face.wait(40)
    assert face.get("/config").status_code == 200


def test_a_tenant_is_counted_over_all_addresses_and_no_other_for_it(face: Face) -> None:
    face.wait(60)
    tenant = face.a_tenant()
    for n in range(200):
        client = face.client(f"203.0.113.{n % 4}")
        assert face.get("/config", of=tenant, client=client).status_code == 200
    other = face.client("203.0.113.9")
    envelope(face.get("/config", of=tenant, client=other), 429, "RATE_LIMIT_EXCEEDED")
    assert face.get("/config", of=face.stranger, client=other).status_code == 200
    face.wait(60)
    assert face.get("/config", of=tenant, client=other).status_code == 200


def test_who_tries_ten_wrong_keys_is_kept_out_with_a_right_one_too_and_nobody_else_is(face: Face) -> None:
    face.wait(60)
    wrong, there = {"Authorization": "Bearer mk_live_x"}, face.client("192.0.2.1")
    for _ in range(9):
        assert face.raw("GET", f"{PREFIX}/config", headers=wrong, client=there).status_code == 401
    tenth = face.raw("GET", f"{PREFIX}/config", headers=wrong, client=there)
    said = envelope(tenth, 429, "RATE_LIMIT_EXCEEDED")
    assert said["error"] == "Too many failed auth attempts"
    assert tenth.headers["retry-after"] == "900"
    envelope(face.get("/config", client=there), 429, "RATE_LIMIT_EXCEEDED")
    assert face.get("/config").status_code == 200
    face.wait(900)
    assert face.get("/config", client=there).status_code == 200


def test_who_comes_without_a_key_has_tried_none(face: Face) -> None:
    """As a browser does that shows pictures by their addresses."""
    face.wait(60)
    there = face.client("192.0.2.2")
    for _ in range(12):
        envelope(face.raw("GET", f"{PREFIX}/config", client=there), 401, "UNAUTHORIZED")
    assert face.get("/config", client=there).status_code == 200


def test_what_stands_beside_the_face_is_counted_by_no_limit(face: Face) -> None:
    face.wait(60)
    somebody = face.client("192.0.2.44")
    for path in ("/docs", "/api/openapi.json", "/llms.txt", "/live", "/ready", "/health"):
        for _ in range(20):
            answer = face.raw("GET", path, client=somebody)
            assert answer.status_code == 200
            assert "x-ratelimit-limit" not in answer.headers
    assert face.get("/config", client=somebody).headers["x-ratelimit-remaining"] == "99"
