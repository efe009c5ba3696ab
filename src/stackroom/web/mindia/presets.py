"""Presets: transformations that an address can name."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import presets
from stackroom.library.answers import Answer
from stackroom.library.presets import Preset
from stackroom.web.mindia.call import NOTHING, PREFIX, Call
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import as_bad_requests
from stackroom.web.mindia.wire import presets as wire
from stackroom.web.mindia.wire.base import moment, uuid
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


@described("Make a preset", {201: wire.Preset}, body=wire.NewPreset, needs=Role.MEMBER, refuses=(409,))
async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "making a preset")
    asked = call.json(wire.NewPreset)

    def work(conn: Connection, now: int) -> Answer:
        with as_bad_requests():
            made = presets.create(conn, call.actor, asked.name, asked.operations, asked.description, now=now)
        return answer(_told(made), 201)

    return await call.write(work)


@described("All presets", list[wire.Preset])
async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: presets.list_presets(conn, call.actor))
    return json_reply([_told(each) for each in found])


@described("A preset", wire.Preset)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    return json_reply(_told(await call.read(lambda conn: presets.find(conn, call.actor, call.place("name")))))


@described("Change a preset", wire.Preset, body=wire.PresetChanges, needs=Role.MEMBER)
async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "changing a preset")
    asked = call.json(wire.PresetChanges)
    wanted = presets.PresetChanges(operations=asked.operations, description=asked.description)

    def work(conn: Connection, now: int) -> Answer:
        with as_bad_requests():
            return answer(_told(presets.change(conn, call.actor, call.place("name"), wanted, now=now)))

    return await call.write(work)


@described("Delete a preset", {204: None}, needs=Role.MEMBER)
async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "deleting a preset")

    def work(conn: Connection, now: int) -> Answer:
        presets.remove(conn, call.actor, call.place("name"), now=now)
        return NOTHING

    return await call.write(work)


def _told(found: Preset) -> wire.Preset:
    return wire.Preset(
        id=uuid(found.uuid),
        name=found.name,
        operations=found.operations,
        description=found.description,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/presets", GET=show_all, POST=create),
        resource(f"{PREFIX}/presets/{{name}}", GET=show, PUT=change, PATCH=change, DELETE=remove),
    ]
