"""Events in the library's own words, as webhooks tell them and as `/library/v1/events` lists them."""

from typing import Any

import msgspec

from stackroom import ids
from stackroom.events.reading import Event
from stackroom.library.endpoints import Endpoint
from stackroom.web.native.convert.base import moment
from stackroom.webhooks.dialects import Message, Sending


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event. What does not apply to it is left out."""

    type: str
    id: str
    timestamp: str
    organization_id: str
    dataset_id: str | None = None
    asset_id: str | None = None
    operation_id: str | None = None
    batch_id: str | None = None
    key_id: str | None = None
    request_id: str | None = None
    data: dict[str, Any]


def tell(event: Event, _endpoint: Endpoint, _sending: Sending) -> Message:
    """The native dialect."""
    told = Told(
        type=event.type,
        id=ids.text(event.uuid),
        timestamp=moment(event.at),
        organization_id=ids.text(event.organization_uuid),
        dataset_id=ids.text_or_none(event.dataset_uuid),
        asset_id=ids.text_or_none(event.asset_uuid),
        operation_id=ids.text_or_none(event.operation_uuid),
        batch_id=ids.text_or_none(event.batch_uuid),
        key_id=ids.text_or_none(event.key_uuid),
        request_id=event.request_id,
        data=event.told(moment),
    )
    return Message({}, msgspec.json.encode(told))
