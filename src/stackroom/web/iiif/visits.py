"""One request to delivery: which asset it names, whether whoever asks may have it, and what they have already."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stackroom.access import unauthenticated
from stackroom.library import channels, delivery
from stackroom.library.delivery import Delivered
from stackroom.web.iiif.documents import Size
from stackroom.web.iiif.parameters import Version
from stackroom.web.shared.ranges import names
from stackroom.web.shared.requests import authenticate, base_url, services_of, token_of

KEPT = "max-age=2592000"
"""Thirty days. Not for ever: another original may come under the same key."""
ASK_AGAIN = "no-cache"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is about. `most` is the longest side that whoever asks may see; None is any."""

    request: Request
    found: Delivered
    most: int | None

    @property
    def picture(self) -> Size:
        """The size of the image. Raises `NotFound` for what has none."""
        if not self.found.width or not self.found.height:
            raise delivery.not_delivered()
        return self.found.width, self.found.height

    def address(self, service: str, version: Version = Version.THREE) -> str:
        """Where a service has this asset, by the names by which it was asked for."""
        parts = (quote(self.request.path_params[part], safe="") for part in ("customer", "space", "key"))
        path = f"{service}/v2" if version is Version.TWO else service
        return "/".join([base_url(self.request), path, *parts])

    def refuse_unless_all(self) -> None:
        """Raises `Unauthenticated` if whoever asks may not have all of it."""
        if self.most is not None:
            raise not_for_everybody()

    def answer(
        self, content: bytes, headers: Mapping[str, str], etag: str, cache: str = ASK_AGAIN
    ) -> Response:
        """The content, or 304 if the client has it. HEAD gets no body from the server in any case."""
        known = self.request.headers.get("if-none-match")
        fields = {**headers, "etag": etag, "cache-control": self.cached(cache)}
        if known is not None and names(known, etag):
            return Response(status_code=304, headers={n: v for n, v in fields.items() if n != "content-type"})
        return Response(content, headers=fields)

    def has(self, etag: str) -> bool:
        """Whether the client says that it has this already."""
        known = self.request.headers.get("if-none-match")
        return known is not None and names(known, etag)

    def cached(self, how: str) -> str:
        """What is not for everybody must not stay where everybody gets it."""
        return f"{'public' if self.found.open else 'private'}, {how}"


def not_for_everybody() -> Exception:
    return unauthenticated("this is not for everybody; send a key of the organization it belongs to")


async def visit(request: Request, channel: str) -> Visit:
    """What the address names, if it is delivered in this way, or in any if `channel` is empty. Raises `NotFound`, and
    what `authenticate` raises."""
    named = tuple(request.path_params[part] for part in ("customer", "space", "key"))
    found = await services_of(request).database.look_up(
        ("delivered", *named), lambda conn: delivery.find(conn, *named)
    )
    expired = found.expires_at is not None and found.expires_at <= services_of(request).now()
    if expired or not found.channels & ({channel} if channel else channels.POLICIES.keys() - {channels.NONE}):
        raise delivery.not_delivered()
    most: int | None = None if found.open else found.max_unauthorised
    if most is not None and token_of(request) is not None:
        actor, _ = await authenticate(request)
        if actor.organization_id == found.organization_id:
            most = None
    return Visit(request=request, found=found, most=most)
