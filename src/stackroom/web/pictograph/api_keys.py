"""API keys, at an address of their own beside the rest of the protocol."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.transaction import Connection
from stackroom.errors import Forbidden
from stackroom.library import keys
from stackroom.library.answers import Answer
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import api_keys as convert
from stackroom.web.pictograph.wire import api_keys as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

PREFIX = "/api/v1/api-keys"


async def show_all(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "seeing the keys")
    _refuse_others(call.actor, call.query(wire.KeyQuery).organization_id)
    found = await call.read(lambda conn: keys.list_mine(conn, call.actor))
    return json_reply(wire.KeyList(api_keys=[convert.key(each, call.actor) for each in found]))


async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "making a key")
    asked = call.json(wire.NewKey)
    _refuse_others(call.actor, asked.organization_id)

    def make(conn: Connection, now: int) -> Answer:
        made = keys.create(
            conn,
            call.actor,
            name=asked.name,
            role=Role.named(asked.role),
            rate_limit=asked.rate_limit,
            expires_at=convert.expiry(asked.expires_at),
            now=now,
        )
        return answer(convert.made(made), 201, secret=True)

    return await call.write(make)


async def show(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "seeing a key")
    found = await call.read(lambda conn: keys.find(conn, call.actor, call.place("key")))
    return json_reply(wire.KeyAnswer(api_key=convert.key(found, call.actor)))


async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "changing a key")
    wanted = convert.changes(call.json(wire.KeyUpdate))

    def work(conn: Connection, now: int) -> Answer:
        changed = keys.change(conn, call.actor, call.place("key"), wanted, now=now)
        return answer(wire.KeyAnswer(api_key=convert.key(changed, call.actor)))

    return await call.write(work)


async def delete(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting a key")

    def work(conn: Connection, now: int) -> Answer:
        keys.delete(conn, call.actor, call.place("key"), now=now)
        return answer(wire.KeyDeleted(key_id=call.place("key").lower()))

    return await call.write(work)


def _refuse_others(actor: Actor, organization_id: str | None) -> None:
    """The protocol lets clients name the organization, of which a key can only mean its own."""
    if organization_id is not None and ids.parse(organization_id) != actor.organization_uuid:
        raise Forbidden(
            "this key acts for its own organization only",
            hint="Leave organization_id out, or ask /organizations/me for it.",
        )


def routes() -> list[BaseRoute]:
    return [
        resource(PREFIX, GET=show_all, POST=create),
        resource(f"{PREFIX}/{{key}}", GET=show, PATCH=change, DELETE=delete),
    ]
