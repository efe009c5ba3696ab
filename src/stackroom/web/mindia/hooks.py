"""Events as the receivers of this protocol expect them, and signed in its own headers."""

from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from stackroom import ids
from stackroom.clock import SECOND
from stackroom.events.reading import Event
from stackroom.library.endpoints import Endpoint
from stackroom.web.mindia.convert.media import file_path
from stackroom.web.mindia.convert.webhooks import event_of
from stackroom.web.mindia.wire import webhooks as wire
from stackroom.web.mindia.wire.base import moment, uuid
from stackroom.webhooks.dialects import Dialect, Message, Sending, hex_signature

AGENT: Final = "Mindia-Webhook/1.0"
_DELETED, _UPLOADED = "file.deleted", "file.uploaded"
_VIDEO = "video"
_DELETING: Final = frozenset({"purge", "overwrite", "undo"})
"""Verbs by which other faces delete."""


def dialect(base: str) -> Dialect:
    """The Mindia dialect of a server that is reached at `base`."""

    def tell(event: Event, endpoint: Endpoint, sending: Sending) -> Message:
        body = msgspec.json.encode(told(event, endpoint, base=base))
        return Message(_headers(event, endpoint, sending, body), body)

    return tell


def told(event: Event, endpoint: Endpoint, *, base: str) -> wire.Told:
    """What is said of an event. The asset may be gone: what was known of it stands in the event."""
    name = event_of(event.type)
    return wire.Told(
        hook=wire.Hook(
            id=uuid(endpoint.uuid),
            event=name,
            target=endpoint.url,
            project=uuid(event.organization_uuid),
            created_at=moment(endpoint.created_at),
            event_id=uuid(event.uuid),
        ),
        data=_subject(event, name, base),
        initiator=wire.Initiator(type=_initiator(event, name), id=uuid(event.organization_uuid)),
    )


def _subject(event: Event, name: str, base: str) -> wire.Subject:
    said = event.data
    filename = str(said.get("filename") or said.get("name") or "")
    uploaded_at = int(said.get("uploaded_at") or event.at)
    kept = name != _DELETED and said.get("expires_at") is None
    path = "" if event.asset_uuid is None else file_path(event.organization_uuid, event.asset_uuid, filename)
    return wire.Subject(
        id=None if event.asset_uuid is None else uuid(event.asset_uuid),
        filename=filename,
        url=base + path,
        content_type=str(said.get("content_type") or "application/octet-stream"),
        file_size=int(said.get("size") or 0),
        entity_type=str(said.get("kind") or "image"),
        uploaded_at=moment(uploaded_at),
        deleted_at=moment(event.at) if name == _DELETED else UNSET,
        stored_at=moment(uploaded_at) if kept else UNSET,
        processing_status=_processing(said),
        error_message=str(said["error"]) if said.get("error") else UNSET,
        source_id=UUID(said["source_id"]) if said.get("source_id") else UNSET,
    )


def _processing(said: dict[str, Any]) -> str | UnsetType:
    return str(said["processing"]) if said.get("kind") == _VIDEO and said.get("processing") else UNSET


def _initiator(event: Event, name: str) -> str:
    said = str(event.data.get("initiator") or "")
    if name == _DELETED and said in {"", *_DELETING}:
        return "delete"
    return said or "upload"


def _headers(event: Event, endpoint: Endpoint, sending: Sending, body: bytes) -> dict[str, str]:
    headers = {
        "User-Agent": AGENT,
        "X-Webhook-Event-Id": ids.text(event.uuid),
        "X-Webhook-Attempt": str(sending.attempt),
        "X-Webhook-Timestamp": str(sending.at // SECOND),
    }
    if not endpoint.secret:
        return headers
    signed = f"v1={hex_signature(endpoint.secret, body)}"
    return {**headers, "X-Webhook-Signature": signed, "X-Uc-Signature": signed}
