"""What goes around every request of this face: its id, the headers of its answer, CORS, and its address's limit."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stackroom.errors import RateLimited
from stackroom.web.mindia.limits import Limits, left
from stackroom.web.mindia.watching import Watched
from stackroom.web.shared.errors import headers_of
from stackroom.web.shared.face import Refusal
from stackroom.web.shared.requests import address_of_client
from stackroom.web.shared.services import Services

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"permissions-policy", b"geolocation=(), microphone=(), camera=()"),
)
_LASTING = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_UNLESS_SAID = (b"cache-control", b"no-store, private")
_EXPOSED = (
    "X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Idempotent-Key, "
    "X-Idempotent-Replayed, ETag, Content-Disposition, Content-Range, Accept-Ranges"
)
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


class Frame:
    """Wraps the face. What is refused here has been refused before anybody is asked who they are."""

    def __init__(self, app: ASGIApp, services: Services, limits: Limits, refuse: Refusal) -> None:
        self._app = app
        self._services = services
        self._limits = limits
        self._refuse = refuse
        settings = services.settings
        self._origins = frozenset(settings.callers)
        self._always = (*_SECURITY, _LASTING) if settings.production else _SECURITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watched = Watched(scope, receive, send)
        try:
            await self._framed(scope, watched.receive, watched.send)
        finally:
            if (seen := watched.seen(self._services.now())) is not None:
                self._services.request_log.note(seen)

    async def _framed(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        origin = request.headers.get("origin")

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._headers(message["headers"], scope, origin)
            await send(message)

        if scope["method"] == "OPTIONS":
            await self._preflight(request)(scope, receive, framed)
            return
        try:
            self._limits.spend(scope["state"], self._address(request), now=self._services.now())
        except RateLimited as error:
            response = self._refuse(request, error, None)
            response.headers.update(headers_of(error))
            await response(scope, receive, framed)
            return
        await self._app(scope, receive, framed)

    def _address(self, request: Request) -> str | None:
        return address_of_client(request, self._services.settings.trusted_proxies)

    def _preflight(self, request: Request) -> Response:
        wanted = request.headers.get("access-control-request-headers", "authorization, content-type")
        told = {
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": wanted[:1000],
            "access-control-max-age": "600",
        }
        return Response(
            status_code=200, headers=told if self._may_call(request.headers.get("origin")) else None
        )

    def _may_call(self, origin: str | None) -> bool:
        return "*" in self._origins or (origin is not None and origin in self._origins)

    def _headers(
        self, given: Iterable[tuple[bytes, bytes]], scope: Scope, origin: str | None
    ) -> list[tuple[bytes, bytes]]:
        headers = list(given)
        said = {name.lower() for name, _ in headers}
        headers += [each for each in (*self._always, _UNLESS_SAID) if each[0] not in said]
        headers += self._of_origin(origin)
        if (rest := left(scope["state"])) is not None:
            numbers = (("limit", rest.limit), ("remaining", rest.remaining), ("reset", rest.reset))
            headers += [(f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in numbers]
        return headers

    def _of_origin(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        if "*" in self._origins:
            allowed = "*"
        elif origin is not None and origin in self._origins:
            allowed = origin
        else:
            return [(b"vary", b"Origin")]
        exposed = (b"access-control-expose-headers", _EXPOSED.encode())
        vary = [] if allowed == "*" else [(b"vary", b"Origin")]
        return [(b"access-control-allow-origin", allowed.encode()), exposed, *vary]
