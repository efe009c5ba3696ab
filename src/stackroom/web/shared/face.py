"""A face: one application of its own, with its own words for what goes wrong.

Routes are matched on path segments that are split before they are decoded, so `%2F` in a name is not a slash.
A trailing slash makes no difference and is never redirected: the clients here do not follow redirects.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stackroom.errors import Invalid, NotFound, StackroomError
from stackroom.web.shared.errors import headers_of
from stackroom.web.shared.services import Services

log = structlog.get_logger(__name__)
_NOT_IN_A_NAME = re.compile("[/\\0]")
Refusal = Callable[[Request, StackroomError, int | None], Response]
"""Makes a face's error answer. The number, if given, is the HTTP status to use."""
Handler = Callable[[Request], Awaitable[Response]]
_FILED_UNDER = 5  # the empty one before the first slash, and four
NO_NAME_HAS_IT = "\x1f"
"""Stands in a decoded path for what was an encoded slash or NUL: a character that no name can have."""
_QUOTED = repr(NO_NAME_HAS_IT)[1:-1]  # as it stands in a message that quotes what was asked for


class Resource(Route):
    """One address, and what it has for each method."""

    def __init__(self, path: str, handlers: Mapping[str, Handler]) -> None:
        async def handle(request: Request) -> Response:
            return await handlers["GET" if request.method == "HEAD" else request.method](request)

        super().__init__(path, handle, methods=list(handlers))
        self.handlers = handlers


def resource(path: str, **handlers: Handler) -> Resource:
    """One address, with a handler for each method: `resource("/x", GET=show, POST=make)`.

    Everything an address can do is in one route, so that a wrong method is told all the right ones.
    """
    return Resource(path, handlers)


def one_for_each_address(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Put together what several files have for one address, so that a wrong method is told all the right ones."""
    handlers: dict[str, dict[str, Handler]] = {}
    for each in routes:
        assert isinstance(each, Resource)
        handlers.setdefault(each.path, {}).update(each.handlers)
    return [Resource(path, known) for path, known in handlers.items()]


def make_face(services: Services, routes: Sequence[BaseRoute], refuse: Refusal, **of_its_own: Any) -> ASGIApp:
    """An application that serves `routes` and answers everything else, down to its own failures, with `refuse`.

    What the face has `of_its_own` is in the application's state, where its requests find it.
    """
    return Face(services, routes, refuse, of_its_own)


class Face:
    """The application. Starlette's own would do the same, but goes through a dozen functions for each request and
    through four for whatever is sent, which is a tenth of what it takes to answer with a small file."""

    def __init__(
        self, services: Services, routes: Sequence[BaseRoute], refuse: Refusal, of_its_own: dict[str, Any]
    ) -> None:
        self.routes = [route for route in routes if isinstance(route, Route)]
        assert len(self.routes) == len(routes)
        at_work = WeakValueDictionary[Any, Any]()  # see `replies.Once.alone`
        self.state = SimpleNamespace(services=services, at_work=at_work, **of_its_own)
        self._branches = _Branches(self.routes)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope = {**scope, "app": self, "path": _decoded(scope["raw_path"])}
        request, started = Request(scope, receive, send), False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            try:
                handle, scope["path_params"] = self._branches.find(scope["method"], scope["path"])
                response = await handle(request)
                await response(scope, receive, sending)
            except (StackroomError, HTTPException) as error:
                if started:
                    raise
                await self._refused(request, error)(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - answered and logged, unless the client has gone
            response = self._failed(request, error)
            if not started:
                await response(scope, receive, sending)

    def _refused(self, request: Request, error: StackroomError | HTTPException) -> Response:
        if isinstance(error, StackroomError):
            if NO_NAME_HAS_IT in request.scope["path"]:
                error.message = error.message.replace(_QUOTED, "%2F").replace(NO_NAME_HAS_IT, "%2F")
            response = self._refuse(request, error, None)
            response.headers.update(headers_of(error))
            return response
        response = self._refuse(request, _in_our_words(request, error), error.status_code)
        for name, value in (error.headers or {}).items():
            response.headers[name] = ", ".join(sorted(value.split(", "))) if name == "Allow" else value
        return response

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            return Response(status_code=499)
        log.error("request.failed", method=request.method, path=request.url.path, exc_info=error)
        broken = StackroomError("something went wrong here; nothing was changed", code="internal_error")
        return self._refuse(request, broken, 500)


class _Branches:
    """Many routes, of which only those are tried whose address begins as the request's does.

    An address is filed under its first segments, up to four, that are spelled out; what is filed under more of them
    is tried first. Within a file the order counts, as usual.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._files: dict[str, list[Route]] = {}
        for route in routes:
            spelled_out = route.path.partition("/{")[0].split("/")
            self._files.setdefault("/".join(spelled_out[:_FILED_UNDER]), []).append(route)

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, Any]]:
        """Who answers, and what stands in the variable parts of the path. Raises HTTPException: 404 or 405."""
        parts = path.split("/")
        wrong: Route | None = None
        for depth in range(min(len(parts), _FILED_UNDER), 0, -1):
            for route in self._files.get("/".join(parts[:depth]), ()):
                found = route.path_regex.match(path)
                if found is None:
                    continue
                methods = route.methods or ()
                if method in methods:
                    convertors = route.param_convertors
                    return route.endpoint, {n: convertors[n].convert(v) for n, v in found.groupdict().items()}
                wrong = wrong or route
        if wrong is None:
            raise HTTPException(404)
        raise HTTPException(405, headers={"Allow": ", ".join(wrong.methods or ())})


def _decoded(raw: bytes) -> str:
    """The path, decoded segment by segment, without a trailing slash."""
    path = raw.decode("latin-1").partition("?")[0].rstrip("/")
    if "%" in path:
        path = "/".join(_NOT_IN_A_NAME.sub(NO_NAME_HAS_IT, unquote(part)) for part in path.split("/"))
    return path or "/"


def _in_our_words(request: Request, error: HTTPException) -> StackroomError:
    place = f"{request.method} {request.scope['path']}".replace(NO_NAME_HAS_IT, "%2F")
    match error.status_code:
        case 404:
            return NotFound(f"there is nothing at {place}", code="unknown_path", hint="Check the address.")
        case 405:
            return Invalid(f"{place} is not a method of this address", code="method_not_allowed")
        case _:
            return Invalid(str(error.detail), code="bad_request")
