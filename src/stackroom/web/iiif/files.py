"""Originals as they came in, and the manifest of an asset."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.errors import NotFound
from stackroom.library import channels, delivery, registrations
from stackroom.web.iiif import images, thumbnails
from stackroom.web.iiif.documents import thumbnail_sizes
from stackroom.web.iiif.images import ASSET, to_canonical
from stackroom.web.iiif.manifests import CONTEXTS, Subject, manifest
from stackroom.web.iiif.negotiation import document, version_of
from stackroom.web.iiif.parameters import Version
from stackroom.web.iiif.visits import KEPT, Visit, visit
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse, etag_of
from stackroom.web.shared.requests import services_of

FILE, MANIFEST, AV = "file", "iiif-manifest", "iiif-av"


def routes() -> list[BaseRoute]:
    return [
        resource(f"/{FILE}{ASSET}", GET=original),
        resource(f"/{MANIFEST}/v3{ASSET}", GET=to_canonical("")),
        resource(f"/{MANIFEST}/v2{ASSET}", GET=_manifest(Version.TWO)),
        resource(f"/{MANIFEST}{ASSET}", GET=_manifest(Version.THREE)),
        resource(f"/{AV}/{{rest:path}}", GET=sound_or_video),
    ]


async def original(request: Request) -> Response:
    """The bytes as they came in, in ranges if need be."""
    here = await visit(request, channels.AS_FILE)
    here.refuse_unless_all()
    found = here.found
    file = StoredFile(
        key=found.storage_key,
        size=found.size,
        etag=etag_of(found.sha256),
        content_type=found.content_type,
        filename=found.name,
        modified=found.updated_at,
        cache_control=here.cached(KEPT),
    )
    return StoredFileResponse(services_of(request).store, file, _confined(found.content_type))


def _confined(content_type: str) -> dict[str, str]:
    """What somebody sent may be a page or an SVG with a script, and browsers keep the keys of who opens it here.

    Not for a PDF, which Chromium shows in no sandbox.
    """
    return {} if content_type.startswith("application/pdf") else {"content-security-policy": "sandbox"}


async def sound_or_video(_: Request) -> Response:
    raise NotFound(
        "sound and video are not delivered yet", hint="What has the channel `file` can be had as it came in."
    )


def _manifest(version: Version) -> Handler:
    async def show(request: Request) -> Response:
        here = await visit(request, "")
        wanted = version_of(request.headers.get("accept"), CONTEXTS, version)
        body = manifest(wanted, here.address(MANIFEST, wanted), await _subject(here))
        return document(here, body, CONTEXTS[wanted], linked=wanted is Version.THREE)

    return show


async def _subject(here: Visit) -> Subject:
    found, offered = here.found, here.found.channels
    said = await services_of(here.request).database.look_up(
        ("registered", found.id), lambda conn: registrations.by_ids(conn, found.organization_id, [found.id])
    )
    if found.id not in said:
        raise delivery.not_delivered()
    picture = None
    if found.width and found.height and offered & {channels.IIIF_IMAGE, channels.THUMBS}:
        picture = found.width, found.height
    facts = said[found.id]
    return Subject(
        label=found.key,
        facts=[
            *(
                (f"String {n}", value)
                for n, value in enumerate((facts.string1, facts.string2, facts.string3), 1)
            ),
            *(
                (f"Number {n}", str(value))
                for n, value in enumerate((facts.number1, facts.number2, facts.number3), 1)
            ),
            ("Tags", ", ".join(facts.tags)),
            ("Roles", ", ".join(facts.roles)),
        ],
        picture=picture,
        image=_services(here, images.SERVICE) if picture and channels.IIIF_IMAGE in offered else {},
        thumbs=_services(here, thumbnails.SERVICE) if picture and channels.THUMBS in offered else {},
        thumbnails=list(thumbnail_sizes(picture, here.most)) if picture else [],
        file=(here.address(FILE), found.content_type) if channels.AS_FILE in offered else None,
    )


def _services(here: Visit, service: str) -> dict[Version, str]:
    return {version: here.address(service, version) for version in Version}
