"""Delivery: what anybody may fetch without a key, by the protocols of the IIIF and as plain files."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stackroom.web.iiif import files, images, thumbnails
from stackroom.web.iiif.errors import refuse
from stackroom.web.shared.face import make_face
from stackroom.web.shared.services import Services

ROOTS = tuple(f"/{it}" for it in (images.SERVICE, thumbnails.SERVICE, files.FILE, files.MANIFEST, files.AV))
"""What this face has below the server's root."""
_EVERYBODY = (b"access-control-allow-origin", b"*")
_SHOWN = (b"access-control-expose-headers", b"Link, ETag, Content-Range, Accept-Ranges, X-Request-Id")


def make_app(services: Services) -> ASGIApp:
    face = make_face(services, [*images.routes(services), *thumbnails.routes(), *files.routes()], refuse)
    return _ForEveryOrigin(face)


class _ForEveryOrigin:
    """Lets pages of any origin read every answer, refusals too (CORS), and answers what browsers ask before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _preflight(scope)})
            await send({"type": "http.response.body", "body": b""})
            return

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _EVERYBODY, _SHOWN]
            await send(message)

        await self._app(scope, receive, shared)


def _preflight(scope: Scope) -> list[tuple[bytes, bytes]]:
    asked = dict(scope["headers"]).get(b"access-control-request-headers", b"*")
    return [
        _EVERYBODY,
        (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"86400"),
        (b"allow", b"GET, HEAD, OPTIONS"),
    ]
