"""In production clients are told less, and only pages that are named may call."""

from .house import PREFIX, Face

SETTINGS = {"environment": "Prod", "cors_origins": "https://a.example;https://b.example"}


def test_no_details_are_told(face: Face) -> None:
    for answer in (face.raw("GET", f"{PREFIX}/config"), face.get("/nothing"), face.get("/api-keys/x")):
        assert set(answer.json()) == {"error", "code", "recoverable", "suggested_action"}


def test_clients_are_told_to_come_by_https(face: Face) -> None:
    assert face.get("/config").headers["strict-transport-security"].startswith("max-age=31536000")


def test_only_pages_that_are_named_may_call(face: Face) -> None:
    named = face.get("/config", headers={"Origin": "https://b.example"})
    assert named.headers["access-control-allow-origin"] == "https://b.example"
    assert "Origin" in named.headers["vary"]
    other = face.get("/config", headers={"Origin": "https://c.example"})
    assert "access-control-allow-origin" not in other.headers
    asked = {"Origin": "https://c.example", "Access-Control-Request-Method": "GET"}
    preflight = face.raw("OPTIONS", f"{PREFIX}/config", headers=asked)
    assert "access-control-allow-methods" not in preflight.headers
