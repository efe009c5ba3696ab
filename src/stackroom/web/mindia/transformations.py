"""`GET /images/{id}/-/resize/400x/-/format/webp`: what the words of an address ask to be made of an image."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound, TooLarge, UnsupportedMedia
from stackroom.ingest.renditions import Asked, Rendition
from stackroom.library import media, presets
from stackroom.library.media import Media
from stackroom.library.names import split_name
from stackroom.media.kinds import Kind
from stackroom.media.media_types import extension_of
from stackroom.media.transformations import Acceptable, Transformation, expand, parse, presets_of
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described, stored
from stackroom.web.mindia.errors import as_bad_requests, bad_request, not_found, storage_error
from stackroom.web.shared.face import resource
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse, names

KEPT = "private, max-age=31536000, immutable"
ASKED_AGAIN = "private, no-cache"
BEFORE = "-"
Operations = Annotated[
    str,
    Meta(
        description="What is to be made of it, slashes included: `-/resize/400x/-/format/webp`.",
        examples=["-/resize/400x/-/format/webp"],
    ),
]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An image, where it is, and what is to be made of it."""

    image: Media
    storage_key: str
    sha256: bytes
    asked: Asked
    by_preset: bool
    """What a preset asks for may be another thing tomorrow, at the same address."""

    @property
    def cache_control(self) -> str:
        return ASKED_AGAIN if self.by_preset else KEPT

    @property
    def etag(self) -> str:
        return f'"{self.sha256.hex()[:24]}-{self.asked.digest[:16]}"'


@described("An image as the address asks for it", stored("image/*"), places={"operations": Operations})
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    wanted, words = call.uuid("id"), call.place("operations")
    if words.partition("/")[0] != BEFORE:
        raise bad_request(f"Invalid transformation: operations begin with {BEFORE}/")
    acceptable = _acceptable(call.headers.get("accept", ""))
    with as_bad_requests():
        found = await call.read(lambda conn: _find(conn, call, wanted, words, acceptable))
    headers = {"vary": "Accept"} if found.asked.transformation.format == "auto" else {}
    known = call.headers.get("if-none-match")
    if known is not None and names(known, found.etag):
        return Response(
            status_code=304, headers={**headers, "etag": found.etag, "cache-control": found.cache_control}
        )
    made = await _make(call, found)
    return StoredFileResponse(call.services.store, _file(found, made), headers)


def _find(conn: Connection, call: Call, wanted: bytes, words: str, acceptable: Acceptable) -> Found:
    """Raises `NotFound` for the image, a preset or the watermark, and `Invalid` for the words."""
    now = call.now()
    image, key, sha256 = media.find_bytes(conn, call.actor, wanted, Kind.IMAGE, now=now)
    names_of_presets = presets_of(words)
    said = presets.operations_of(conn, call.actor, names_of_presets)
    transformation = parse(expand(words, said))
    watermark_key = _watermark(conn, call, transformation, now)
    asked = Asked(transformation=transformation, acceptable=acceptable, watermark_key=watermark_key)
    by_preset = bool(names_of_presets)
    return Found(image=image, storage_key=key, sha256=sha256, asked=asked, by_preset=by_preset)


def _watermark(conn: Connection, call: Call, transformation: Transformation, now: int) -> str | None:
    if transformation.watermark is None:
        return None
    try:
        _, key, _ = media.find_bytes(conn, call.actor, transformation.watermark.image, Kind.IMAGE, now=now)
    except NotFound as error:
        raise not_found("Watermark image") from error
    return key


async def _make(call: Call, found: Found) -> Rendition:
    """Raises `Invalid` for what cannot be made of this image, and what is said of bytes that are not there."""
    try:
        return await call.services.renditions.transformed(found.image.blob_id, found.storage_key, found.asked)
    except TooLarge as error:
        raise bad_request(f"Invalid transformation: {error.message}") from error
    except UnsupportedMedia as error:
        raise Invalid(error.message, code="IMAGE_PROCESSING_ERROR") from error
    except (MissingBytes, FileNotFoundError) as error:
        # Deleted meanwhile, or missing although nobody has deleted it.
        await call.read(
            lambda conn: media.find(conn, call.actor, found.image.uuid, Kind.IMAGE, now=call.now())
        )
        raise storage_error() from error


def _file(found: Found, made: Rendition) -> StoredFile:
    stem, _ = split_name(found.image.original_name)
    return StoredFile(
        key=made.key,
        size=made.size,
        etag=found.etag,
        content_type=made.content_type,
        filename=f"{stem}.{extension_of(made.content_type)}",
        modified=found.image.updated_at,
        cache_control=found.cache_control,
    )


def _acceptable(accept: str) -> Acceptable:
    """What a client says it can read. One that takes anything has not said that it can read these."""
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",") if not _refused(part)}
    return Acceptable(avif="image/avif" in named, webp="image/webp" in named)


def _refused(part: str) -> bool:
    return any(it.strip() in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for it in part.lower().split(";")[1:])


def routes() -> list[BaseRoute]:
    """After all other addresses of images, which count before this one."""
    return [resource(f"{PREFIX}/images/{{id}}/{{operations:path}}", GET=show)]
