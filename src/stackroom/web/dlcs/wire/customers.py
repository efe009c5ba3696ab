"""Customers and their keys."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Asked, Given


class CustomerStub(Given, frozen=True, kw_only=True):
    """A customer as strangers are told of it."""

    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Customer")


class Customer(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Customer")
    name: str
    display_name: str
    portal_users: str
    named_queries: str
    origin_strategies: str
    delivery_channel_policies: str
    default_delivery_channels: str
    queue: str
    spaces: str
    all_images: str
    storage: str
    keys: str
    custom_headers: str
    administrator: bool
    created: str
    accepted_agreement: bool = True


class NewCustomer(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that may be said of a new customer."""

    context: object = field(name="@context", default=None)
    type: object = field(name="@type", default=None)
    name: str = ""
    display_name: str = ""


class CustomerChanges(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that may be said of a customer that there is."""

    context: object = field(name="@context", default=None)
    type: object = field(name="@type", default=None)
    display_name: str | UnsetType = UNSET


class Key(Given, frozen=True, kw_only=True):
    """`secret` is in the answer that makes it, and in no other. In a list a key has no `context`."""

    context: str | UnsetType = field(name="@context", default=UNSET)
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Key")
    key: str
    secret: str | UnsetType = UNSET
