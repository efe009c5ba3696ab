"""The Image API: `info.json`, and pictures in any region, size and rotation."""

import hashlib
from collections import OrderedDict
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from stackroom.ingest.renditions import Renditions
from stackroom.library import channels, delivery
from stackroom.library.delivery import Delivered
from stackroom.media.rendering import LONGEST, Rendering
from stackroom.storage.blobstore import MissingBytes
from stackroom.storage.files import FilePieces
from stackroom.web.iiif.documents import context, image_info, level
from stackroom.web.iiif.negotiation import document, version_of
from stackroom.web.iiif.parameters import Asked, Limits, Version, understand
from stackroom.web.iiif.visits import KEPT, Visit, not_for_everybody, visit
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.ranges import PiecesResponse
from stackroom.web.shared.requests import base_url, services_of
from stackroom.web.shared.services import Services

SERVICE = "iiif-img"
ASSET = "/{customer}/{space}/{key}"
SMALL = 2_000_000
"""Up to so many pixels, decoding the whole image for a piece of it costs less than keeping a pyramid is worth."""
_IN_MEMORY = 4_000_000
"""Up to so many pixels a picture is handed on in memory, and above that in a file."""
_CONTEXTS = {version: context(version) for version in Version}


class Tiles:
    """Pictures that were lately rendered, as they were sent. Many look at the same page, and begin in the same way."""

    def __init__(self, most: int = 32 * 2**20, largest: int = 256 * 2**10) -> None:
        self._most, self._largest, self._held = most, largest, 0
        self._kept: OrderedDict[tuple[str, Rendering], bytes] = OrderedDict()

    def get(self, key: str, wanted: Rendering) -> bytes | None:
        content = self._kept.get((key, wanted))
        if content is not None:
            self._kept.move_to_end((key, wanted))
        return content

    def keep(self, key: str, wanted: Rendering, content: bytes) -> None:
        if len(content) > self._largest or (key, wanted) in self._kept:
            return
        self._kept[key, wanted] = content
        self._held += len(content)
        while self._held > self._most:
            self._held -= len(self._kept.popitem(last=False)[1])


def routes(services: Services) -> list[BaseRoute]:
    """The canonical version at the service's own address, the other below it; `v3` leads to the canonical one."""
    tiles = Tiles()
    canonical = to_canonical(channels.IIIF_IMAGE)
    found: list[BaseRoute] = [resource(f"/{SERVICE}/v3{ASSET}", GET=canonical)]
    found.append(resource(f"/{SERVICE}/v3{ASSET}/{{rest:path}}", GET=canonical))
    for version, prefix in ((Version.TWO, f"/{SERVICE}/v2"), (Version.THREE, f"/{SERVICE}")):
        found += [
            resource(f"{prefix}{ASSET}", GET=to_info(channels.IIIF_IMAGE)),
            resource(f"{prefix}{ASSET}/info.json", GET=_info(version)),
            resource(
                f"{prefix}{ASSET}/{{region}}/{{size}}/{{rotation}}/{{quality}}",
                GET=_image(version, services.renditions, tiles),
            ),
        ]
    return found


def limits_of(services: Services) -> Limits:
    return Limits(LONGEST["jpg"], services.settings.iiif_max_megapixels * 1_000_000)


def to_info(channel: str) -> Handler:
    """An image's own address leads to what is known of it."""

    async def lead(request: Request) -> Response:
        await visit(request, channel)
        raw = request.scope["raw_path"].decode("latin-1").partition("?")[0].rstrip("/")
        return RedirectResponse(f"{base_url(request)}{raw}/info.json", HTTPStatus.SEE_OTHER)

    return lead


def to_canonical(channel: str) -> Handler:
    """The canonical version has its address without a version, and should have only that."""

    async def lead(request: Request) -> Response:
        await visit(request, channel)
        raw = request.scope["raw_path"].decode("latin-1").partition("?")[0].replace("/v3/", "/", 1)
        return RedirectResponse(f"{base_url(request)}{raw}", HTTPStatus.FOUND)

    return lead


