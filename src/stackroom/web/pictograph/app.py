"""The Pictograph face: what the official Python client calls, under `/api/v1/developer`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from stackroom.errors import StackroomError
from stackroom.web.pictograph import (
    annotations,
    api_keys,
    batch,
    classes,
    comments,
    datasets,
    exports,
    folders,
    images,
    insights,
    organizations,
    reviews,
    search,
    tags,
    uploads,
    webhooks,
)
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.errors import refuse
from stackroom.web.pictograph.wire import account as wire
from stackroom.web.shared.face import make_face, resource
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.services import Services

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What the hosted service has beside these. Its clients are told so, by a status that they do not try again, instead of
# being left to guess. Not a word more than some client asks for: a test holds this against what they send.
PARTS_NOT_OFFERED = (
    "auto-annotate",
    "connectors",
    "credits",
    "deployments",
    "jobs",
    "model-evaluations",
    "models",
    "notifications",
    "public",
    "sam3",
    "storage-connections",
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
    part = request.scope["path"].removeprefix(PREFIX + "/")
    error = StackroomError(
        f"{part} is not offered by this server",
        code="not_offered",
        hint="The page on the Pictograph face lists what is.",
    )
    return refuse(request, error, 501)


def offered() -> list[BaseRoute]:
    """What this face has an answer to. Of two routes that match, the first counts."""
    return [
        *api_keys.routes(),
        *organizations.routes(),
        *webhooks.routes(),
        *datasets.routes(),
        *insights.routes(),  # after it: a dataset may be named "insights"
        *uploads.routes(),
        *tags.routes(),
        *reviews.routes(),
        *batch.routes(),
        *classes.routes(),
        *comments.routes(),
        *annotations.routes(),
        *folders.routes(),
        *exports.routes(),
        *search.routes(),
        *images.routes(),  # last: an address of any depth may be an image's
        resource(f"{PREFIX}/credits/balance", GET=balance),
    ]


def known() -> list[BaseRoute]:
    """What this face only knows of."""
    parts = [f"/{part}{rest}" for part in PARTS_NOT_OFFERED for rest in ("", "/{rest:path}")]
    return [Route(PREFIX + part, not_offered, methods=METHODS) for part in parts]


def make_app(services: Services) -> ASGIApp:
    return make_face(services, [*offered(), *known()], refuse)
