"""The DLCS face: what clients of the Digital Library Cloud Services call, at the root of the server."""

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

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
from stackroom.web.dlcs.errors import refuse
from stackroom.web.shared.face import Handler, make_face, resource
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
    return _one_for_each_address([route for part in parts for route in part.routes()])


def _one_for_each_address(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Put together what several files have for one address, so that a wrong method is told all the right ones."""
    handlers: dict[str, dict[str, Handler]] = {}
    for each in routes:
        assert isinstance(each, Route)
        assert each.methods
        known = handlers.setdefault(each.path, {})
        known |= dict.fromkeys(each.methods - {"HEAD"}, each.endpoint)
    return [resource(path, **known) for path, known in handlers.items()]


def make_app(services: Services) -> ASGIApp:
    return make_face(services, offered(), refuse)
