"""Customers and their keys in the words of the protocol, and back."""

import re

import msgspec
from msgspec import UNSET

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library.keys import Key
from stackroom.library.organizations import NewKey, Organization
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.links import Links
from stackroom.web.dlcs.wire import customers as wire

MAX_NAME = 60
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_VERSION = re.compile(r"v\d", re.IGNORECASE)


def customer(found: Organization, base: str) -> wire.Customer:
    links = Links(base, found.number)
    return wire.Customer(
        context=links.context("Customer"),
        at_id=links.customer,
        name=found.name,
        display_name=found.display_name or found.name,
        portal_users=links.of("portalUsers"),
        named_queries=links.of("namedQueries"),
        origin_strategies=links.of("originStrategies"),
        delivery_channel_policies=links.of("deliveryChannelPolicies"),
        default_delivery_channels=links.of("defaultDeliveryChannels"),
        queue=links.of("queue"),
        spaces=links.of("spaces"),
        all_images=links.of("allImages"),
        storage=links.of("storage"),
        keys=links.of("keys"),
        custom_headers=links.of("customHeaders"),
        administrator=found.administrator,
        created=moment(found.created_at),
    )


def stub(number: int, base: str) -> wire.CustomerStub:
    return wire.CustomerStub(at_id=Links(base, number).customer)


def checked(said: wire.NewCustomer) -> wire.NewCustomer:
    """A new customer that can be. Its name may stand in addresses of delivery. Raises `Invalid`."""
    name = said.name
    if not name or not said.display_name.strip():
        raise Invalid("A customer must have a name and a display name (displayName)", code="name_missing")
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise Invalid(
            f"name: a customer's has at most {MAX_NAME} letters, digits, points, hyphens and underscores",
            code="invalid_name",
        )
    if name.lower() == "admin" or _VERSION.match(name):
        raise Invalid(
            f"name: '{name}' cannot be a customer's, as it means something else", code="invalid_name"
        )
    return said


def listed_key(found: Key, links: Links) -> wire.Key:
    text = ids.text(found.uuid)
    return wire.Key(at_id=links.of("keys", text), key=text)


def key(found: Key, links: Links) -> wire.Key:
    return msgspec.structs.replace(listed_key(found, links), context=links.context("Key"))


def made_key(made: NewKey, links: Links) -> wire.Key:
    text = ids.text(made.uuid)
    return wire.Key(
        context=links.context("Key"),
        at_id=links.of("keys", text),
        key=text,
        secret=made.token or UNSET,
    )
