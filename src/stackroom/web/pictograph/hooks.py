"""Events as Pictograph's receivers expect them: signed in its own header, which says when that was."""

import msgspec

from stackroom import ids
from stackroom.clock import SECOND
from stackroom.events.reading import Event
from stackroom.library.endpoints import Endpoint
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire.webhooks import Told
from stackroom.webhooks.dialects import Message, Sending, hex_signature


def tell(event: Event, endpoint: Endpoint, sending: Sending) -> Message:
    """The Pictograph dialect."""
    told = Told(
        id=ids.text(event.uuid),
        type=event.type,
        created_at=moment(event.at),
        organization_id=ids.text(event.organization_uuid),
        endpoint_id=ids.text(endpoint.uuid),
        project_id=ids.text_or_none(event.dataset_uuid),
        dataset_id=ids.text_or_none(event.dataset_uuid),
        image_id=ids.text_or_none(event.asset_uuid),
        operation_id=ids.text_or_none(event.operation_uuid),
        data=event.told(moment),
    )
    body = msgspec.json.encode(told)
    at = sending.at // SECOND
    headers = {
        "X-Pictograph-Event": event.type,
        "X-Pictograph-Delivery": ids.text(sending.delivery_uuid),
    }
    if endpoint.secret:
        signature = hex_signature(endpoint.secret, f"{at}.".encode() + body)
        headers["X-Pictograph-Signature"] = f"t={at},v1={signature}"
    return Message(headers, body)
