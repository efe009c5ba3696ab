"""Webhooks: the addresses that an organization wants its events sent to, and what became of that. Only admins see them.

They are those of the whole library: whoever made an endpoint, it is listed here.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.events.kinds import KINDS
from stackroom.library import endpoints
from stackroom.library.answers import Answer
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import webhooks as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import webhooks as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply
from stackroom.webhooks import deliveries
from stackroom.webhooks.forgetting import forget_delivered


async def show_all(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection) -> list[wire.Endpoint]:
        found = endpoints.list_endpoints(conn, call.actor)
        sent = deliveries.last_sent(conn, found)
        return [convert.endpoint(each, call.actor, sent.get(each.id)) for each in found]

    return json_reply(wire.EndpointList(endpoints=await call.read(work)))


async def create(request: Request) -> Response:
    call = await _begin(request)
    wanted = convert.changes(call.json(wire.NewEndpoint))

    def work(conn: Connection, now: int) -> Answer:
        made = endpoints.create(conn, call.actor, wanted, dialect="pictograph", now=now)
        return answer(convert.with_secret(made, call.actor), 201, secret=True)

    return await call.write(work)


async def show(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection) -> wire.Endpoint:
        found = _find(call)(conn)
        return convert.endpoint(found, call.actor, deliveries.last_sent(conn, [found]).get(found.id))

    return json_reply(wire.EndpointAnswer(endpoint=await call.read(work)))


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

    await forget_delivered(call.services.database, call.actor, call.place("endpoint"))
    return await call.write(work)


async def rotate_secret(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection, now: int) -> Answer:
        changed = endpoints.rotate_secret(conn, call.actor, call.place("endpoint"), now=now)
        return answer(convert.with_secret(changed, call.actor), secret=True)

    return await call.write(work)


async def test(request: Request) -> Response:
    call = await _begin(request)
    found = await call.read(_find(call))
    seen = await call.services.deliverer.test(found, call.actor.organization_uuid)
    delivered = seen.error is None
    return json_reply(
        wire.Tested(success=delivered, delivered=delivered, status_code=seen.status_code, error=seen.error)
    )


async def event_types(request: Request) -> Response:
    await _begin(request)
    return json_reply(wire.EventTypes(event_types=list(KINDS)))


async def list_deliveries(request: Request) -> Response:
    call = await _begin(request)
    query = call.query(wire.DeliveryQuery)

    def work(conn: Connection) -> list[deliveries.Delivery]:
        about = None if query.endpoint_id is None else endpoints.find(conn, call.actor, query.endpoint_id)
        states = () if query.status is None else (convert.STATES[query.status],)
        return deliveries.page(
            conn, call.actor, endpoint=about, states=states, offset=query.offset, limit=query.limit
        )

    found = await call.read(work)
    return json_reply(wire.DeliveryList(deliveries=[convert.delivery(each, call.actor) for each in found]))


async def replay(request: Request) -> Response:
    call = await _begin(request)

    def work(conn: Connection, now: int) -> Answer:
        found = deliveries.find(conn, call.actor, call.place("delivery"))
        again = deliveries.redeliver(conn, call.actor, found, now=now)
        return answer(wire.Replayed(delivery=convert.delivery(again, call.actor)))

    response = await call.write(work)
    call.services.messenger.wake()
    return response


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
        resource(f"{base}/deliveries", GET=list_deliveries),
        resource(f"{base}/deliveries/{{delivery}}/replay", POST=replay),
    ]
