"""Signed URLs: where bytes go in and come out. The URL is the credential; no key is sent here."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from stackroom import ids
from stackroom.errors import Invalid, NotFound, StackroomError, TooLarge
from stackroom.exports import rows as exports
from stackroom.library import assets
from stackroom.library.assets import Asset
from stackroom.library.names import split_name
from stackroom.media.kinds import Kind
from stackroom.media.media_types import extension_of
from stackroom.web.shared.errors import plain_error
from stackroom.web.shared.face import make_face
from stackroom.web.shared.ranges import ASK_AGAIN, FOREVER, StoredFile, StoredFileResponse, etag_of
from stackroom.web.shared.requests import services_of
from stackroom.web.shared.services import Services

PREFIX = "/storage"
SIZES = (100, 200, 400, 1024)
_SIGNED = re.compile(rb"expires=(\d+)&signature=([\w-]+)")


def upload_path(ticket: bytes) -> str:
    return f"{PREFIX}/uploads/{ids.text(ticket)}"


def download_path(asset: bytes, name: str) -> str:
    """The name comes last, for whoever saves the file from the address."""
    return f"{PREFIX}/assets/{ids.text(asset)}/{name}"


def thumbnail_path(asset: bytes, size: int) -> str:
    return f"{PREFIX}/thumbnails/{ids.text(asset)}/{size}"


def export_path(export: bytes, name: str) -> str:
    """An export's file, as it is saved from the address."""
    return f"{PREFIX}/exports/{ids.text(export)}/{name}.zip"


async def receive(request: Request) -> Response:
    services, ticket = services_of(request), request.path_params["ticket"]
    services.signer.check("PUT", request.scope["path"], *_signature(request))
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > services.settings.max_upload_bytes:
        raise TooLarge(
            f"the file exceeds {services.settings.max_upload_mb} MB",
            hint="Send a smaller file.",
            details={"limit_bytes": services.settings.max_upload_bytes},
        )
    if request.headers.get("content-range"):
        raise Invalid("an upload is sent whole, without Content-Range", code="partial_upload")
    await services.uploads.receive(
        ticket,
        request.stream(),
        content_type=request.headers.get("content-type", ""),
        length=int(length) if length.isdecimal() else None,
    )
    return Response(status_code=200, headers={"content-length": "0"})


async def download(request: Request) -> Response:
    services = services_of(request)
    services.signer.check(request.method, request.scope["path"], *_signature(request))
    found, key, sha256 = await _with_bytes(services, request.path_params["asset"])
    return send_file(services, found, key, sha256, cache_control=FOREVER)


async def _with_bytes(services: Services, asset: str) -> tuple[Asset, str, bytes]:
    """The asset of a URL, with the key and the hash of its bytes."""
    stored = await services.database.look_up(("bytes", asset), lambda conn: assets.with_bytes(conn, asset))
    assets.refuse_expired(stored[0].expires_at, services.now(), asset)
    return stored


def send_file(services: Services, found: Asset, key: str, sha256: bytes, *, cache_control: str) -> Response:
    """The stored bytes of an asset; the caller has checked that this request may have them."""
    file = StoredFile(
        key=key,
        size=found.size,
        etag=etag_of(sha256),
        content_type=found.content_type,
        filename=found.name,
        modified=found.updated_at,
        cache_control=cache_control,
    )
    return StoredFileResponse(services.store, file)


async def fetch_export(request: Request) -> Response:
    services = services_of(request)
    services.signer.check(request.method, request.scope["path"], *_signature(request))
    found = await services.database.read(lambda conn: exports.with_bytes(conn, request.path_params["export"]))
    assert found.storage_key is not None
    assert found.size is not None
    file = StoredFile(
        key=found.storage_key,
        size=found.size,
        etag=f'"{found.uuid.hex()}"',  # it is made once
        content_type="application/zip",
        filename=f"{found.name}.zip",
        modified=found.finished_at or found.created_at,
        cache_control=ASK_AGAIN,
        attachment=True,
    )
    return StoredFileResponse(services.store, file)


async def thumbnail(request: Request) -> Response:
    services, size = services_of(request), int(request.path_params["size"])
    services.signer.check(request.method, request.scope["path"], *_signature(request))
    if size not in SIZES:
        raise NotFound(f"thumbnails are made in sizes {', '.join(map(str, SIZES))}")
    found, key, sha256 = await _with_bytes(services, request.path_params["asset"])
    assert found.blob_id is not None  # it was found with its bytes
    of_video = found.kind == Kind.VIDEO.value
    stored = await services.renditions.thumbnail(found.blob_id, key, size, of_video=of_video)
    file = StoredFile(
        key=stored.key,
        size=stored.size,
        etag=f'"{sha256.hex()[:32]}-{size}"',
        content_type=stored.content_type,
        filename=f"{split_name(found.name)[0]}-{size}.{extension_of(stored.content_type)}",
        modified=found.updated_at,
        cache_control=FOREVER,
    )
    return StoredFileResponse(services.store, file)


def _signature(request: Request) -> tuple[str | None, str | None]:
    """What the URL says, as we spell it, or among whatever else somebody put there."""
    if (signed := _SIGNED.fullmatch(request.scope["query_string"])) is not None:
        return signed[1].decode(), signed[2].decode()
    return request.query_params.get("expires"), request.query_params.get("signature")


def _refuse(request: Request, error: StackroomError, status: int | None) -> Response:
    return plain_error(request, error, status)


def make_app(services: Services) -> ASGIApp:
    return make_face(
        services,
        [
            Route(PREFIX + "/uploads/{ticket}", receive, methods=["PUT"]),
            Route(PREFIX + "/assets/{asset}/{name}", download),
            Route(PREFIX + "/exports/{export}/{name}", fetch_export),
            Route(PREFIX + "/thumbnails/{asset}/{size:int}", thumbnail),
        ],
        _refuse,
    )
