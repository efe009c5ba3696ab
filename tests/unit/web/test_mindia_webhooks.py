"""Webhooks of the Mindia protocol: the many names of an event, and what is sent."""

import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.events.reading import Event
from stackroom.library.endpoints import Endpoint
from stackroom.web.mindia.convert import webhooks as convert
from stackroom.web.mindia.convert.webhooks import Wanted
from stackroom.web.mindia.hooks import dialect
from stackroom.web.mindia.wire.webhooks import NewWebhook, WebhookChanges
from stackroom.webhooks.dialects import Sending

AT = 1_772_616_930_123_456
TENANT, ASSET, HOOK, EVENT, SOURCE = (ids.new() for _ in range(5))
ENDPOINT = Endpoint(
    id=1,
    uuid=HOOK,
    dialect="mindia",
    per_item=True,
    asset_kind=None,
    url="https://hooks.example/in",
    description=None,
    event_types=["asset.deleted"],
    enabled=True,
    secret="s3cr3t",
    secret_version=1,
    previous_secret=None,
    previous_secret_until=None,
    auth_headers={},
    failures=0,
    deactivated_at=None,
    deactivation_reason=None,
    created_at=AT,
    updated_at=AT,
)
IMAGE: dict[str, Any] = {
    "filename": "harbour.jpg",
    "content_type": "image/jpeg",
    "size": 184220,
    "kind": "image",
    "uploaded_at": AT,
    "expires_at": None,
}
SENDING = Sending(delivery_uuid=ids.new(), attempt=2, at=AT)


def told(kind: str, endpoint: Endpoint = ENDPOINT, /, *, at: int = AT + 1, **data: Any) -> dict[str, Any]:
    return json.loads(sent(kind, endpoint, at=at, **data).body)  # type: ignore[no-any-return]  # it is an object


def sent(kind: str, endpoint: Endpoint = ENDPOINT, /, *, at: int = AT + 1, **data: Any) -> Any:
    event = Event(
        id=1,
        uuid=EVENT,
        organization_id=1,
        organization_uuid=TENANT,
        type=kind,
        at=at,
        asset_uuid=ASSET,
        data={**IMAGE, **data},
    )
    return dialect("https://media.example")(event, endpoint, SENDING)


def test_an_upload_is_told_in_the_order_of_the_protocol() -> None:
    body = told("asset.created", initiator="url_upload")
    assert list(body) == ["hook", "data", "initiator"]
    assert body["hook"] == {
        "id": ids.text(HOOK),
        "event": "file.uploaded",
        "target": "https://hooks.example/in",
        "project": ids.text(TENANT),
        "created_at": "2026-03-04T09:35:30.123456Z",
        "event_id": ids.text(EVENT),
    }
    assert body["data"] == {
        "id": ids.text(ASSET),
        "filename": "harbour.jpg",
        "url": f"https://media.example/media/{ids.text(TENANT)}/{ids.text(ASSET)}.jpg",
        "content_type": "image/jpeg",
        "file_size": 184220,
        "entity_type": "image",
        "uploaded_at": "2026-03-04T09:35:30.123456Z",
        "stored_at": "2026-03-04T09:35:30.123456Z",
    }
    assert list(body["data"])[:4] == ["id", "filename", "url", "content_type"]
    assert body["initiator"] == {"type": "url_upload", "id": ids.text(TENANT)}


def test_what_does_not_stay_is_not_said_to_be_stored() -> None:
    assert "stored_at" not in told("asset.created", expires_at=AT + 5)["data"]


@pytest.mark.parametrize(
    ("said", "initiator"),
    [("delete", "delete"), ("purge", "delete"), ("overwrite", "delete"), ("expiration", "expiration")],
)
def test_a_deletion_says_when_and_why(said: str, initiator: str) -> None:
    body = told("asset.deleted", initiator=said)
    assert body["data"]["deleted_at"] == "2026-03-04T09:35:30.123457Z"
    assert "stored_at" not in body["data"]
    assert body["initiator"]["type"] == initiator


def test_a_copy_names_its_source() -> None:
    body = told(
        "asset.copied", initiator="copy", source_id=ids.text(SOURCE), kind="video", processing="completed"
    )
    assert body["hook"]["event"] == "file.uploaded"
    assert body["data"]["source_id"] == ids.text(SOURCE)
    assert (body["data"]["entity_type"], body["data"]["processing_status"]) == ("video", "completed")
    assert body["initiator"]["type"] == "copy"


def test_a_failure_says_why() -> None:
    body = told("asset.processing_failed", kind="video", processing="failed", error="no picture in it")
    assert body["hook"]["event"] == "file.processing_failed"
    assert (body["data"]["processing_status"], body["data"]["error_message"]) == (
        "failed",
        "no picture in it",
    )


def test_what_is_sent_is_signed_by_the_secret_as_it_is() -> None:
    message = sent("asset.deleted")
    signed = "v1=" + hmac.new(b"s3cr3t", message.body, hashlib.sha256).hexdigest()
    assert message.headers == {
        "User-Agent": "Mindia-Webhook/1.0",
        "X-Webhook-Event-Id": ids.text(EVENT),
        "X-Webhook-Attempt": "2",
        "X-Webhook-Timestamp": str(AT // 1_000_000),
        "X-Webhook-Signature": signed,
        "X-Uc-Signature": signed,
    }
    open_one = sent("asset.deleted", msgspec.structs.replace(ENDPOINT, secret=""))
    assert not any("Signature" in name for name in open_one.headers)
    assert open_one.body == message.body


def test_an_event_of_another_protocol_that_says_less_is_told_as_far_as_it_goes() -> None:
    event = Event(
        id=1,
        uuid=EVENT,
        organization_id=1,
        organization_uuid=TENANT,
        type="asset.created",
        at=AT,
        asset_uuid=ASSET,
        data={"name": "a.jpg"},
    )
    body = json.loads(dialect("")(event, ENDPOINT, SENDING).body)
    assert (body["data"]["filename"], body["data"]["file_size"]) == ("a.jpg", 0)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["file.uploaded"], [Wanted("file.uploaded")]),
        (["file_uploaded", "FILE.UPLOADED"], [Wanted("file.uploaded")]),
        (["file_processing_completed"], [Wanted("file.processing_completed")]),
        (["audio.deleted"], [Wanted("file.deleted", "audio")]),
        (["image_uploaded"], [Wanted("file.uploaded", "image")]),
        (["video.completed"], [Wanted("file.processing_completed", "video")]),
        (["video.failed"], [Wanted("file.processing_failed", "video")]),
        (["file.deleted", "image.deleted"], [Wanted("file.deleted"), Wanted("file.deleted", "image")]),
    ],
)
def test_an_event_has_many_names(names: list[str], wanted: list[Wanted]) -> None:
    assert convert.wanted_of(NewWebhook(url="u", events=names)) == wanted
    assert convert.wanted_of(NewWebhook(url="u", event_type=names[0], events=names[1:])) == wanted


@pytest.mark.parametrize("name", ["", "file", "file.eaten", "workflow.eaten", "workflow", "asset.created"])
def test_what_is_no_event_of_the_protocol_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        convert.wanted_of(NewWebhook(url="u", event_type=name))
    assert refused.value.code == "BAD_REQUEST"


def test_nothing_to_change_changes_nothing() -> None:
    assert convert.changes(WebhookChanges()) is None
    assert convert.changes(WebhookChanges(url=None, secret=None)) is None
    changes = convert.changes(WebhookChanges(is_active=False))
    assert changes is not None
    assert changes.enabled is False
