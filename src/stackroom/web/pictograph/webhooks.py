"""Webhooks: the addresses that an organization wants its events sent to. Only admins see them.

Nothing is sent yet, and every answer says so: a test is not delivered, and there are no deliveries.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.events.kinds import KINDS
from stackroom.library import endpoints
from stackroom.library.answers import Answer
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import webhooks as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import webhooks as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

NOT_SENT = "this server does not send webhooks yet; nothing was sent"


async def show_all(request: Request) -> Response:
    call = await _begin(request)
    found = await call.read(lambda conn: endpoints.list_endpoints(conn, call.actor))
    return json_reply(wire.EndpointList(endpoints=[convert.endpoint(each, call.actor) for each in found]))


async def create(request: Request) -> Response:
    call = await _begin(request)
    wanted = convert.changes(call.json(wire.NewEndpoint))

    def work(conn: Connection, now: int) -> Answer:
        made = endpoints.create(conn, call.actor, wanted, now=now)
        return answer(convert.with_secret(made, call.actor), 201, secret=True)

    return await call.write(work)


async def show(request: Request) -> Response:
    call = await _begin(request)
    found = await call.read(_find(call))
    return json_reply(wire.EndpointAnswer(endpoint=convert.endpoint(found, call.actor)))


async def change(request: Request) -> Response:
    call = await _begin(request)
    wanted = convert.changes(call.json(wire.EndpointUpdate))

    def work(conn: Connection, now: int) -> Answer:
        changed = endpoints.change(conn, call.actor, call.place("endpoint"), wanted, now=now)
        return answer(wire.EndpointAnswer(endpoint=convert.endpoint(changed, call.actor)))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection, now: int) -> Answer:
        endpoints.remove(conn, call.actor, call.place("endpoint"), now=now)
        return answer(wire.EndpointDeleted(endpoint_id=call.place("endpoint").lower()))

    return await call.write(work)


async def rotate_secret(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection, now: int) -> Answer:
        changed = endpoints.rotate_secret(conn, call.actor, call.place("endpoint"), now=now)
        return answer(convert.with_secret(changed, call.actor), secret=True)

    return await call.write(work)


async def test(request: Request) -> Response:
    call = await _begin(request)
    await call.read(_find(call))
    return json_reply(wire.Tested(success=False, delivered=False, status_code=None, error=NOT_SENT))


async def event_types(request: Request) -> Response:
    await _begin(request)
    return json_reply(wire.EventTypes(event_types=list(KINDS)))


async def deliveries(request: Request) -> Response:
    call = await _begin(request)
    about = call.query(wire.DeliveryQuery).endpoint_id
    if about is not None:
        await call.read(lambda conn: endpoints.find(conn, call.actor, about))
    return json_reply(wire.DeliveryList(deliveries=[]))


async def replay(request: Request) -> Response:
    call = await _begin(request)
    raise NotFound(f"delivery {call.place('delivery')!r} not found", hint="This server has sent none yet.")


async def _begin(request: Request) -> Call:
    return await Call.begin(request, Role.ADMIN, "seeing or changing webhooks")


def _find(call: Call) -> Callable[[Connection], endpoints.Endpoint]:
    return lambda conn: endpoints.find(conn, call.actor, call.place("endpoint"))


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/webhooks"
    one = f"{base}/endpoints/{{endpoint}}"
    return [
        resource(f"{base}/endpoints", GET=show_all, POST=create),
        resource(one, GET=show, PATCH=change, DELETE=remove),
        resource(f"{one}/test", POST=test),
        resource(f"{one}/rotate-secret", POST=rotate_secret),
        resource(f"{base}/event-types", GET=event_types),
        resource(f"{base}/deliveries", GET=deliveries),
        resource(f"{base}/deliveries/{{delivery}}/replay", POST=replay),
    ]
