"""The Mindia face: what clients of the media protocol call, under `/api/v0`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from stackroom.errors import StackroomError
from stackroom.web.mindia import (
    analytics,
    api_keys,
    audit,
    batch,
    chunked,
    config,
    folders,
    groups,
    media,
    metadata,
    presets,
    public,
    search,
    streaming,
    tasks,
    transformations,
    uploads,
    webhooks,
)
from stackroom.web.mindia.call import PREFIX, Call, refusing_once
from stackroom.web.mindia.described import description_of
from stackroom.web.mindia.errors import refusal
from stackroom.web.mindia.frame import Frame
from stackroom.web.mindia.limits import Limits
from stackroom.web.shared.face import Handler, Resource, make_face, one_for_each_address
from stackroom.web.shared.services import Services

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARTS_NOT_OFFERED = ("plugins", "workflows")


def offered() -> list[BaseRoute]:
    """What this face has an answer to. Of two routes that match, the first counts."""
    routes = [
        *config.routes(),
        *audit.routes(),
        *api_keys.routes(),
        *public.routes(),
        *folders.routes(),
        *groups.routes(),
        *presets.routes(),
        *tasks.routes(),
        *analytics.routes(),
        *search.routes(),
        *streaming.routes(),
        *webhooks.routes(),
        *uploads.routes(),
        *chunked.routes(),
        *batch.routes(),
        *media.routes(),
        *metadata.routes(),
        *transformations.routes(),  # last: what follows an image's id may be any words
    ]
    return one_for_each_address(routes)


async def not_offered(request: Request) -> Response:
    await Call.begin(request)
    part = request.scope["path"].removeprefix(PREFIX + "/")
    raise StackroomError(f"{part} is not offered by this server", code="not_offered")


def known() -> list[BaseRoute]:
    """What this face only knows of: what asks services of others. Its clients are told so."""
    parts = [f"/{part}{rest}" for part in PARTS_NOT_OFFERED for rest in ("", "/{rest:path}")]
    return [Route(PREFIX + part, not_offered, methods=METHODS) for part in parts]


def _with_refusals_kept(route: BaseRoute) -> BaseRoute:
    assert isinstance(route, Resource)

    def kept(method: str, handler: Handler) -> Handler:
        return refusing_once(handler) if method != "GET" and description_of(handler).once else handler

    return Resource(route.path, {method: kept(method, each) for method, each in route.handlers.items()})


def make_app(services: Services) -> ASGIApp:
    refuse, limits = refusal(production=services.settings.production), Limits(services.settings)
    routes = [*map(_with_refusals_kept, offered()), *known()]
    face = make_face(services, routes, refuse, refusal=refuse, limits=limits)
    return Frame(face, services, limits, refuse)
