"""Many images named at once."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Asked
from stackroom.web.dlcs.wire.members import Member


class Named(Asked, frozen=True, kw_only=True):
    """An image by its whole id, `customer/space/id`."""

    id: str = ""


class Names(Asked, frozen=True, kw_only=True):
    """One client that is about calls the list `members`."""

    member: list[Named] | None = None
    members: list[Named] | None = None


class Field(Asked, frozen=True, kw_only=True):
    """One property of many images, and what to do with it, which one client says by number."""

    member: list[Named] | None = None
    members: list[Named] | None = None
    field: str = ""
    operation: str | int = ""
    value: list[str] | UnsetType = UNSET


class Partial(Asked, frozen=True, kw_only=True):
    """Many images, each with what is to be changed of it."""

    member: list[Member] | None = None
    members: list[Member] | None = None


class Query(Asked, frozen=True, kw_only=True):
    """Which images: what `q` says. What is not known of it is ignored."""

    space: int | UnsetType = UNSET
    string1: str | UnsetType = UNSET
    string2: str | UnsetType = UNSET
    string3: str | UnsetType = UNSET
    number1: int | UnsetType = UNSET
    number2: int | UnsetType = UNSET
    number3: int | UnsetType = UNSET
    manifests: list[str] | UnsetType = UNSET


class Message(Asked, frozen=True, kw_only=True):
    message: str


class MediaMetadata(Asked, frozen=True, kw_only=True):
    """What was found out about sound or video."""

    at_id: str = field(name="@id")
    media_type: str
    size: int
    duration: int
    width: int
    height: int
