"""Webhooks: who wants to be told of what happens, and what was told."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from stackroom.web.native.wire.base import MAX_PAGE, Asked, Given, Id, Kind, Moment

DeliveryState = Literal["pending", "retrying", "delivered", "failed"]


class NewWebhook(Asked, frozen=True, kw_only=True):
    url: str
    description: str | None = None
    event_types: list[str] = field(default_factory=list)
    """None means all."""
    per_item: bool = False
    """Whether to be told of each item of an operation instead of the operation."""
    asset_kind: Kind | None = None
    """Of assets, only of these."""
    auth_headers: dict[str, str] = field(default_factory=dict)
    """Sent with every delivery."""
    secret: str | UnsetType | None = UNSET
    """One that the receiver has chosen; null for no signature. Left out, one is made."""


class WebhookUpdate(Asked, frozen=True, kw_only=True):
    """Only what is given changes; null clears."""

    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    event_types: list[str] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    per_item: bool | UnsetType = UNSET
    asset_kind: Kind | UnsetType | None = UNSET
    auth_headers: dict[str, str] | UnsetType | None = UNSET


class SecretRotation(Asked, frozen=True, kw_only=True):
    overlap_hours: Annotated[float, Meta(ge=0, le=720)] = 24
    """For how long the secret that there is signs as well."""


class DeliveriesQuery(Asked, frozen=True, kw_only=True):
    webhook: Id | None = None
    state: DeliveryState | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: str | None = None


class Webhook(Given, frozen=True, kw_only=True):
    """An address that events are sent to. Of `auth_headers` only the names are shown, of the secret the beginning."""

    id: Id
    url: str
    description: str | None
    dialect: Literal["native", "pictograph", "mindia"]
    """In whose words."""
    event_types: list[str]
    per_item: bool
    asset_kind: str | None
    enabled: bool
    secret_prefix: str
    secret_version: int
    previous_secret_until: Moment | None
    auth_header_names: list[str]
    failures: int
    """Since the last success."""
    deactivated_at: Moment | None
    deactivation_reason: str | None
    created_at: Moment
    updated_at: Moment


class MadeWebhook(Given, frozen=True, kw_only=True):
    """With its secret, which no other answer has."""

    webhook: Webhook
    secret: str


class Webhooks(Given, frozen=True, kw_only=True):
    webhooks: list[Webhook]


class EventTypes(Given, frozen=True, kw_only=True):
    event_types: list[str]


class RemovedWebhook(Given, frozen=True, kw_only=True):
    id: Id


class Delivery(Given, frozen=True, kw_only=True):
    """One event on its way to one webhook. What was answered and what went wrong are of the last attempt."""

    id: Id
    webhook_id: Id
    event_id: Id | None
    event_type: str | None
    """Null for what has been forgotten."""
    state: DeliveryState
    attempts: int
    status_code: int | None
    response: str | None
    error: str | None
    created_at: Moment
    sent_at: Moment | None
    next_at: Moment | None
    finished_at: Moment | None


class Deliveries(Given, frozen=True, kw_only=True):
    deliveries: list[Delivery]
    next: str | None


class TestedWebhook(Given, frozen=True, kw_only=True):
    delivered: bool
    status_code: int | None
    response: str | None
    error: str | None
