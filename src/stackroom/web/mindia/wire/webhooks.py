"""Webhooks, and what is sent to them, in the words of the protocol."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import Asked, Given, Moment, like

Status = Literal["pending", "success", "failed", "retrying"]


class NewWebhook(Asked, frozen=True, kw_only=True):
    url: Annotated[str, like("https://hooks.example.com/in")]
    event_type: str | None = None
    events: Annotated[list[str] | None, like(["file.uploaded"])] = None
    signing_secret: str | None = None
    secret: str | None = None
    description: str | None = None


class WebhookChanges(Asked, frozen=True, kw_only=True):
    url: str | None = None
    signing_secret: str | None = None
    secret: str | None = None
    is_active: Annotated[bool | None, like(False)] = None
    description: str | None = None


class Webhook(Given, frozen=True, kw_only=True):
    id: UUID
    url: str
    event_type: str
    events: list[str]
    has_signing_secret: bool
    is_active: bool
    description: str | None
    created_at: Moment
    updated_at: Moment
    deactivated_at: Moment | None
    deactivation_reason: str | None
    created: list["Webhook"] | UnsetType = UNSET


class Delivery(Given, frozen=True, kw_only=True):
    id: UUID
    webhook_id: UUID
    event_type: str
    status: Status
    response_status_code: int | None
    error_message: str | None
    retry_count: int
    created_at: Moment
    sent_at: Moment | None
    completed_at: Moment | None


class Hook(Given, frozen=True, kw_only=True):
    """The webhook that is told, and what of. `created_at` is the webhook's."""

    id: UUID
    event: str
    target: str
    project: UUID
    created_at: Moment
    event_id: UUID


class Subject(Given, frozen=True, kw_only=True):
    id: UUID | None
    filename: str
    url: str
    content_type: str
    file_size: int
    entity_type: str
    uploaded_at: Moment | UnsetType = UNSET
    deleted_at: Moment | UnsetType = UNSET
    stored_at: Moment | UnsetType = UNSET
    processing_status: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET
    source_id: UUID | UnsetType = UNSET


class Initiator(Given, frozen=True, kw_only=True):
    type: str
    id: UUID


class Told(Given, frozen=True, kw_only=True):
    """The body of a delivery. Its keys stand in this order."""

    hook: Hook
    data: Subject
    initiator: Initiator
