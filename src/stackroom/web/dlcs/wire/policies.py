"""What the whole server knows of policies and strategies."""

from msgspec import field

from stackroom.web.dlcs.wire.base import Given


class OriginStrategy(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:OriginStrategy")
    name: str
    requires_credentials: bool


class ImageOptimisationPolicy(Given, frozen=True, kw_only=True):
    """A policy of old, which clients without delivery channels name."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:ImageOptimisationPolicy")
    name: str
    technical_details: str


class ThumbnailPolicy(Given, frozen=True, kw_only=True):
    """A policy of old, which clients without delivery channels name."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:ThumbnailPolicy")
    name: str
    sizes: list[int]
