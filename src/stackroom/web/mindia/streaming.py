"""What players ask for: playlists, which name one another by relative addresses, and segments in ranges."""

import asyncio
import hashlib
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.errors import NotFound
from stackroom.library import streaming
from stackroom.library.streaming import MASTER, PLAYLIST, SEGMENT, Streamed
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described, stored
from stackroom.web.shared.face import NO_NAME_HAS_IT, resource
from stackroom.web.shared.ranges import ASK_AGAIN, StoredFile, StoredFileResponse

Part = Annotated[str, Meta(description="As a playlist names it.", examples=["index.m3u8"])]
_ATTEMPT = 3
"""Which part of a key that is."""


@described("What a player asks for first", stored(PLAYLIST))
async def master(request: Request) -> Response:
    return await _send(request, MASTER)


@described("What a player asks for next", stored(f"{PLAYLIST}, {SEGMENT}"), places={"name": Part})
async def part(request: Request) -> Response:
    """A variant's playlist, or one of its segments."""
    name = request.path_params["name"].replace(NO_NAME_HAS_IT, "/")  # encoded or not, it is in no name
    return await _send(request, f"{request.path_params['variant']}/{name}")


async def _send(request: Request, name: str) -> Response:
    call = await Call.begin(request)
    wanted = call.uuid("id")
    found = await call.read(lambda conn: streaming.stream(conn, call.actor, wanted, name, now=call.now()))
    try:
        size = await asyncio.to_thread(call.services.store.size, found.key)
    except MissingBytes as error:  # swept while this was asked, or lost
        raise _gone(found) from error
    file = StoredFile(
        key=found.key,
        size=size,
        etag=f'"{hashlib.sha256(found.key.encode()).hexdigest()[:32]}"',  # nothing else is ever kept there
        content_type=found.content_type,
        filename=name.rpartition("/")[2],
        modified=_made_at(found),
        cache_control=ASK_AGAIN,  # under the same names are others once a video has been processed again
    )
    return StoredFileResponse(call.services.store, file)


def _made_at(found: Streamed) -> int:
    """What an attempt makes stands under its id, and an id begins with the milliseconds at which it was given."""
    attempt = found.key.split("/")[_ATTEMPT]
    return int(attempt.replace("-", "")[:12], 16) * 1000


def _gone(found: Streamed) -> NotFound:
    if found.content_type == SEGMENT:
        return streaming.segment_not_found()
    return NotFound("Playlist not found", hint="Ask for the video itself to see whether it is completed")


def routes() -> list[BaseRoute]:
    at = f"{PREFIX}/videos/{{id}}/stream"
    return [
        resource(f"{at}/{MASTER}", GET=master),
        resource(f"{at}/{{variant}}/{{name}}", GET=part),
    ]
