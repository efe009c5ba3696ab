"""Webhook endpoints, and what was delivered to them."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given, Limit, Offset

AssetKind = Literal["image", "video", "audio", "document"]
DeliveryStatus = Literal["pending", "delivered", "failed", "dead_letter"]


class NewEndpoint(Asked, frozen=True, kw_only=True):
    """No `event_types` means all of them. `per_item` and `asset_kind` are this server's own."""

    url: str
    description: str | None = None
    event_types: list[str] | None = None
    auth_headers: dict[str, str] | None = None
    per_item: bool = False
    asset_kind: AssetKind | None = None


class EndpointUpdate(Asked, frozen=True, kw_only=True):
    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    event_types: list[str] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    auth_headers: dict[str, str] | UnsetType | None = UNSET
    per_item: bool | UnsetType = UNSET
    asset_kind: AssetKind | UnsetType | None = UNSET


class DeliveryQuery(Asked, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0
    endpoint_id: str | None = None
    status: DeliveryStatus | None = None


class Endpoint(Given, frozen=True, kw_only=True):
    """What was sent with `auth_headers` is never shown again; their names are."""

    id: str
    organization_id: str
    url: str
    description: str | None
    event_types: list[str]
    enabled: bool
    secret_version: int
    secret_prefix: str
    consecutive_failures: int = 0
    disabled_reason: str | None = None
    auth_header_names: list[str]
    per_item: bool
    asset_kind: str | None
    last_delivery_at: str | None = None
    created_at: str


class EndpointAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    endpoint: Endpoint


class EndpointSecret(Given, frozen=True, kw_only=True):
    success: bool = True
    endpoint: Endpoint
    secret: str


class EndpointList(Given, frozen=True, kw_only=True):
    success: bool = True
    endpoints: list[Endpoint]


class EndpointDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    endpoint_id: str


class EventTypes(Given, frozen=True, kw_only=True):
    success: bool = True
    event_types: list[str]


class Told(Given, frozen=True, kw_only=True):
    """An event, as it is sent."""

    id: str
    type: str
    created_at: str
    organization_id: str
    endpoint_id: str
    project_id: str | None
    dataset_id: str | None
    image_id: str | None
    operation_id: str | None
    data: dict[str, Any]


class Tested(Given, frozen=True, kw_only=True):
    success: bool
    delivered: bool
    status_code: int | None
    error: str | None


class Delivery(Given, frozen=True, kw_only=True):
    """`failed` is what will be tried again, `dead_letter` what will not."""

    id: str
    endpoint_id: str
    organization_id: str
    event_type: str
    delivery_id: str
    status: DeliveryStatus
    attempts: int
    last_status_code: int | None
    last_error: str | None
    next_retry_at: str | None
    created_at: str
    delivered_at: str | None


class DeliveryList(Given, frozen=True, kw_only=True):
    success: bool = True
    deliveries: list[Delivery]


class Replayed(Given, frozen=True, kw_only=True):
    success: bool = True
    delivery: Delivery
