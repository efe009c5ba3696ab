"""Search, by tags and by likeness."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.database.transaction import Connection
from stackroom.errors import Invalid
from stackroom.library import similarity, tagged, tags
from stackroom.library.names import clean_path
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import search as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import search as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply

KINDS = ("objects", "scenes", "attributes")
"""Of tags, as clients know them. Here they are one kind."""


async def similar(request: Request) -> Response:
    """Images that look like one, in its own folder or in another of its dataset."""
    call = await Call.begin(request)
    asked = call.query(wire.SimilarQuery)
    given = asked.folder_path if asked.folder_path is not None else asked.directory_path
    found = await similarity.resembling(
        call.services.database,
        call.actor,
        asked.image_id,
        None if given is None else clean_path(given, "folder_path"),
        threshold=asked.threshold,
        limit=asked.limit,
        now=call.services.now(),
    )
    theirs = await call.read(lambda conn: tags.of(conn, [each.id for each, _ in found.found]))
    return json_reply(convert.similar(asked, found, theirs))


async def by_tags(request: Request) -> Response:
    """Images that have all the tags, newest first, of one dataset or of all."""
    call = await Call.begin(request)
    asked = call.query(wire.TagQuery)
    wanted = tags.clean([each for kind in KINDS for each in request.query_params.getlist(kind)])
    if not wanted:
        raise Invalid(
            "objects: at least one tag is needed", hint=f"Give {', '.join(KINDS)}: here they are one."
        )
    given = (asked.dataset_name, asked.dataset_id, asked.dataset)
    reference, now = next((each for each in given if each is not None), None), call.services.now()

    def read(conn: Connection) -> wire.TaggedImages:
        found = tagged.with_all(
            conn,
            call.actor,
            wanted,
            dataset_ref=reference,
            limit=asked.limit + 1,
            offset=asked.offset,
            now=now,
        )
        return convert.tagged(asked, found, tags.of(conn, [each.id for each, _ in found]))

    return json_reply(await call.read(read))


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/search/similar", GET=similar),
        resource(f"{PREFIX}/search/by-tags", GET=by_tags),
    ]
