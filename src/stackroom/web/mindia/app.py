"""The Mindia face: what clients of the media protocol call, under `/api/v0`."""

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from stackroom.web.mindia import (
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
from stackroom.web.mindia.errors import refusal
from stackroom.web.mindia.frame import Frame
from stackroom.web.mindia.limits import Limits
from stackroom.web.shared.face import make_face
from stackroom.web.shared.services import Services


def offered() -> list[BaseRoute]:
    """What this face has an answer to. Of two routes that match, the first counts."""
    return [
        *config.routes(),
        *audit.routes(),
        *api_keys.routes(),
        *public.routes(),
        *folders.routes(),
        *groups.routes(),
        *presets.routes(),
        *tasks.routes(),
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


def make_app(services: Services) -> ASGIApp:
    refuse, limits = refusal(production=services.settings.production), Limits(services.settings)
    face = make_face(services, offered(), refuse, refusal=refuse, limits=limits)
    return Frame(face, services, limits, refuse)
