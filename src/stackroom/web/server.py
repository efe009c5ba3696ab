"""One server, several faces: looks at the path's beginning and hands the request to the face it belongs to."""

import re
import secrets
import time
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stackroom.errors import NotFound
from stackroom.web.dlcs.app import ROOTS as DLCS_ROOTS
from stackroom.web.dlcs.app import make_app as make_dlcs
from stackroom.web.iiif.app import ROOTS as DELIVERY
from stackroom.web.iiif.app import make_app as make_iiif
from stackroom.web.mindia.about import ROOTS as ABOUT
from stackroom.web.mindia.about import make_app as make_about
from stackroom.web.mindia.app import make_app as make_mindia
from stackroom.web.mindia.call import PREFIX as MEDIA
from stackroom.web.mindia.convert.media import FILES as MEDIA_FILES
from stackroom.web.native.app import make_app as make_native
from stackroom.web.pictograph.app import make_app as make_pictograph
from stackroom.web.shared.errors import plain_error
from stackroom.web.shared.services import Services
from stackroom.web.transfer.app import make_app as make_transfer

log = structlog.get_logger("stackroom.access")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SENSIBLE_ID = re.compile(r"[!-~]{1,200}")  # as load balancers make them, too: Root=1-67891233-abc;Self=1


def make_server(services: Services) -> ASGIApp:
    """The whole server as one ASGI application."""
    pictograph, dlcs = make_pictograph(services), make_dlcs(services)
    delivery, mindia, about = make_iiif(services), make_mindia(services), make_about(services)
    faces = [
        ("/api/v1/developer", pictograph),
        ("/api/v1/api-keys", pictograph),
        (MEDIA, mindia),
        (MEDIA_FILES, mindia),
        ("/library/v1", make_native(services)),
        ("/storage", make_transfer(services)),
        *((root, delivery) for root in DELIVERY),
        *((root, about) for root in ABOUT),
        *((root, dlcs) for root in DLCS_ROOTS),
    ]

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in {"", "/"}:
            return await dlcs(scope, receive, send)
        for prefix, face in faces:
            if path == prefix or path.startswith(prefix + "/"):
                return await face(scope, receive, send)
        nothing = NotFound(
            f"there is nothing at {path}", code="unknown_path", hint="/health answers when this runs."
        )
        return await plain_error(Request(scope), nothing, None)(scope, receive, send)

    return _Identified(dispatch, services)


def _new_id(path: str) -> str:
    """Of no meaning; clients of the Mindia protocol are used to a UUID."""
    return str(uuid4()) if path.startswith((MEDIA, MEDIA_FILES)) else secrets.token_hex(12)


class _Identified:
    """Gives every request an id, which every answer carries, and writes one line of log for each. After what may have
    changed something, those are told who want to be."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._log = log.bind()  # bound for each request, it would take longer than what logs nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        identity = given if _SENSIBLE_ID.fullmatch(given) else _new_id(scope["path"])
        scope.setdefault("state", {})["request_id"] = identity
        began, status = time.perf_counter(), 0

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, identified)
        finally:
            if scope["method"] not in _READING:
                self._services.teller.wake()
            self._log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
                request_id=identity,
            )
