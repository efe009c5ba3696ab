"""Webhook endpoints, between the library's words and Pictograph's."""

from msgspec import UNSET

from stackroom import ids
from stackroom.access import Actor
from stackroom.library.endpoints import Endpoint, EndpointChanges
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire import webhooks as wire


def endpoint(found: Endpoint, actor: Actor) -> wire.Endpoint:
    return wire.Endpoint(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        url=found.url,
        description=found.description,
        event_types=found.event_types,
        enabled=found.enabled,
        secret_version=found.secret_version,
        secret_prefix=found.secret_prefix,
        auth_header_names=sorted(found.auth_headers),
        created_at=moment(found.created_at),
    )


def with_secret(found: Endpoint, actor: Actor) -> wire.EndpointSecret:
    return wire.EndpointSecret(endpoint=endpoint(found, actor), secret=found.secret)


def changes(asked: wire.NewEndpoint | wire.EndpointUpdate) -> EndpointChanges:
    return EndpointChanges(
        url=asked.url,
        description=asked.description,
        event_types=asked.event_types,
        enabled=asked.enabled if isinstance(asked, wire.EndpointUpdate) else UNSET,
        auth_headers=asked.auth_headers,
    )
