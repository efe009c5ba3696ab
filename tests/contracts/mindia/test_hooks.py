"""Webhooks. The numbers are those of the protocol's list of cases."""

import hashlib
import hmac
from typing import Any

import pytest

from stackroom.testing.processes import wait_until

from .house import House, refused
from .shelf import SECRET, Shelf

PRIVATE = [
    "http://127.0.0.2/x",
    "http://10.0.0.1",
    "http://localhost",
    "http://localhost.:80/",
    "ftp://h",
    "http://printer.local/",
    "http://db.internal/",
    "http://169.254.169.254/latest/meta-data",
    "http://192.168.1.1/",
    "http://172.16.0.9/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[fe80::1]/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "no address at all",
    "http://",
    "",
]


def creating(house: House, shelf: Shelf, **body: Any) -> Any:
    return house.post("/webhooks", {"url": shelf.receiver.url, **body}, shelf.a)


def test_c70_what_is_not_taken_is_sent_again(house: House, shelf: Shelf) -> None:
    path = shelf.hook("file.deleted")
    shelf.receiver.will_answer(path, 500, 503)
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    events = f"/webhooks/{shelf.hooks[path]}/events"
    for attempt in (1, 2, 3):
        assert wait_until(lambda n=attempt: len(shelf.receiver.came(path)) >= n, seconds=20)  # type: ignore[misc]
        if attempt < 3:
            kept = lambda n=attempt: house.get(events, shelf.a).json()[0]["retry_count"] >= n - 1  # noqa: E731
            assert wait_until(kept, seconds=10)
            house.put_forward += 11 * 60 * 1_000_000
    assert wait_until(lambda: house.get(events, shelf.a).json()[0]["status"] == "success", seconds=20)
    came = shelf.receiver.came(path)
    assert len(came) == 3
    assert len({each.headers["x-webhook-event-id"] for each in came}) == 1
    assert [each.headers["x-webhook-attempt"] for each in came] == ["1", "2", "3"]
    (row,) = house.get(events, shelf.a).json()
    assert (row["status"], row["retry_count"], row["response_status_code"]) == ("success", 2, 200)
    assert (row["webhook_id"], row["event_type"]) == (shelf.hooks[path], "file.deleted")
    assert house.get(f"/webhooks/{shelf.hooks[path]}", shelf.a).json()["is_active"] is True


def test_c71_what_is_sent_is_signed(house: House, shelf: Shelf) -> None:
    signed, open_one = shelf.hook("file.deleted"), shelf.hook("file.deleted", secret="")
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    (told,) = shelf.told(signed)
    expected = "v1=" + hmac.new(SECRET.encode(), told.body, hashlib.sha256).hexdigest()
    assert (told.headers["x-webhook-signature"], told.headers["x-uc-signature"]) == (expected, expected)
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"] == "Mindia-Webhook/1.0"
    assert told.headers["webhook-id"]
    assert told.headers["webhook-timestamp"].isdecimal()
    assert list(told.json()) == ["hook", "data", "initiator"]
    assert b", " not in told.body.replace(b'", "', b"")  # compact
    (plain,) = shelf.told(open_one)
    assert not {"x-webhook-signature", "x-uc-signature"} & plain.headers.keys()


def test_c72_nobody_hears_of_another_tenant(house: House, shelf: Shelf) -> None:
    ours, theirs = shelf.hook("file.uploaded"), shelf.hook("file.uploaded", shelf.b)
    assert shelf.b1
    assert shelf.a5
    assert [each.json()["data"]["id"] for each in shelf.told(ours)] == [shelf.a5]
    assert [each.json()["data"]["id"] for each in shelf.told(theirs)] == [shelf.b1]
    hook = shelf.hooks[theirs]
    for method, rest in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/events")):
        options = {"json": {"is_active": False}} if method == "PUT" else {}
        refused(house.ask(method, f"/webhooks/{hook}{rest}", of=shelf.a, **options), 404, "NOT_FOUND")
    assert [each["id"] for each in house.get("/webhooks", shelf.a).json()] == [shelf.hooks[ours]]


@pytest.mark.parametrize("url", PRIVATE)
def test_c73_a_hook_cannot_reach_into_the_network_of_the_server(house: House, shelf: Shelf, url: str) -> None:
    said = refused(
        house.post("/webhooks", {"url": url, "event_type": "file.deleted"}, shelf.a), 400, "BAD_REQUEST"
    )
    assert "root:" not in said["error"]
    assert house.get("/webhooks", shelf.a).json() == []


def test_c73_nor_be_led_there_later(house: House, shelf: Shelf) -> None:
    hook = f"/webhooks/{shelf.hooks[shelf.hook('file.deleted')]}"
    for url in ("http://10.0.0.1/", "http://localhost:1/", "ftp://example.org/"):
        refused(house.put(hook, {"url": url}, shelf.a), 400, "BAD_REQUEST")
    assert house.get(hook, shelf.a).json()["url"].startswith(shelf.receiver.url)


