"""Webhooks: one event for each, by its many names; and what became of what was sent there."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from stackroom.library.endpoints import Endpoint, EndpointChanges
from stackroom.web.mindia.errors import bad_request
from stackroom.web.mindia.wire import webhooks as wire
from stackroom.web.mindia.wire.base import moment, moment_or_none, uuid
from stackroom.webhooks.deliveries import Delivery

KINDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "file.uploaded": ("asset.created", "asset.copied"),
    "file.deleted": ("asset.deleted",),
    "file.stored": ("asset.stored",),
    "file.processing_completed": ("asset.processing_completed",),
    "file.processing_failed": ("asset.processing_failed",),
    "workflow.completed": ("workflow.completed",),
    "workflow.failed": ("workflow.failed",),
}
"""The events of the protocol, and which of the library's each of them stands for."""
_KINDS: Final = ("image", "video", "audio", "document")
_OF_ONE_KIND: Final = {
    **{f"{kind}.{what}": (f"file.{what}", kind) for kind in _KINDS for what in ("uploaded", "deleted")},
    "video.completed": ("file.processing_completed", "video"),
    "video.failed": ("file.processing_failed", "video"),
}
_OF_KIND: Final = {kind: event for event, kinds in KINDS_OF.items() for kind in kinds}
_STATUS: Final[dict[str, wire.Status]] = {
    "pending": "pending",
    "retrying": "retrying",
    "delivered": "success",
    "failed": "failed",
}
MAX_DESCRIPTION = 500


class Wanted(msgspec.Struct, frozen=True):
    """What a webhook hears of: an event, and of which kind of media, if not of all."""

    event: str
    asset_kind: str | None = None


def event_of(kind: str) -> str:
    """The protocol's name of one of the library's events; its own for what the protocol does not know."""
    return _OF_KIND.get(kind, kind)


def wanted_of(asked: wire.NewWebhook) -> list[Wanted]:
    """Each once, in the order in which they were named. Raises `Invalid` (`BAD_REQUEST`) for none, and for what is no
    event."""
    named = [*([] if asked.event_type is None else [asked.event_type]), *(asked.events or [])]
    if not named:
        raise bad_request("a webhook needs an event_type, or events")
    return list(dict.fromkeys(_wanted(name) for name in named))


def _wanted(name: str) -> Wanted:
    dotted = name.strip().lower()
    if "." not in dotted:
        dotted = dotted.replace("_", ".", 1)
    if dotted in KINDS_OF:
        return Wanted(dotted)
    if dotted in _OF_ONE_KIND:
        return Wanted(*_OF_ONE_KIND[dotted])
    raise bad_request(f"{name[:100]!r} is not an event")


def endpoint(asked: wire.NewWebhook, wanted: Wanted) -> EndpointChanges:
    return EndpointChanges(
        url=asked.url,
        description=checked_description(asked.description),
        event_types=KINDS_OF[wanted.event],
        asset_kind=wanted.asset_kind,
        per_item=True,
        secret=asked.signing_secret or asked.secret or None,
    )


def changes(asked: wire.WebhookChanges) -> EndpointChanges | None:
    """What is absent or null stays. None if nothing is to change. What is empty is not absent: it is refused later."""
    secret = asked.secret if asked.signing_secret is None else asked.signing_secret
    wanted = EndpointChanges(
        url=UNSET if asked.url is None else asked.url,
        description=UNSET if asked.description is None else checked_description(asked.description),
        enabled=UNSET if asked.is_active is None else asked.is_active,
        secret=UNSET if secret is None else secret,
    )
    return None if wanted == EndpointChanges() else wanted


def checked_description(given: str | None) -> str | None:
    if given is not None and len(given) > MAX_DESCRIPTION:
        raise bad_request(f"description: at most {MAX_DESCRIPTION} characters")
    return given


def shown(found: Endpoint, created: Sequence[Endpoint] = ()) -> wire.Webhook:
    """With all that were `created` at once, where those were several."""
    event = event_of(next(iter(found.event_types), ""))
    return wire.Webhook(
        id=uuid(found.uuid),
        url=found.url,
        event_type=event,
        events=[event],
        has_signing_secret=bool(found.secret),
        is_active=found.enabled,
        description=found.description,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        deactivated_at=moment_or_none(found.deactivated_at),
        deactivation_reason=found.deactivation_reason,
        created=[shown(each) for each in created] if len(created) > 1 else UNSET,
    )


def deliveries(found: Iterable[Delivery]) -> list[wire.Delivery]:
    return [delivery(each) for each in found]


def delivery(found: Delivery) -> wire.Delivery:
    return wire.Delivery(
        id=uuid(found.uuid),
        webhook_id=uuid(found.endpoint_uuid),
        event_type=event_of(found.event_type or ""),
        status=_STATUS[found.state],
        response_status_code=found.status_code,
        error_message=found.error,
        retry_count=max(0, found.attempts - 1),
        created_at=moment(found.created_at),
        sent_at=moment_or_none(found.sent_at),
        completed_at=moment_or_none(found.finished_at),
    )
