"""Images as clients describe them: the members of a POST to a queue, and the body of one image's PUT, POST or PATCH.

An empty list says that there shall be none.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stackroom.web.dlcs.wire.base import Asked

Text = str | UnsetType
Texts = list[str] | UnsetType
Number = (
    Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, Meta(pattern="^-?[0-9]{1,18}$")]
    | UnsetType
)
"""A number in a text is one as well: so a client that makes members of templates sends them."""
Short = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | UnsetType


class Channel(Asked, frozen=True, kw_only=True):
    channel: str
    policy: str | None = None


class Member(Asked, frozen=True, kw_only=True):
    """An image and what shall be said of it. What no client may say is taken as well, so that it can be told so."""

    id: str | int | UnsetType = UNSET
    model_id: Text = UNSET
    at_id: Text = msgspec.field(default=UNSET, name="@id")
    space: Short = UNSET
    origin: Text = UNSET
    file: Text = UNSET
    media_type: Text = UNSET
    given_family: Literal["I", "T", "F", 73, 84, 70] | UnsetType = msgspec.field(default=UNSET, name="family")
    delivery_channels: list[Channel | str] | UnsetType = UNSET
    delivery_channel: Any = UNSET
    max_unauthorised: Short = UNSET
    tags: Texts = UNSET
    roles: Texts = UNSET
    manifests: Texts = UNSET
    string1: Text = UNSET
    string2: Text = UNSET
    string3: Text = UNSET
    given_number1: Number = msgspec.field(default=UNSET, name="number1")
    given_number2: Number = msgspec.field(default=UNSET, name="number2")
    given_number3: Number = msgspec.field(default=UNSET, name="number3")
    image_optimisation_policy: Text = UNSET
    thumbnail_policy: Text = UNSET
    width: Any = UNSET
    height: Any = UNSET
    duration: Any = UNSET
    batch: Any = UNSET
    finished: Any = UNSET
    created: Any = UNSET
    error: Any = UNSET

    @property
    def family(self) -> Literal["I", "T", "F"] | UnsetType:
        """Clients that were generated from the original's description number them, by the codes of the letters."""
        match self.given_family:
            case 73:
                return "I"
            case 84:
                return "T"
            case 70:
                return "F"
            case letter:
                return letter

    @property
    def number1(self) -> int | UnsetType:
        return _number(self.given_number1)

    @property
    def number2(self) -> int | UnsetType:
        return _number(self.given_number2)

    @property
    def number3(self) -> int | UnsetType:
        return _number(self.given_number3)


def _number(given: int | str | UnsetType) -> int | UnsetType:
    return int(given) if isinstance(given, str) else given


class Posted(Asked, frozen=True, kw_only=True):
    """A Hydra collection of images. One client that is about calls the list `members`, and an id `modelId`."""

    member: list[Member] | None = None
    members: list[Member] | None = None
