"""Links that need no key."""

from typing import Annotated

from msgspec import Meta

from stackroom.web.mindia.wire.base import Asked, Given, Moment

LONGEST = 10 * 366 * 24 * 3600


class WantedLink(Asked, frozen=True, kw_only=True):
    expires_in_seconds: Annotated[int, Meta(ge=1, le=LONGEST)] = 3600


class Link(Given, frozen=True, kw_only=True):
    url: str
    token: str
    expires_at: Moment
