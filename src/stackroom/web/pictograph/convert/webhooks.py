"""Webhook endpoints, between the library's words and Pictograph's."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import UNSET

from stackroom import ids
from stackroom.access import Actor
from stackroom.library.endpoints import Endpoint, EndpointChanges
from stackroom.web.pictograph.convert.base import moment, moment_out
from stackroom.web.pictograph.wire import webhooks as wire
from stackroom.webhooks.deliveries import Delivery, State

# What is tried again is called failed there, and what is not, a dead letter.
STATES: Mapping[wire.DeliveryStatus, State] = MappingProxyType(
    {"pending": "pending", "failed": "retrying", "delivered": "delivered", "dead_letter": "failed"}
)
_STATUSES = {state: status for status, state in STATES.items()}


def endpoint(found: Endpoint, actor: Actor, last_sent: int | None = None) -> wire.Endpoint:
    return wire.Endpoint(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        url=found.url,
        description=found.description,
        event_types=found.event_types,
        enabled=found.enabled,
        secret_version=found.secret_version,
        secret_prefix=found.secret_prefix,
        consecutive_failures=found.failures,
        disabled_reason=found.deactivation_reason,
        auth_header_names=sorted(found.auth_headers),
        per_item=found.per_item,
        asset_kind=found.asset_kind,
        last_delivery_at=moment_out(last_sent),
        created_at=moment(found.created_at),
    )


def with_secret(found: Endpoint, actor: Actor) -> wire.EndpointSecret:
    return wire.EndpointSecret(endpoint=endpoint(found, actor), secret=found.secret)


def delivery(found: Delivery, actor: Actor) -> wire.Delivery:
    return wire.Delivery(
        id=ids.text(found.uuid),
        endpoint_id=ids.text(found.endpoint_uuid),
        organization_id=ids.text(actor.organization_uuid),
        event_type=found.event_type or "",  # which has been forgotten
        delivery_id=ids.text(found.uuid),
        status=_STATUSES[found.state],
        attempts=found.attempts,
        last_status_code=found.status_code,
        last_error=found.error,
        next_retry_at=moment_out(found.next_at),
        created_at=moment(found.created_at),
        delivered_at=moment_out(found.finished_at if found.state == "delivered" else None),
    )


def changes(asked: wire.NewEndpoint | wire.EndpointUpdate) -> EndpointChanges:
    return EndpointChanges(
        url=asked.url,
        description=asked.description,
        event_types=asked.event_types,
        enabled=asked.enabled if isinstance(asked, wire.EndpointUpdate) else UNSET,
        auth_headers=asked.auth_headers,
        per_item=asked.per_item,
        asset_kind=asked.asset_kind,
    )
