"""Images as clients are told of them."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Given


class Channel(Given, frozen=True, kw_only=True):
    """A channel inside an image, where it has no address of its own."""

    type: str = field(name="@type", default="vocab:DeliveryChannel")
    channel: str
    policy: str


class Image(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Image")
    id: str
    space: int
    image_service: str
    thumbnail_image_service: str | UnsetType = UNSET
    created: str
    origin: str
    max_unauthorised: int
    width: int
    height: int
    duration: int
    finished: str | UnsetType = UNSET
    ingesting: bool
    error: str
    tags: list[str]
    string1: str
    string2: str
    string3: str
    number1: int
    number2: int
    number3: int
    roles: list[str]
    batch: str | UnsetType = UNSET
    metadata: str
    storage: str
    manifests: list[str]
    media_type: str
    family: str
    delivery_channels: list[Channel]


class ImageStorage(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:ImageStorage")
    thumbnail_size: int
    size: int
    last_checked: str
    checking_in_progress: bool = False
