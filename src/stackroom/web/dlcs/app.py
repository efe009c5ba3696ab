"""The DLCS face: what clients of the Digital Library Cloud Services call, at the root of the server."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from stackroom.errors import StackroomError
from stackroom.web.dlcs import (
    customers,
    delivery,
    entry,
    image_lists,
    images,
    images_changing,
    keys,
    policies,
    queue,
    spaces,
    storage,
    strategies,
)
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.customers import ALWAYS_EMPTY, CUSTOMER
from stackroom.web.dlcs.errors import refuse
from stackroom.web.shared.face import make_face, one_for_each_address
from stackroom.web.shared.services import Services

ROOTS = (
    "/customers",
    "/queue",
    "/originStrategies",
    "/storagePolicies",
    "/imageOptimisationPolicies",
    "/thumbnailPolicies",
    "/contexts",
    "/ping",
)
"""What this face has below the server's root, and the root itself."""


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARTS_NOT_OFFERED = (
    *(f"{part}{rest}" for part in ALWAYS_EMPTY for rest in ("", "/{rest:path}")),
    *(
        f"{part}{rest}"
        for part in ("authServices", "roleProviders", "roles")
        for rest in ("", "/{rest:path}")
    ),
    "deliveryChannelPolicies/{rest:path}",  # making some: those that there are can be read
    "queue/recentErrorsByMetadata/{rest:path}",
    "spaces/{space}/images/{image}/adjuncts",
    "spaces/{space}/images/{image}/adjuncts/{rest:path}",
)
"""What the original has, or had, below a customer."""


def offered() -> list[BaseRoute]:
    """What this face has an answer to."""
    parts = (
        entry,
        policies,
        customers,
        keys,
        storage,
        strategies,
        delivery,
        spaces,
        image_lists,
        images,
        images_changing,
        queue,
    )
    return one_for_each_address([route for part in parts for route in part.routes()])


async def not_offered(request: Request) -> Response:
    call = await Call.begin(request)
    part = call.address.removeprefix(call.links.customer + "/")
    hint = "The page on the DLCS face lists what is."
    raise StackroomError(f"{part} is not offered by this server", code="not_offered", hint=hint)


def known() -> list[BaseRoute]:
    """What this face only knows of. Its clients are told so, instead of being left to guess."""
    return [Route(f"{CUSTOMER}/{part}", not_offered, methods=METHODS) for part in PARTS_NOT_OFFERED]


def make_app(services: Services) -> ASGIApp:
    return make_face(services, [*offered(), *known()], refuse)