def _info(version: Version) -> Handler:
    async def info(request: Request) -> Response:
        here = await visit(request, channels.IIIF_IMAGE)
        wanted = version_of(request.headers.get("accept"), _CONTEXTS, version)
        limits = limits_of(services_of(request))
        if here.most is not None:
            if not here.most:
                raise not_for_everybody()
            limits = Limits(here.most, limits.area)
        known = image_info(wanted, here.address(SERVICE, wanted), here.picture, limits)
        if here.most is not None:
            del known["tiles"]  # only all of it is for everybody, and that small
        profile = f'<{level(wanted, 2)}>;rel="profile"'
        return document(here, known, context(wanted), linked=wanted is Version.THREE, links=profile)

    return info


def _image(version: Version, renditions: Renditions, tiles: Tiles) -> Handler:
    async def image(request: Request) -> Response:
        here = await visit(request, channels.IIIF_IMAGE)
        parts = tuple(request.path_params[part] for part in ("region", "size", "rotation", "quality"))
        asked = understand(version, parts, here.picture, limits_of(services_of(request)))
        wanted = asked.rendering
        if here.most is not None and (wanted.region or max(wanted.width, wanted.height) > here.most):
            raise not_for_everybody()
        headers = _headers(here, asked, version)
        etag = etag_of(here.found, wanted)
        if request.method == "HEAD" or here.has(etag):
            return _unrendered(here.answer(b"", headers, etag, KEPT))
        content = tiles.get(here.found.storage_key, wanted)
        if content is None:
            rendered = await _rendered(services_of(request), renditions, here.found, wanted)
            if isinstance(rendered, FilePieces):
                fields = {**headers, "etag": etag, "cache-control": here.cached(KEPT)}
                return PiecesResponse(rendered, headers=fields)
            content = rendered
            tiles.keep(here.found.storage_key, wanted, content)
        return here.answer(content, headers, etag, KEPT)

    return image


def _unrendered(answer: Response) -> Response:
    """What HEAD is told: all but a length that nobody knows before it is rendered."""
    if "content-length" in answer.headers:
        del answer.headers["content-length"]
    return answer


def etag_of(found: Delivered, wanted: Rendering) -> str:
    """Weak: the same piece is not the same bytes once there is a pyramid to take it from."""
    asked = hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]
    return f'W/"{found.sha256.hex()[:24]}-{asked}"'


def _headers(here: Visit, asked: Asked, version: Version) -> dict[str, str]:
    canonical = f"{here.address(SERVICE, version)}/{asked.canonical.replace('^', '%5E')}"
    return {
        "content-type": asked.content_type,
        "link": f'<{canonical}>;rel="canonical",<{level(version, 2)}>;rel="profile"',
        "x-content-type-options": "nosniff",
    }


async def _rendered(
    services: Services, renditions: Renditions, found: Delivered, wanted: Rendering
) -> bytes | FilePieces:
    """Encoded, or in a file that is gone when it has been read. Raises `NotFound` if the image went meanwhile."""
    for _ in range(2):
        try:
            return await _render(services, await _source(renditions, found, wanted), wanted)
        except (FileNotFoundError, MissingBytes):
            renditions.forget(found.storage_key)
    raise delivery.not_delivered()


async def _source(renditions: Renditions, found: Delivered, wanted: Rendering) -> str:
    """The key of what to render from. A pyramid is made when it pays: for a piece of a large image, or a small one of
    it all. A picture of all of it and nearly as large needs everything decoded in any case."""
    key = found.storage_key
    pixels = (found.width or 0) * (found.height or 0)
    if pixels <= SMALL:
        return key
    if wanted.region is None and wanted.width * wanted.height * 4 > pixels:
        return await renditions.zoomable(key)
    return await renditions.pyramid(found.blob_id, key)


async def _render(services: Services, key: str, wanted: Rendering) -> bytes | FilePieces:
    width, height = wanted.extent
    with services.store.open_local(key) as path:
        if width * height <= _IN_MEMORY:
            return await services.studio.render(path, wanted)
        with services.staging.workspace() as folder:
            out = folder / "rendered"
            await services.studio.render_to(path, wanted, out)
            return FilePieces(out, 0, None)  # open, so that its name may go
