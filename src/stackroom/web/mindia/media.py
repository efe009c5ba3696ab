"""Media one by one, and lists of them: describing, downloading, deleting."""

import asyncio
from functools import partial
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import media
from stackroom.library.answers import Answer
from stackroom.library.media import Media
from stackroom.media.kinds import Kind
from stackroom.operations import engine
from stackroom.operations.request import Request as Wanted
from stackroom.operations.request import Verb, select_ids
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia.call import NOTHING, PREFIX, Call
from stackroom.web.mindia.convert import media as convert
from stackroom.web.mindia.convert.media import FILES, PLURALS
from stackroom.web.mindia.described import described, stored
from stackroom.web.mindia.errors import storage_error
from stackroom.web.mindia.wire import media as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire.base import AN_ID
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse, etag_of
from stackroom.web.shared.replies import json_reply

UNFILED = "none"
INITIATOR = "delete"
StoredName = Annotated[str, Meta(description="As the `url` ends.", examples=[f"{AN_ID}.jpg"])]


@described("List {many}", list[wire.Media], query=queries.MediaPage)
async def show_all(kind: Kind | None, request: Request) -> Response:
    """Newest first. A folder is exactly that folder, `none` what is in none; without one, all of them."""
    call = await Call.begin(request)
    page = call.page()
    unfiled = call.asked("folder_id") == UNFILED
    folder = None if unfiled else call.asked_uuid("folder_id")

    def read(conn: Connection) -> list[Media]:
        return media.page(
            conn,
            call.actor,
            kind=kind,
            in_folder=folder,
            unfiled=unfiled,
            limit=page.limit,
            offset=page.offset,
            now=call.now(),
        )

    return json_reply([shown(call, each) for each in await call.read(read)])


@described("Describe {one}", wire.Media)
async def show(kind: Kind | None, request: Request) -> Response:
    call = await Call.begin(request)
    wanted = call.uuid("id")
    found = await call.read(lambda conn: media.find(conn, call.actor, wanted, kind, now=call.now()))
    return json_reply(shown(call, found))


@described("Download {one}", stored("*/*"))
async def download(kind: Kind | None, request: Request) -> Response:
    """The bytes as they are kept."""
    call = await Call.begin(request)
    return await _file(call, call.uuid("id"), kind, attachment=True)


@described("Download an item from its `url`", stored("*/*"), places={"name": StoredName})
async def download_at_its_url(request: Request) -> Response:
    """The bytes at the address that an item has for its `url`, which names the organization and ends as the file's
    name does. It is for whoever has a key, as every other."""
    call = await Call.begin(request)
    wanted = convert.media_of_file(call.place("name"))
    if wanted is None or call.place("tenant") != ids.text(call.actor.organization_uuid):
        raise media.not_found()
    return await _file(call, wanted, None, attachment=False)


@described("Delete {one}", {204: None}, needs=Role.MEMBER)
async def remove(kind: Kind | None, request: Request) -> Response:
    """For good. Of two at once one answers 204, and the other 404."""
    call = await Call.begin(request, Role.MEMBER, "deleting media")
    wanted = call.uuid("id")

    def work(conn: Connection, now: int) -> Answer:
        media.find(conn, call.actor, wanted, kind, now=now, lock=True)
        purge = Wanted(
            verb=Verb.PURGE,
            selection=select_ids([ids.text(wanted)], dataset_id=None),
            single=True,
            item_events=True,
            initiator=INITIATOR,
        )
        engine.submit(conn, call.actor, purge, now=now)
        return NOTHING

    response = await call.write(work)
    call.services.sweep_soon.set()
    return response


def shown(call: Call, found: Media) -> wire.Media:
    """An item, as this caller is told of it."""
    return convert.shown(found, base=call.base, tenant=call.actor.organization_uuid, prefix=PREFIX)


async def _file(call: Call, wanted: bytes, kind: Kind | None, *, attachment: bool) -> Response:
    found, key, sha256 = await call.read(
        lambda conn: media.find_bytes(conn, call.actor, wanted, kind, now=call.now())
    )
    try:
        # Looked for now: an item without its bytes is a fault of ours, and not an item that is not there.
        await asyncio.to_thread(call.services.store.size, key)
    except MissingBytes as error:
        raise storage_error() from error
    file = StoredFile(
        key=key,
        size=found.size,
        etag=etag_of(sha256),
        content_type=found.content_type,
        filename=found.original_name,
        modified=found.updated_at,
        attachment=attachment,
        plain_name=True,
    )
    return StoredFileResponse(call.services.store, file)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/media", GET=partial(show_all, None)),
        resource(f"{PREFIX}/media/{{id}}", GET=partial(show, None), DELETE=partial(remove, None)),
        resource(f"{FILES}/{{tenant}}/{{name}}", GET=download_at_its_url),
        *(route for kind in Kind for route in _of_kind(kind)),
    ]


def _of_kind(kind: Kind) -> list[BaseRoute]:
    one = f"{PREFIX}/{PLURALS[kind]}/{{id}}"
    described: dict[str, Handler] = {"GET": partial(show, kind), "DELETE": partial(remove, kind)}
    return [resource(one, **described), resource(f"{one}/file", GET=partial(download, kind))]