def test_c74_a_hook_for_each_event_that_is_named(house: House, shelf: Shelf) -> None:
    made = creating(house, shelf, events=["file.deleted", "file.uploaded"])
    assert made.status_code == 201
    body = made.json()
    assert body["event_type"] == "file.deleted"
    assert body["events"] == ["file.deleted"]
    assert [each["event_type"] for each in body["created"]] == ["file.deleted", "file.uploaded"]
    listed = house.get("/webhooks", shelf.a).json()
    assert {each["event_type"] for each in listed} == {"file.deleted", "file.uploaded"}
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("said", "event"),
    [
        ({"event_type": "file.deleted"}, "file.deleted"),
        ({"event_type": "file_deleted"}, "file.deleted"),
        ({"events": ["file_processing_completed"]}, "file.processing_completed"),
        ({"events": ["image.deleted"]}, "file.deleted"),
        ({"event_type": "document.uploaded"}, "file.uploaded"),
        ({"events": ["video.completed"]}, "file.processing_completed"),
        ({"events": ["video.failed"]}, "file.processing_failed"),
        ({"event_type": "file.stored"}, "file.stored"),
        ({"event_type": "workflow_failed"}, "workflow.failed"),
        ({"events": ["workflow.completed"]}, "workflow.completed"),
    ],
)
def test_c75_an_event_has_many_names(house: House, shelf: Shelf, said: dict[str, Any], event: str) -> None:
    made = creating(house, shelf, **said)
    assert (made.status_code, made.json()["event_type"], made.json()["events"]) == (201, event, [event])


def test_a_hook_for_images_hears_of_no_other_kind(house: House, shelf: Shelf) -> None:
    path = shelf.hook("image.deleted")
    given = [shelf.a5, str(shelf.sent("audio", "x.wav", _sound(), "audio/wav")["id"])]
    assert house.batch_delete(given, shelf.a).status_code == 200
    assert [each.json()["data"]["id"] for each in shelf.told(path)] == [shelf.a5]


def _sound() -> bytes:
    from .material import a_sound

    return a_sound()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"events": []},
        {"event_type": "file.eaten"},
        {"events": ["file.deleted", "file.eaten"]},
        {"event_type": "file.deleted", "description": "d" * 501},
        {"event_type": "file.deleted", "url": "http://127.0.0.1/" + "u" * 2048},
        {"event_type": "file.deleted", "signing_secret": "s" * 257},
    ],
    ids=["none", "an empty list", "unknown", "one unknown", "description", "url", "secret"],
)
def test_c76_a_hook_without_an_event_that_there_is_is_none(
    house: House, shelf: Shelf, said: dict[str, Any]
) -> None:
    answer = creating(house, shelf, **said)
    refused(answer, 400, answer.json()["code"])
    assert answer.json()["code"] in {"BAD_REQUEST", "INVALID_INPUT"}
    assert house.get("/webhooks", shelf.a).json() == []


def test_c77_a_secret_is_never_told(house: House, shelf: Shelf) -> None:
    made = creating(house, shelf, event_type="file.deleted", secret="tell-nobody-of-it")
    assert made.json()["has_signing_secret"] is True
    hook = f"/webhooks/{made.json()['id']}"
    changed = house.put(hook, {"signing_secret": "nor-of-this-one", "description": "d"}, shelf.a)
    assert (changed.status_code, changed.json()["description"]) == (200, "d")
    seen = [made, changed, house.get("/webhooks", shelf.a), house.get(hook, shelf.a)]
    assert not any(word in each.text for each in seen for word in ("tell-nobody", "nor-of-this"))
    assert house.ask("PATCH", hook, of=shelf.a, json={"is_active": False}).json()["is_active"] is False
    assert house.delete(hook, shelf.a).status_code == 204
    refused(house.get(hook, shelf.a), 404, "NOT_FOUND")


def test_a_hook_that_is_off_hears_nothing(house: House, shelf: Shelf) -> None:
    path = shelf.hook("file.deleted")
    hook = f"/webhooks/{shelf.hooks[path]}"
    assert house.put(hook, {"is_active": False}, shelf.a).status_code == 200
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    assert shelf.told(path) == []
    shown = house.put(hook, {"is_active": True}, shelf.a).json()
    assert (shown["is_active"], shown["deactivated_at"], shown["deactivation_reason"]) == (True, None, None)


@pytest.mark.parametrize("nothing", [{"url": ""}, {"signing_secret": ""}, {"secret": ""}])
def test_nothing_is_no_address_and_no_secret_to_change_to(
    house: House, shelf: Shelf, nothing: dict[str, str]
) -> None:
    hook = f"/webhooks/{creating(house, shelf, event_type='file.deleted', secret='s3cr3t').json()['id']}"
    before = house.get(hook, shelf.a).json()
    refused(house.put(hook, {**nothing, "is_active": False}, shelf.a), 400, "BAD_REQUEST")
    assert house.get(hook, shelf.a).json() == before
