"""Delivery channels by default, and the policies that there are."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import HYDRA, Asked, Given


class DefaultDeliveryChannel(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:DefaultDeliveryChannel")
    channel: str
    policy: str
    media_type: str


class DefaultBody(Asked, frozen=True, kw_only=True):
    """What a client says of a default. What it is called is not for a client to say."""

    id: object = UNSET
    at_id: object = field(name="@id", default=UNSET)
    channel: str = ""
    policy: str = ""
    media_type: str = ""


class DeliveryChannelPolicy(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:DeliveryChannelPolicy")
    name: str
    display_name: str
    channel: str
    policy_data: str | UnsetType = UNSET


class ChannelPolicies(Given, frozen=True, kw_only=True):
    """The policies of one channel, as a member of the collection of all."""

    context: str = field(name="@context", default=HYDRA)
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="Collection")
    title: str
    total_items: int
    page_size: int
    member: list[DeliveryChannelPolicy]
