"""Who asks; and how people come: invites, whose tokens are handed over by whoever makes them, and joining with one."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom.access import Role, require
from stackroom.database.transaction import Connection
from stackroom.library import invites
from stackroom.library.answers import Answer
from stackroom.web.native import call
from stackroom.web.native.convert import accounts as convert
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import accounts as wire
from stackroom.web.shared.replies import Once, answer, json_reply
from stackroom.web.shared.requests import authenticate, decode, read_body, services_of

MAX_BODY = 2**16


async def who_am_i(request: Request) -> Response:
    _, found = await authenticate(request)
    return json_reply(convert.who_am_i(found))


async def create_invite(request: Request) -> Response:
    actor, _ = await authenticate(request)
    require(actor, Role.ADMIN, "inviting somebody")
    raw = await read_body(request, MAX_BODY)
    body, services = decode(raw, wire.NewInvite), services_of(request)

    def work(conn: Connection) -> Answer:
        now = services.now()
        made = invites.create(conn, actor, body.email, role=Role.named(body.role), now=now)
        return answer(convert.made_invite(made), 201, secret=True)

    return await Once(request, actor, raw).write(work)


async def join(request: Request) -> Response:
    """Asks for no key: the token is what lets in. A retry needs no Idempotency-Key either, see `invites.join`."""
    services, body = services_of(request), decode(await read_body(request, MAX_BODY), wire.Joining)
    done = await services.database.write(
        lambda conn: invites.join(conn, body.token, full_name=body.full_name, now=services.now())
    )
    return json_reply(convert.joined(done), 201)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=call.PREFIX + "/whoami",
        name="whoAmI",
        summary="The key that asks, and its organization",
        handler=who_am_i,
        answers={200: wire.WhoAmI},
    ),
    Endpoint(
        method="POST",
        path=call.PREFIX + "/invites",
        name="createInvite",
        summary="Invite somebody; the token is in this answer and nowhere else",
        handler=create_invite,
        body=wire.NewInvite,
        answers={201: wire.MadeInvite},
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=call.PREFIX + "/join",
        name="join",
        summary="Redeem an invite's token for a key",
        handler=join,
        body=wire.Joining,
        answers={201: wire.Joined},
        public=True,
    ),
]
