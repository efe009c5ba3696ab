"""Webhooks: where an organization wants to hear of its media. Only admins see them, and nobody their secrets."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict, Invalid
from stackroom.library import endpoints
from stackroom.library.answers import Answer
from stackroom.library.endpoints import Dialect, Endpoint
from stackroom.web.mindia.call import NOTHING, PREFIX, Call
from stackroom.web.mindia.convert import webhooks as convert
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import bad_request, not_found
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire import webhooks as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply
from stackroom.webhooks import deliveries
from stackroom.webhooks.deliveries import Delivery
from stackroom.webhooks.forgetting import forget_delivered

MINDIA: Final[Dialect] = "mindia"


@described("Make a webhook", {201: wire.Webhook}, body=wire.NewWebhook, needs=Role.ADMIN)
async def create(request: Request) -> Response:
    """One for each event that is named."""
    call = await _begin(request)
    asked = call.json(wire.NewWebhook)
    wanted = [convert.endpoint(asked, each) for each in convert.wanted_of(asked)]

    def work(conn: Connection, _: None, now: int) -> Answer:
        try:
            made = [endpoints.create(conn, call.actor, each, dialect=MINDIA, now=now) for each in wanted]
        except Invalid as error:
            raise bad_request(error.message) from error
        return answer(convert.shown(made[0], made), 201)

    return await call.prepare_and_write(lambda: _check(call, asked.url), work)


@described("All webhooks", list[wire.Webhook], needs=Role.ADMIN)
async def show_all(request: Request) -> Response:
    """Newest first."""
    call = await _begin(request)
    found = await call.read(lambda conn: endpoints.list_endpoints(conn, call.actor, MINDIA))
    return json_reply([convert.shown(each) for each in reversed(found)])


@described("A webhook", wire.Webhook, needs=Role.ADMIN)
async def show(request: Request) -> Response:
    call = await _begin(request)
    return json_reply(convert.shown(await call.read(lambda conn: _find(conn, call))))


@described("Change a webhook", wire.Webhook, body=wire.WebhookChanges, needs=Role.ADMIN)
async def change(request: Request) -> Response:
    """All but the event can change."""
    call = await _begin(request)
    call.uuid("id")
    asked = call.json(wire.WebhookChanges)
    wanted = convert.changes(asked)

    async def prepare() -> None:
        await call.read(lambda conn: _find(conn, call))
        if asked.url is not None:
            await _check(call, asked.url)

    def work(conn: Connection, _: None, now: int) -> Answer:
        found = _find(conn, call)
        if wanted is None:
            return answer(convert.shown(found))
        try:
            return answer(
                convert.shown(endpoints.change(conn, call.actor, ids.text(found.uuid), wanted, now=now))
            )
        except Invalid as error:
            raise bad_request(error.message) from error

    return await call.prepare_and_write(prepare, work)


@described("Delete a webhook", {204: None}, needs=Role.ADMIN)
async def remove(request: Request) -> Response:
    call = await _begin(request)

    async def prepare() -> None:
        found = await call.read(lambda conn: _find(conn, call))
        await forget_delivered(call.services.database, call.actor, ids.text(found.uuid))

    def work(conn: Connection, _: None, now: int) -> Answer:
        endpoints.remove(conn, call.actor, ids.text(_find(conn, call).uuid), now=now)
        return NOTHING

    return await call.prepare_and_write(prepare, work)


@described("What a webhook was told", list[wire.Delivery], query=queries.Page, needs=Role.ADMIN)
async def show_events(request: Request) -> Response:
    """What was sent there, or is still to be, newest first."""
    call = await _begin(request)
    page = call.page()

    def read(conn: Connection) -> list[Delivery]:
        return deliveries.page(
            conn, call.actor, endpoint=_find(conn, call), offset=page.offset, limit=page.limit
        )

    return json_reply(convert.deliveries(await call.read(read)))


@described("Tell a webhook once more", {202: wire.Delivery}, needs=Role.ADMIN)
async def redeliver(request: Request) -> Response:
    """Send an event once more, whatever came of it before."""
    call = await _begin(request)
    wanted = call.uuid("event")

    def work(conn: Connection, now: int) -> Answer:
        endpoint = _find(conn, call)
        found = deliveries.find(conn, call.actor, ids.text(wanted), endpoint)
        try:
            return answer(convert.delivery(deliveries.redeliver(conn, call.actor, found, now=now)), 202)
        except Conflict as error:
            raise bad_request(error.message) from error

    response = await call.write(work)
    call.services.messenger.wake()
    return response


async def _begin(request: Request) -> Call:
    return await Call.begin(request, Role.ADMIN, "seeing or changing webhooks")


async def _check(call: Call, url: str) -> None:
    """Raises `Invalid` (`BAD_REQUEST`) for an address that may not be called."""
    try:
        await call.services.deliverer.targets.check(url)
    except Invalid as error:
        raise bad_request(error.message) from error


def _find(conn: Connection, call: Call) -> Endpoint:
    """Of this protocol's alone: those of others have other words."""
    found = endpoints.find(conn, call.actor, ids.text(call.uuid("id")))
    if found.dialect != MINDIA:
        raise not_found("Webhook")
    return found


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/webhooks", GET=show_all, POST=create),
        resource(f"{PREFIX}/webhooks/{{id}}", GET=show, PUT=change, PATCH=change, DELETE=remove),
        resource(f"{PREFIX}/webhooks/{{id}}/events", GET=show_events),
        resource(f"{PREFIX}/webhooks/{{id}}/events/{{event}}/redeliver", POST=redeliver),
    ]
