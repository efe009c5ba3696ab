"""`GET /config`: what a client may send, and to whom the server answers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.wire import config as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply

IMAGE_EXTENSIONS = ["jpg", "jpeg", "png", "gif", "webp", "avif"]
IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"]


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    settings = call.services.settings
    return json_reply(
        wire.Config(
            upload=wire.Upload(
                max_file_size_mb=settings.max_upload_mb,
                max_file_size_bytes=settings.max_upload_bytes,
                allowed_extensions=IMAGE_EXTENSIONS,
                allowed_content_types=IMAGE_TYPES,
            ),
            database={"max_connections": None, "timeout_seconds": None},
            cors={"allowed_origins": list(settings.callers)},
            clamav={"enabled": False},
        )
    )


def routes() -> list[BaseRoute]:
    return [resource(f"{PREFIX}/config", GET=show)]
