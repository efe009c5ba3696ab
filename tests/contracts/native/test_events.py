"""The record of what happened, and webhooks, over HTTP."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stackroom import ids
from stackroom.events import log
from stackroom.testing.receiver import Receiver
from stackroom.webhooks import telling

if TYPE_CHECKING:
    import httpx

    from .conftest import Face

pytestmark = pytest.mark.every_database
NOBODYS = "01a00000-0000-7000-8000-000000000000"


def events(face: "Face", **query: Any) -> list[dict[str, Any]]:
    answer = face.ask("GET", "/events", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def refused(answer: "httpx.Response", status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code


def test_what_a_key_does_is_on_record_with_the_request(shared_face: "Face") -> None:
    face = shared_face
    asked = {"X-Request-Id": "r-1", "User-Agent": "tester/1"}
    made = face.ask("POST", "/datasets", json={"name": "photos"}, headers=asked).json()
    [event] = events(face, type="dataset.created")
    assert (event["dataset_id"], event["request_id"], event["user_agent"]) == (made["id"], "r-1", "tester/1")
    assert (event["method"], event["path"]) == ("POST", "/library/v1/datasets")
    assert event["ip"] == "127.0.0.1"
    assert ids.looks_like_id(event["key_id"])
    assert event not in face.ask("GET", "/events", of=face.a_tenant()).json()["events"]
    assert [each["id"] for each in events(face, asset=made["id"])] == []


def test_events_are_read_from_either_end_and_filtered(shared_face: "Face") -> None:
    face = shared_face
    actor = face.tenant.actor
    asset, first = ids.new(), events(face, limit=1)[0]["number"]
    about = msgspec.structs.replace(actor, method="PUT", path="/some/Where", request_id="r-9")
    for n in range(5):
        face.write(
            lambda conn, n=n: log.record(
                conn,
                about,
                "asset.reviewed",
                at=1_000_000 * n,
                asset_uuid=asset,
                data={"n": n, "uploaded_at": n},
            )
        )
    page = face.get("/events", limit=2).json()
    assert [each["data"]["n"] for each in page["events"]] == [4, 3]
    assert page["events"][0]["data"]["uploaded_at"] == "1970-01-01T00:00:00.000004Z"
    following = face.get("/events", limit=2, before=page["next"]).json()
    assert [each["data"]["n"] for each in following["events"]] == [2, 1]
    upwards = face.get("/events", limit=3, after=first).json()
    assert [each["data"]["n"] for each in upwards["events"]] == [0, 1, 2]
    assert [each["data"]["n"] for each in events(face, after=upwards["next"])] == [3, 4]

    def numbers(**query: Any) -> list[int]:
        return [each["data"]["n"] for each in events(face, type="asset.reviewed", **query)]

    assert numbers(since="1970-01-01T00:00:01Z", until="1970-01-01T00:00:03Z") == [3, 2, 1]
    every = [4, 3, 2, 1, 0]
    for query in ({"asset": ids.text(asset)}, {"request_id": "r-9"}, {"method": "put"}, {"path": "E/wh"}):
        assert numbers(**query) == every
    nobodys: list[dict[str, Any]] = [
        {"asset": NOBODYS},
        {"operation": NOBODYS},
        {"batch": "no id"},
        {"status": 404},
        {"path": "%"},
        {"path": "_" * 26_000},
    ]
    assert [numbers(**query) for query in nobodys] == [[]] * len(nobodys)
    exported = face.get("/events/export", type="asset.reviewed")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["data"]["n"] for line in exported.text.splitlines()] == every[::-1]


def test_the_largest_page_says_that_there_is_more(shared_face: "Face") -> None:
    face = shared_face
    about = [(ids.new(), {"n": n}) for n in range(1002)]
    face.write(lambda conn: log.record_each(conn, face.tenant.actor, "asset.reviewed", about, at=1))
    first = face.get("/events", limit=1000, type="asset.reviewed").json()
    rest = face.get("/events", limit=1000, type="asset.reviewed", before=first["next"]).json()
    assert [each["data"]["n"] for each in rest["events"]] == [1, 0]
    assert rest["next"] is None
    assert len(first["events"]) == 1000


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "since=today", "before=-1", "status=7", "colour=red", "type=asset.delete"],
)
def test_what_no_page_of_events_can_be_is_refused(shared_face: "Face", query: str) -> None:
    answer = shared_face.ask("GET", f"/events?{query}")
    assert answer.status_code == 422, answer.text


def test_events_and_webhooks_are_for_admins(shared_face: "Face") -> None:
    for method, path in (
        ("GET", "/events"),
        ("GET", "/events/export"),
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("GET", f"/webhooks/{NOBODYS}"),
        ("POST", f"/webhooks/{NOBODYS}/test"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/{NOBODYS}/redeliver"),
    ):
        body = (
            {"json": {"url": "https://hooks.example/x"}} if path == "/webhooks" and method == "POST" else {}
        )
        refused(shared_face.ask(method, path, role="member", **body), 403, "forbidden")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def a_webhook(face: "Face", url: str = "https://hooks.example/x", **rest: object) -> dict[str, Any]:
    answer = face.post("/webhooks", {"url": url, **rest})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_webhook_is_made_changed_rotated_and_removed(shared_face: "Face") -> None:
    face = shared_face
    made = a_webhook(
        face, event_types=["asset.deleted"], per_item=True, asset_kind="video", auth_headers={"X-A": "b!"}
    )
    shown, path = made["webhook"], f"/webhooks/{made['webhook']['id']}"
    assert made["secret"].startswith("whsec_")
    assert (shown["dialect"], shown["per_item"], shown["asset_kind"]) == ("native", True, "video")
    assert (shown["event_types"], shown["auth_header_names"]) == (["asset.deleted"], ["X-A"])
    for place in (path, "/webhooks"):
        text = face.get(place).text
        assert made["secret"] not in text
        assert "b!" not in text
    assert face.get("/webhooks").json()["webhooks"] == [shown]
    changed = face.ask("PATCH", path, json={"enabled": False, "per_item": False, "asset_kind": None}).json()
    assert (changed["enabled"], changed["per_item"], changed["asset_kind"]) == (False, False, None)
    rotated = face.post(f"{path}/rotate-secret", {"overlap_hours": 1}).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["webhook"]["previous_secret_until"] is not None
    at_once = face.post(f"{path}/rotate-secret", {"overlap_hours": 0}).json()
    assert at_once["webhook"]["previous_secret_until"] is None
    other = face.a_tenant()
    for method, where in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate-secret"),
    ):
        body = {"json": {"enabled": True}} if method == "PATCH" else {}
        refused(face.ask(method, where, of=other, **body), 404, "not_found")
    assert face.ask("DELETE", path).json() == {"id": shown["id"]}
    refused(face.ask("DELETE", path), 404, "not_found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://hooks.example"},
        {"url": None},
        {"event_types": ["nothing.happened"]},
        {"asset_kind": "music"},
        {"per_item": "yes"},
        {"auth_headers": {"Host": "x"}},
        {"secret": ""},
        {"secret": "x" * 257},
        {"colour": "red"},
    ],
)
def test_what_no_webhook_can_be_is_refused_and_nothing_made(
    shared_face: "Face", wrong: dict[str, Any]
) -> None:
    answer = shared_face.post("/webhooks", {"url": "https://hooks.example/x", **wrong})
    assert answer.status_code == 422, answer.text
    assert shared_face.get("/webhooks").json()["webhooks"] == []


def test_a_url_has_one_webhook(shared_face: "Face") -> None:
    a_webhook(shared_face)
    refused(shared_face.post("/webhooks", {"url": "https://hooks.example/x"}), 409, "conflict")


def test_a_test_is_sent_and_answered_for(shared_face: "Face", receiver: Receiver) -> None:
    face, path = shared_face, f"ok/{ids.new().hex()}"
    made = a_webhook(face, receiver.url(path))["webhook"]
    seen = face.post(f"/webhooks/{made['id']}/test", once="t-1").json()
    assert face.post(f"/webhooks/{made['id']}/test", once="t-1").json() == seen
    assert seen == {"delivered": True, "status_code": 204, "response": "", "error": None}
    assert [heard.json()["type"] for heard in receiver.heard_at(path)] == ["webhook.test"]
    inside = a_webhook(face, "http://10.0.0.1/x")["webhook"]
    refusal = face.post(f"/webhooks/{inside['id']}/test").json()
    assert (refusal["delivered"], refusal["status_code"]) == (False, None)
    assert "private" in refusal["error"]


def test_deliveries_are_listed_and_made_again(shared_face: "Face") -> None:
    face = shared_face
    made = a_webhook(face)
    of = made["webhook"]["id"]
    for n in range(3):
        face.ask("PATCH", f"/webhooks/{of}", json={"description": str(n)})
    face.write(lambda conn: telling.tell(conn, now=face.services.now()))
    page = face.get("/deliveries", webhook=of, limit=2).json()
    rest = face.get("/deliveries", webhook=of, limit=2, cursor=page["next"]).json()
    assert (len(page["deliveries"]), len(rest["deliveries"]), rest["next"]) == (2, 1, None)
    one = rest["deliveries"][0]
    assert (one["state"], one["event_type"], one["attempts"]) == ("pending", "webhook.updated", 0)
    assert face.get(f"/deliveries/{one['id']}").json() == one
    assert face.get("/deliveries", state="delivered").json()["deliveries"] == []
    again = face.post(f"/deliveries/{one['id']}/redeliver", once="d-1")
    assert again.status_code == 201
    assert face.post(f"/deliveries/{one['id']}/redeliver", once="d-1").json() == again.json()
    assert again.json()["event_id"] == one["event_id"]
    assert len(face.get("/deliveries").json()["deliveries"]) == 4
    other = face.a_tenant()
    refused(face.ask("GET", f"/deliveries/{one['id']}", of=other), 404, "not_found")
    refused(face.ask("POST", f"/deliveries/{one['id']}/redeliver", of=other), 404, "not_found")
    refused(face.ask("GET", f"/deliveries?webhook={of}", of=other), 404, "not_found")
    refused(face.ask("GET", "/deliveries?cursor=!"), 422, "bad_cursor")
    assert "asset.deleted" in face.get("/event-types").json()["event_types"]
