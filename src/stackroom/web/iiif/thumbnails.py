"""Thumbnails as an image service of level 0: a few sizes, and nothing to be computed."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.errors import NotFound
from stackroom.ingest.renditions import Rendition
from stackroom.library import channels, delivery
from stackroom.media.rendering import Rendering
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.iiif.documents import Size, context, level, thumbnail_sizes, thumbnails_info
from stackroom.web.iiif.images import ASSET, etag_of, limits_of, to_canonical, to_info
from stackroom.web.iiif.negotiation import document, version_of
from stackroom.web.iiif.parameters import Version, understand
from stackroom.web.iiif.visits import KEPT, Visit, not_for_everybody, visit
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse
from stackroom.web.shared.requests import services_of

SERVICE = "thumbs"
_CONTEXTS = {version: context(version) for version in Version}
_JPEG = "image/jpeg"


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = [
        resource(f"/{SERVICE}/v3{ASSET}", GET=to_canonical(channels.THUMBS)),
        resource(f"/{SERVICE}/v3{ASSET}/{{rest:path}}", GET=to_canonical(channels.THUMBS)),
    ]
    for version, prefix in ((Version.TWO, f"/{SERVICE}/v2"), (Version.THREE, f"/{SERVICE}")):
        found += [
            resource(f"{prefix}{ASSET}", GET=to_info(channels.THUMBS)),
            resource(f"{prefix}{ASSET}/info.json", GET=_info(version)),
            resource(f"{prefix}{ASSET}/{{region}}/{{size}}/{{rotation}}/{{quality}}", GET=_image(version)),
        ]
    return found


def sizes_for(here: Visit) -> dict[Size, int]:
    """The sizes that whoever asks may see, with their boxes. Raises `Unauthenticated` if there are none."""
    sizes = thumbnail_sizes(here.picture, here.most)
    if not sizes:
        raise not_for_everybody()
    return sizes


def _info(version: Version) -> Handler:
    async def info(request: Request) -> Response:
        here = await visit(request, channels.THUMBS)
        wanted = version_of(request.headers.get("accept"), _CONTEXTS, version)
        known = thumbnails_info(wanted, here.address(SERVICE, wanted), here.picture, list(sizes_for(here)))
        profile = f'<{level(wanted, 0)}>;rel="profile"'
        return document(here, known, context(wanted), linked=wanted is Version.THREE, links=profile)

    return info


def _image(version: Version) -> Handler:
    async def image(request: Request) -> Response:
        here = await visit(request, channels.THUMBS)
        sizes = sizes_for(here)
        wanted = _wanted(here, version, sizes)
        services = services_of(request)
        found = here.found
        try:
            stored = await services.renditions.thumbnail(
                found.blob_id, found.storage_key, sizes[wanted.width, wanted.height]
            )
            headers = {"content-type": _JPEG, "link": f'<{level(version, 0)}>;rel="profile"'}
            etag = etag_of(found, wanted)
            if stored.content_type != _JPEG:  # it has transparency, and its address says jpg
                with services.store.open_local(stored.key) as path:
                    content = await services.studio.render(path, wanted)
                return here.answer(content, headers, etag, KEPT)
        except (MissingBytes, FileNotFoundError) as gone:
            raise delivery.not_delivered() from gone
        return StoredFileResponse(services.store, _file(here, stored, etag), headers)

    return image


def _wanted(here: Visit, version: Version, sizes: dict[Size, int]) -> Rendering:
    """The thumbnail that is asked for. Raises `Invalid` for what is no image request, `NotFound` for another than
    those there are."""
    region, size, rotation, quality = (
        here.request.path_params[part] for part in ("region", "size", "rotation", "quality")
    )
    if size == "max" or (size == "full" and version is Version.TWO):
        width, height = next(iter(sizes))
        size = f"{width},{height}"
    limits = limits_of(services_of(here.request))
    asked = understand(version, (region, size, rotation, quality), here.picture, limits).rendering
    plain = Rendering(width=asked.width, height=asked.height)
    if asked != plain or (asked.width, asked.height) not in sizes:
        listed = ", ".join(f"full/{width},{height}/0/default.jpg" for width, height in sizes)
        raise NotFound("there is no such thumbnail", hint=f"There are {listed}.")
    return plain


def _file(here: Visit, stored: Rendition, etag: str) -> StoredFile:
    return StoredFile(
        key=stored.key,
        size=stored.size,
        etag=etag.removeprefix("W/"),  # it is made once, and its bytes stay
        content_type=stored.content_type,
        filename=f"{here.found.name}.jpg",
        modified=here.found.updated_at,
        cache_control=here.cached(KEPT),
    )
