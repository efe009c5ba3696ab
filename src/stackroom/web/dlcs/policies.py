"""What the whole server has, which anybody may read: origin strategies and policies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.errors import NotFound
from stackroom.media.examined import THUMBNAIL_SIZES
from stackroom.settings import Settings
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.links import context
from stackroom.web.dlcs.wire import policies as wire
from stackroom.web.dlcs.wire.storage import StoragePolicy
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.replies import reply
from stackroom.web.shared.requests import base_url, services_of

UNLIMITED = 2**53 - 1
"""The largest number that every reader of JSON keeps exactly."""
STRATEGIES = {"default": False, "basic-http-authentication": True, "s3-ambient": False, "sftp": True}
OPTIMISATION = {
    "fast-higher": "images that can be zoomed",
    "video-max": "video as it came in",
    "audio-max": "sound as it came in",
}
Maker = Callable[[str, str, Settings], Any]


def _strategy(base: str, name: str, _: Settings) -> wire.OriginStrategy:
    return wire.OriginStrategy(
        context=context(base, "OriginStrategy"),
        at_id=f"{base}/originStrategies/{name}",
        name=name,
        requires_credentials=STRATEGIES[name],
    )


def _storage(base: str, name: str, settings: Settings) -> StoragePolicy:
    return StoragePolicy(
        context=context(base, "StoragePolicy"),
        at_id=f"{base}/storagePolicies/{name}",
        maximum_number_of_stored_images=settings.storage_policy_images or UNLIMITED,
        maximum_total_size_of_stored_images=settings.storage_policy_bytes or UNLIMITED,
    )


def _optimisation(base: str, name: str, _: Settings) -> wire.ImageOptimisationPolicy:
    return wire.ImageOptimisationPolicy(
        context=context(base, "ImageOptimisationPolicy"),
        at_id=f"{base}/imageOptimisationPolicies/{name}",
        name=name,
        technical_details=OPTIMISATION[name],
    )


def _thumbnails(base: str, name: str, _: Settings) -> wire.ThumbnailPolicy:
    return wire.ThumbnailPolicy(
        context=context(base, "ThumbnailPolicy"),
        at_id=f"{base}/thumbnailPolicies/{name}",
        name=name,
        sizes=sorted(THUMBNAIL_SIZES, reverse=True),
    )


KINDS: Mapping[str, tuple[Sequence[str], Maker]] = {
    "originStrategies": (tuple(STRATEGIES), _strategy),
    "storagePolicies": (("default",), _storage),
    "imageOptimisationPolicies": (tuple(OPTIMISATION), _optimisation),
    "thumbnailPolicies": (("default",), _thumbnails),
}


def _all_of(kind: str) -> Handler:
    async def show_all(request: Request) -> Response:
        base, settings = base_url(request), services_of(request).settings
        names, make = KINDS[kind]
        shown = [make(base, name, settings) for name in names]
        return reply(hydra.answer(hydra.whole(f"{base}/{kind}", shown)))

    return show_all


def _one_of(kind: str) -> Handler:
    async def show(request: Request) -> Response:
        base, settings = base_url(request), services_of(request).settings
        (names, make), name = KINDS[kind], request.path_params["name"]
        if name not in names:
            raise NotFound(f"there is nothing called {name!r} among the {kind}")
        return reply(hydra.answer(make(base, name, settings)))

    return show


def routes() -> list[BaseRoute]:
    return [
        route
        for kind in KINDS
        for route in (
            resource(f"/{kind}", GET=_all_of(kind)),
            resource(f"/{kind}/{{name}}", GET=_one_of(kind)),
        )
    ]
