"""User metadata of media: the whole of it, or key by key."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import media, metadata
from stackroom.library.answers import Answer
from stackroom.library.media import Media
from stackroom.media.kinds import Kind
from stackroom.web.mindia.call import NOTHING, PREFIX, Call
from stackroom.web.mindia.convert import media as convert
from stackroom.web.mindia.convert.media import PLURALS
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import invalid_input
from stackroom.web.mindia.wire import media as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

NAMESPACES = (None, "user", "plugins")
CHANGING = Role.MEMBER, "changing metadata"


@described("What is said of an item", wire.PartOfMetadata, query=queries.Namespace)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    wanted, namespace = call.uuid("id"), call.asked("namespace")
    if namespace not in NAMESPACES:
        raise invalid_input("namespace: it is user or plugins")
    found = await call.read(lambda conn: media.find(conn, call.actor, wanted, now=call.now()))
    told = convert.metadata(found) if namespace is None else convert.part_of_metadata(found, namespace)
    return json_reply(told)


@described("Replace what is said of {one}", wire.Metadata, body=wire.NewMetadata, needs=Role.MEMBER)
async def replace(kind: Kind, request: Request) -> Response:
    call = await Call.begin(request, *CHANGING)
    wanted, asked = call.uuid("id"), call.json(wire.NewMetadata)

    def work(conn: Connection, now: int) -> Answer:
        found = metadata.replace(conn, call.actor, wanted, asked.metadata, kind, now=now)
        return _changed(conn, call, found, now)

    return await _write(call, work)


@described("The value of one key", Any)
async def show_value(request: Request) -> Response:
    call = await Call.begin(request)
    wanted, key = call.uuid("id"), call.place("key")
    found = await call.read(lambda conn: media.find(conn, call.actor, wanted, now=call.now()))
    return json_reply(metadata.value(found, key))


@described("Set one key", wire.Metadata, body=Any, needs=Role.MEMBER)
async def put_value(request: Request) -> Response:
    call = await Call.begin(request, *CHANGING)
    wanted, key = call.uuid("id"), call.place("key")
    value: Any = call.json(object)

    def work(conn: Connection, now: int) -> Answer:
        return _changed(conn, call, metadata.put(conn, call.actor, wanted, key, value, now=now), now)

    return await _write(call, work)


@described("Remove one key", {204: None}, needs=Role.MEMBER)
async def remove_value(request: Request) -> Response:
    call = await Call.begin(request, *CHANGING)
    wanted, key = call.uuid("id"), call.place("key")

    def work(conn: Connection, now: int) -> Answer:
        _changed(conn, call, metadata.remove(conn, call.actor, wanted, key, now=now), now)
        return NOTHING

    return await _write(call, work)


def _changed(conn: Connection, call: Call, found: Media, now: int) -> Answer:
    """What is said of an item is what it is found by: so that is made anew."""
    if found.updated_at == now:
        actor = call.actor
        call.services.embedding.submit(conn, actor.organization_id, found.id, found.uuid, now=now)
    return answer(convert.metadata(found))


async def _write(call: Call, work: Any) -> Response:
    response = await call.write(work)
    call.services.indexer.wake()
    return response


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/media/{{id}}/metadata", GET=show),
        resource(
            f"{PREFIX}/media/{{id}}/metadata/{{key}}", GET=show_value, PUT=put_value, DELETE=remove_value
        ),
        *(resource(f"{PREFIX}/{PLURALS[kind]}/{{id}}/metadata", PUT=partial(replace, kind)) for kind in Kind),
    ]
