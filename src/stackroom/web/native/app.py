"""The native face as one application."""

from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from stackroom.web.native import admin, batches, call, events, library, operations, people, webhooks
from stackroom.web.native.errors import refuse
from stackroom.web.native.openapi import Endpoint, document
from stackroom.web.shared.face import Handler, make_face, resource
from stackroom.web.shared.services import Services


def make_app(services: Services) -> ASGIApp:
    """`/library/v1`, with its own description at `/library/v1/openapi.json`."""
    by_path: dict[str, dict[str, Handler]] = {}
    for each in endpoints():
        by_path.setdefault(each.path, {})[each.method] = each.handler
    return make_face(services, [resource(path, **handlers) for path, handlers in by_path.items()], refuse)


def endpoints() -> list[Endpoint]:
    """Every method of every address, the description itself included."""
    return [
        *operations.ENDPOINTS,
        *library.ENDPOINTS,
        *batches.ENDPOINTS,
        *people.ENDPOINTS,
        *events.ENDPOINTS,
        *webhooks.ENDPOINTS,
        *admin.ENDPOINTS,
        Endpoint(
            method="GET",
            path=call.PREFIX + "/openapi.json",
            name="getOpenApi",
            summary="This description",
            handler=describe,
            answers={200: "application/json"},
            public=True,
        ),
    ]


async def describe(_request: Request) -> Response:
    return Response(_description(), media_type="application/json")


@cache
def _description() -> bytes:
    """The same as long as the program is, and made when somebody first asks."""
    return msgspec.json.encode(document(endpoints()))
