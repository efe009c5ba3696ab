"""Spaces."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Asked, Given


class Space(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Space")
    id: int
    name: str
    created: str
    default_tags: list[str]
    default_roles: list[str]
    max_unauthorised: int
    approximate_number_of_images: int | UnsetType = UNSET
    images: str
    storage: str
    metadata: str
    default_delivery_channels: str


class SpaceBody(Asked, frozen=True, kw_only=True):
    """What a client says of a space. An `id` is ignored: the address has it, or the server chooses."""

    name: str | UnsetType = UNSET
    default_tags: list[str] | UnsetType = UNSET
    default_roles: list[str] | UnsetType = UNSET
    max_unauthorised: int | UnsetType = UNSET
