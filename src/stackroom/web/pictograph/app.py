"""The Pictograph face: what the official Python client calls, under `/api/v1/developer`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from stackroom.errors import StackroomError
from stackroom.web.pictograph import annotations, batch, folders, images, projects, uploads, wire
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import PREFIX
from stackroom.web.pictograph.errors import refuse
from stackroom.web.shared.face import make_face, resource
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.services import Services

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Parts of the hosted service that are no library's business. Their clients are told so, instead of left guessing.
NOT_OFFERED = (
    "annotation-comments",
    "auto-annotate",
    "connectors",
    "credits",
    "deployments",
    "explore",
    "exports",
    "jobs",
    "model-evaluations",
    "models",
    "notifications",
    "public",
    "sam3",
    "tasks",
    "tools",
    "training",
    "video",
    "workflows",
)


async def balance(request: Request) -> Response:
    """Nothing costs anything here. Clients ask this to see whether their key is valid."""
    await Call.begin(request)
    return json_reply(wire.Balance())


async def not_offered(request: Request) -> Response:
    await Call.begin(request)
    part = request.url.path.removeprefix(PREFIX).split("/")[1]
    error = StackroomError(
        f"{part} is not offered by this server",
        code="not_offered",
        hint="The page on the Pictograph face lists what is.",
    )
    return refuse(request, error, 501)


def routes() -> list[BaseRoute]:
    """Everything this face answers. Of two routes that match, the first counts."""
    return [
        *projects.routes(),
        *uploads.routes(),
        *images.routes(),
        *batch.routes(),
        *annotations.routes(),
        *folders.routes(),
        resource(f"{PREFIX}/credits/balance", GET=balance),
        *(
            Route(f"{PREFIX}/{part}{rest}", not_offered, methods=METHODS)
            for part in NOT_OFFERED
            for rest in ("", "/{rest:path}")
        ),
    ]


def make_app(services: Services) -> ASGIApp:
    return make_face(services, routes(), refuse)
