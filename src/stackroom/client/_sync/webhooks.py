# Made from ../_async/webhooks.py by tools/generate_sync_client.py: change it there.

"""Where events are sent."""

import builtins
from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET, UnsetType

from stackroom.client.models import MediaKind, WebhookDelivery, WebhookEndpoint, WebhookSecret, WebhookTest
from stackroom.client.wire import (
    DEVELOPER,
    Call,
    Page,
    Shape,
    changed,
    given,
    id_list,
    many,
    nothing,
    one,
    segment,
)

from .connection import Connection
from .paging import by_offset

_WEBHOOKS = f"{DEVELOPER}/webhooks"
_ENDPOINTS = f"{_WEBHOOKS}/endpoints"
_ENDPOINT = one(Shape(WebhookEndpoint), "endpoint")
_LIST = many(Shape(WebhookEndpoint), "endpoints")
_SECRET = one(Shape(WebhookSecret))
_TESTED = one(Shape(WebhookTest))
_KINDS = many(Shape(str), "event_types")
_DELIVERIES = many(Shape(WebhookDelivery), "deliveries")


class Webhooks:
    """`client.webhooks`. Everything here needs the admin role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> builtins.list[WebhookEndpoint]:
        """All endpoints of the organization."""
        return (self._connection.call(Call(method="GET", path=_ENDPOINTS, reply=_LIST))).rows

    def get(self, endpoint_id: str) -> WebhookEndpoint:
        """The endpoint of this id. Raises NotFoundError."""
        return self._connection.call(Call(method="GET", path=_path(endpoint_id), reply=_ENDPOINT))

    def create(
        self,
        url: str,
        *,
        description: str | None = None,
        event_types: Iterable[str] | None = None,
        auth_headers: Mapping[str, str] | None = None,
        per_item: bool | None = None,
        asset_kind: MediaKind | str | None = None,
    ) -> WebhookSecret:
        """A new endpoint, for these events or for all. Keep its `secret`: no other answer has it.

        `auth_headers` go with every delivery. With `per_item` it is told of each item of an operation instead of the
        operation, with an `asset_kind` of no other assets. Raises ConflictError for an address that there is already.
        """
        body = given(
            url=url,
            description=description,
            event_types=None if event_types is None else id_list(event_types, "event_types"),
            auth_headers=None if auth_headers is None else dict(auth_headers),
            per_item=per_item,
            asset_kind=asset_kind,
        )
        return self._connection.call(Call(method="POST", path=_ENDPOINTS, json=body, reply=_SECRET))

    def update(
        self,
        endpoint_id: str,
        *,
        url: str | UnsetType = UNSET,
        description: str | UnsetType | None = UNSET,
        event_types: Iterable[str] | UnsetType | None = UNSET,
        enabled: bool | UnsetType = UNSET,
        auth_headers: Mapping[str, str] | UnsetType | None = UNSET,
        per_item: bool | UnsetType = UNSET,
        asset_kind: MediaKind | str | UnsetType | None = UNSET,
    ) -> WebhookEndpoint:
        """Change what is given; None clears. Enabling one that was switched off forgets its failures.
        Raises EmptyUpdate, without a request, if nothing is."""
        if event_types is not UNSET and event_types is not None:
            event_types = id_list(event_types, "event_types")
        body = changed(
            url=url,
            description=description,
            event_types=event_types,
            enabled=enabled,
            auth_headers=auth_headers,
            per_item=per_item,
            asset_kind=asset_kind,
        )
        path = _path(endpoint_id)
        return self._connection.call(Call(method="PATCH", path=path, json=body, reply=_ENDPOINT))

    def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint: nothing is sent there any more."""
        self._connection.call(Call(method="DELETE", path=_path(endpoint_id), reply=nothing))

    def rotate_secret(self, endpoint_id: str) -> WebhookSecret:
        """Give an endpoint another secret; the one before signs as well for a day more."""
        path = f"{_path(endpoint_id)}/rotate-secret"
        return self._connection.call(Call(method="POST", path=path, reply=_SECRET))

    def test(self, endpoint_id: str) -> WebhookTest:
        """Have a test event sent at once, and say what came of it."""
        path = f"{_path(endpoint_id)}/test"
        return self._connection.call(Call(method="POST", path=path, reply=_TESTED))

    def event_types(self) -> builtins.list[str]:
        """Every kind of event that can be subscribed to."""
        call = Call(method="GET", path=f"{_WEBHOOKS}/event-types", reply=_KINDS)
        return (self._connection.call(call)).rows

    def deliveries(
        self,
        *,
        endpoint_id: str | None = None,
        status: str | None = None,
        page_size: int = 50,
        max_total: int | None = None,
    ) -> Iterator[WebhookDelivery]:
        """What was or is to be delivered, page by page."""

        def fetch(limit: int, offset: int) -> Page[WebhookDelivery]:
            query = {"limit": limit, "offset": offset, "endpoint_id": endpoint_id, "status": status}
            path = f"{_WEBHOOKS}/deliveries"
            return self._connection.call(Call(method="GET", path=path, query=query, reply=_DELIVERIES))

        return by_offset(fetch, page_size=page_size, max_total=max_total)

    def replay(self, delivery_id: str) -> None:
        """Have something delivered once more. Raises NotFoundError."""
        path = f"{_WEBHOOKS}/deliveries/{segment(delivery_id, 'delivery id')}/replay"
        self._connection.call(Call(method="POST", path=path, reply=nothing))


def _path(endpoint_id: str) -> str:
    return f"{_ENDPOINTS}/{segment(endpoint_id, 'endpoint id')}"
