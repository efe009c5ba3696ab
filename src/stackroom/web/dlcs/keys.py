"""The keys of a customer."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.library import keys
from stackroom.library.answers import Answer
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import customers as convert
from stackroom.web.dlcs.customers import CUSTOMER
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply

NAME = "made by a DLCS client"


async def show_all(request: Request) -> Response:
    """Those that count. What they are called and may do is told elsewhere."""
    call = await Call.begin(request, Role.MEMBER, "seeing the keys")
    now = call.services.now()
    found = await call.read(lambda conn: keys.list_mine(conn, call.actor))
    counting = (each for each in found if each.active and (each.expires_at is None or each.expires_at > now))
    shown = [convert.listed_key(each, call.links) for each in counting]
    return reply(hydra.answer(hydra.whole(call.address, shown)))


async def show(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "seeing a key")
    found = await call.read(lambda conn: keys.find(conn, call.actor, call.place("key")))
    return reply(hydra.answer(convert.key(found, call.links)))


async def create(request: Request) -> Response:
    """A key that may do what the caller's may. Not 201: so it is in the protocol."""
    call = await Call.begin(request, Role.ADMIN, "making a key", operation="Create API key")

    def make(conn: Connection, now: int) -> Answer:
        made = keys.create(conn, call.actor, name=NAME, role=call.actor.role, now=now)
        return hydra.answer(convert.made_key(made, call.links), secret=True)

    return await call.write(make)


async def delete(request: Request) -> Response:
    """A key that there is not is gone as well."""
    call = await Call.begin(request, Role.ADMIN, "deleting a key", operation="Delete API key")

    def work(conn: Connection, now: int) -> Answer:
        with suppress(NotFound):
            keys.delete(conn, call.actor, call.place("key"), now=now)
        return hydra.nothing()

    try:
        return await call.write(work)
    except Conflict as error:
        if error.code != "last_owner_key":
            raise
        raise Invalid(error.message, code=error.code, hint=error.hint) from error


def routes() -> list[BaseRoute]:
    return [
        resource(f"{CUSTOMER}/keys", GET=show_all, POST=create),
        resource(f"{CUSTOMER}/keys/{{key}}", GET=show, DELETE=delete),
    ]
