"""Delivery channels by default, of a customer and of a space, and the policies that there are."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound
from stackroom.library import channels, datasets, defaults
from stackroom.library.answers import Answer
from stackroom.library.channels import Channel
from stackroom.library.defaults import Default
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.customers import CUSTOMER
from stackroom.web.dlcs.links import Links, context
from stackroom.web.dlcs.wire import delivery as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply


async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    page = call.page
    found, total = await call.read(
        lambda conn: defaults.page(conn, call.actor, _place(conn, call), limit=page.size, offset=page.offset)
    )
    shown = [_shown(each, call.address, call.links) for each in found]
    return reply(hydra.answer(hydra.paged(call.address, shown, total, page)))


async def create(request: Request) -> Response:
    call = await _changing(request, "Create default delivery channel")
    channel, media_type = _said(call.json(wire.DefaultBody))

    def make(conn: Connection, now: int) -> Answer:
        made = defaults.create(
            conn, call.actor, _place(conn, call), channel=channel, media_type=media_type, now=now
        )
        return hydra.answer(_shown(made, call.address, call.links), 201)

    return await call.write(make)


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    reference = _reference(call)
    found = await call.read(lambda conn: defaults.find(conn, call.actor, _place(conn, call), reference))
    return reply(hydra.answer(_shown(found, _collection(call), call.links)))


async def put(request: Request) -> Response:
    call = await _changing(request, "Update default delivery channel")
    reference = _reference(call)
    channel, media_type = _said(call.json(wire.DefaultBody))

    def work(conn: Connection, now: int) -> Answer:
        changed = defaults.replace(
            conn, call.actor, _place(conn, call), reference, channel=channel, media_type=media_type, now=now
        )
        return hydra.answer(_shown(changed, _collection(call), call.links))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await _changing(request, "Delete default delivery channel")
    reference = _reference(call)

    def work(conn: Connection, now: int) -> Answer:
        defaults.remove(conn, call.actor, _place(conn, call), reference, now=now)
        return hydra.nothing()

    return await call.write(work)


async def show_policies(request: Request) -> Response:
    """For each channel a collection of its own."""
    call = await Call.begin(request)
    shown = [_policies(call.address, call.base, channel) for channel in channels.POLICIES]
    return reply(hydra.answer(hydra.whole(call.address, shown)))


async def show_channel(request: Request) -> Response:
    call = await Call.begin(request)
    base, _, channel = call.address.rpartition("/")
    if channel not in channels.POLICIES:
        raise NotFound(f"there is no channel {channel!r}")
    return reply(hydra.answer(_policies(base, call.base, channel)))


async def show_policy(request: Request) -> Response:
    call = await Call.begin(request)
    channel, policy = call.place("channel"), call.place("policy")
    if policy not in channels.POLICIES.get(channel, ()):
        raise NotFound(f"there is no policy {policy!r} of channel {channel!r}")
    return reply(hydra.answer(_policy(call.address, call.base, Channel(channel, policy))))


async def _changing(request: Request, operation: str) -> Call:
    return await Call.begin(
        request, Role.ADMIN, "changing the default delivery channels", operation=operation
    )


def _place(conn: Connection, call: Call) -> int | None:
    """The dataset in the address, if there is one. Raises `NotFound`."""
    if not call.has("space"):
        return None
    return datasets.by_number(conn, call.actor, call.number("space")).id


def _reference(call: Call) -> str:
    reference = call.place("default")
    if not ids.looks_like_id(reference):
        raise Invalid(f"'{reference}' is not the id of a default delivery channel", code="bad_id")
    return reference


def _collection(call: Call) -> str:
    return call.address.rpartition("/")[0]


def _said(said: wire.DefaultBody) -> tuple[Channel, str]:
    """A default may be for a media type that its channel could deliver nothing of: so it is in the protocol."""
    if said.id is not UNSET or said.at_id is not UNSET:
        raise Invalid(
            "Should not include id: what a default is called is for the server to say",
            code="read_only_property",
        )
    for name, value in (("channel", said.channel), ("policy", said.policy), ("mediaType", said.media_type)):
        if not value.strip():
            raise Invalid(f"'{name}' must be given", code="field_missing")
    return channels.named(said.channel, said.policy), said.media_type


def _shown(found: Default, collection: str, links: Links) -> wire.DefaultDeliveryChannel:
    return wire.DefaultDeliveryChannel(
        context=links.context("DefaultDeliveryChannel"),
        at_id=f"{collection}/{ids.text(found.uuid)}",
        channel=found.channel.channel,
        policy=found.channel.policy,
        media_type=found.media_type,
    )


def _policies(collection: str, base: str, channel: str) -> wire.ChannelPolicies:
    address = f"{collection}/{channel}"
    shown = [
        _policy(f"{address}/{policy}", base, Channel(channel, policy))
        for policy in channels.POLICIES[channel]
    ]
    return wire.ChannelPolicies(
        at_id=address,
        title=f"Policies for {channel}",
        total_items=len(shown),
        page_size=len(shown),
        member=shown,
    )


def _policy(address: str, base: str, channel: Channel) -> wire.DeliveryChannelPolicy:
    return wire.DeliveryChannelPolicy(
        context=context(base, "DeliveryChannelPolicy"),
        at_id=address,
        name=channel.policy,
        display_name=f"{channel.policy} of {channel.channel}",
        channel=channel.channel,
    )


def routes() -> list[BaseRoute]:
    places = (CUSTOMER, f"{CUSTOMER}/spaces/{{space}}")
    policies = f"{CUSTOMER}/deliveryChannelPolicies"
    return [
        *(resource(f"{place}/defaultDeliveryChannels", GET=show_all, POST=create) for place in places),
        *(
            resource(f"{place}/defaultDeliveryChannels/{{default}}", GET=show, PUT=put, DELETE=remove)
            for place in places
        ),
        resource(policies, GET=show_policies),
        resource(f"{policies}/{{channel}}", GET=show_channel),
        resource(f"{policies}/{{channel}}/{{policy}}", GET=show_policy),
    ]
