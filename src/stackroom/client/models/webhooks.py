"""Where events are sent, and what became of them."""

from msgspec import Struct

from .base import Moment, OpenEnum


class DeliveryStatus(OpenEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD_LETTER = "dead_letter"


class WebhookEndpoint(Struct, frozen=True, kw_only=True):
    """An address that events are sent to. No `event_types` means all. Its secret is not shown.

    With `per_item` it is told of each item of an operation, else of the operation; with an `asset_kind`, of no other
    assets.
    """

    id: str
    organization_id: str | None = None
    url: str
    description: str | None = None
    event_types: list[str] = []
    enabled: bool = True
    secret_version: int = 1
    secret_prefix: str | None = None
    consecutive_failures: int = 0
    disabled_reason: str | None = None
    auth_header_names: list[str] = []
    per_item: bool = False
    asset_kind: str | None = None
    last_delivery_at: Moment | None = None
    created_at: Moment | None = None


class WebhookSecret(Struct, frozen=True, kw_only=True):
    """An endpoint with the secret that signs what is sent to it: the only time that it is to be seen."""

    endpoint: WebhookEndpoint
    secret: str

    def __repr__(self) -> str:
        return f"WebhookSecret(endpoint={self.endpoint!r})"


class WebhookTest(Struct, frozen=True, kw_only=True):
    """What came of a test delivery."""

    delivered: bool
    status_code: int | None = None
    error: str | None = None


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint. FAILED will be tried again, DEAD_LETTER will not."""

    id: str
    endpoint_id: str
    event_type: str
    delivery_id: str
    status: DeliveryStatus
    attempts: int = 0
    last_status_code: int | None = None
    last_error: str | None = None
    next_retry_at: Moment | None = None
    created_at: Moment | None = None
    delivered_at: Moment | None = None
