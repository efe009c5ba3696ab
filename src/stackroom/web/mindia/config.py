"""`GET /config`: what a client may send, and to whom the server answers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.database.connect import most_connections
from stackroom.ingest.accepted import content_types, extensions
from stackroom.media.kinds import Kind
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described
from stackroom.web.mindia.health import PATIENCE
from stackroom.web.mindia.wire import config as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply


@described("What uploads may be, and what this server does", wire.Config)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    settings = call.services.settings
    return json_reply(
        wire.Config(
            upload=wire.Upload(
                max_file_size_mb=settings.image_upload_mb,
                max_file_size_bytes=settings.upload_limits["image"],
                allowed_extensions=list(extensions(Kind.IMAGE)),
                allowed_content_types=list(content_types(Kind.IMAGE)),
            ),
            database={
                "max_connections": most_connections(settings.database),
                "timeout_seconds": round(PATIENCE),
            },
            cors={"allowed_origins": list(settings.callers)},
            clamav={"enabled": False},
        )
    )


def routes() -> list[BaseRoute]:
    return [resource(f"{PREFIX}/config", GET=show)]
