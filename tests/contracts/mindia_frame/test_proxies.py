"""Behind a proxy, an address is what the proxy says."""

from .house import Face

SETTINGS = {"requests_per_minute": 2, "trusted_proxies": 1}


def test_an_address_is_what_the_outermost_proxy_of_ours_has_seen(face: Face) -> None:
    for pretended in ("1.1.1.1", "2.2.2.2"):
        forwarded = {"X-Forwarded-For": f"{pretended}, 203.0.113.5"}
        assert face.get("/config", headers=forwarded).status_code == 200
    again = face.get("/config", headers={"X-Forwarded-For": "3.3.3.3,203.0.113.5"})
    assert again.status_code == 429
    assert face.get("/config", headers={"X-Forwarded-For": "203.0.113.6"}).status_code == 200
    requests = {"event_type": "http_request"}
    seen = face.get("/audit-logs", params=requests, headers={"X-Forwarded-For": "203.0.113.8"}).json()["logs"]
    assert {each["ip_address"] for each in seen} == {"203.0.113.5", "203.0.113.6"}
