"""Webhooks: where events are sent, what became of each, and having one sent again. Only admins see them."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from stackroom import ids
from stackroom.access import Actor
from stackroom.clock import HOUR
from stackroom.database.transaction import Connection
from stackroom.events.kinds import KINDS
from stackroom.library import endpoints
from stackroom.library.answers import Answer
from stackroom.library.endpoints import EndpointChanges
from stackroom.web.native import call
from stackroom.web.native.convert.base import cursor, moment, moment_out, row_id
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import webhooks as wire
from stackroom.web.shared.replies import Once, answer, json_reply
from stackroom.web.shared.requests import authenticate, read_body, services_of
from stackroom.webhooks import deliveries
from stackroom.webhooks.forgetting import forget_delivered


async def list_webhooks(request: Request) -> Response:
    found = await call.read(request, endpoints.list_endpoints)
    return json_reply(wire.Webhooks(webhooks=[_webhook(each) for each in found]))


async def create(request: Request) -> Response:
    def work(conn: Connection, actor: Actor, body: wire.NewWebhook) -> Answer:
        wanted = EndpointChanges(
            url=body.url,
            description=body.description,
            event_types=body.event_types,
            per_item=body.per_item,
            asset_kind=body.asset_kind,
            auth_headers=body.auth_headers,
            secret=body.secret,
        )
        made = endpoints.create(conn, actor, wanted, now=services_of(request).now())
        return _with_secret(made, 201)

    return await call.write_body(request, wire.NewWebhook, work)


async def show(request: Request) -> Response:
    return json_reply(_webhook(await call.read(request, _find(request))))


async def change(request: Request) -> Response:
    def work(conn: Connection, actor: Actor, body: wire.WebhookUpdate) -> Answer:
        wanted = EndpointChanges(
            url=body.url,
            description=body.description,
            event_types=body.event_types,
            enabled=body.enabled,
            per_item=body.per_item,
            asset_kind=body.asset_kind,
            auth_headers=body.auth_headers,
        )
        changed = endpoints.change(conn, actor, _named(request), wanted, now=services_of(request).now())
        return answer(_webhook(changed))

    return await call.write_body(request, wire.WebhookUpdate, work)


async def remove(request: Request) -> Response:
    def work(conn: Connection, actor: Actor) -> Answer:
        endpoints.remove(conn, actor, _named(request), now=services_of(request).now())
        return answer(wire.RemovedWebhook(id=_named(request).lower()))

    actor, _ = await authenticate(request)
    await forget_delivered(services_of(request).database, actor, _named(request))
    return await call.write(request, work)


async def rotate_secret(request: Request) -> Response:
    def work(conn: Connection, actor: Actor, body: wire.SecretRotation) -> Answer:
        overlap = int(body.overlap_hours * HOUR)
        now = services_of(request).now()
        return _with_secret(
            endpoints.rotate_secret(conn, actor, _named(request), overlap=overlap, now=now), 200
        )

    return await call.write_body(request, wire.SecretRotation, work)


async def test(request: Request) -> Response:
    actor, _ = await authenticate(request)
    services = services_of(request)

    async def send() -> deliveries.Attempt:
        found = await services.database.read(lambda conn: endpoints.find(conn, actor, _named(request)))
        return await services.deliverer.test(found, actor.organization_uuid)

    def work(_conn: Connection, seen: deliveries.Attempt) -> Answer:
        tested = wire.TestedWebhook(
            delivered=seen.error is None,
            status_code=seen.status_code,
            response=seen.response,
            error=seen.error,
        )
        return answer(tested)

    return await Once(request, actor, await read_body(request)).prepare_and_write(send, work)


async def event_types(request: Request) -> Response:
    await authenticate(request)
    return json_reply(wire.EventTypes(event_types=list(KINDS)))


async def list_deliveries(request: Request) -> Response:
    query = await call.query(request, wire.DeliveriesQuery)
    before = row_id(query.cursor)

    def work(conn: Connection, actor: Actor) -> list[deliveries.Delivery]:
        of = None if query.webhook is None else endpoints.find(conn, actor, query.webhook)
        states = () if query.state is None else (query.state,)
        return deliveries.page(conn, actor, endpoint=of, states=states, before=before, limit=query.limit + 1)

    found = await call.read(request, work)
    page = found[: query.limit]
    following = cursor(page[-1].id) if len(found) > query.limit else None
    return json_reply(wire.Deliveries(deliveries=[_delivery(each) for each in page], next=following))


async def show_delivery(request: Request) -> Response:
    reference = request.path_params["delivery"]
    found = await call.read(request, lambda conn, actor: deliveries.find(conn, actor, reference))
    return json_reply(_delivery(found))


async def redeliver(request: Request) -> Response:
    reference, services = request.path_params["delivery"], services_of(request)

    def work(conn: Connection, actor: Actor) -> Answer:
        found = deliveries.find(conn, actor, reference)
        return answer(_delivery(deliveries.redeliver(conn, actor, found, now=services.now())), 201)

    response = await call.write(request, work)
    services.messenger.wake()
    return response


def _named(request: Request) -> str:
    reference: str = request.path_params["webhook"]
    return reference


def _find(request: Request) -> Callable[[Connection, Actor], endpoints.Endpoint]:
    return lambda conn, actor: endpoints.find(conn, actor, _named(request))


def _with_secret(found: endpoints.Endpoint, status: int) -> Answer:
    return answer(wire.MadeWebhook(webhook=_webhook(found), secret=found.secret), status, secret=True)


def _webhook(found: endpoints.Endpoint) -> wire.Webhook:
    return wire.Webhook(
        id=ids.text(found.uuid),
        url=found.url,
        description=found.description,
        dialect=found.dialect,
        event_types=found.event_types,
        per_item=found.per_item,
        asset_kind=found.asset_kind,
        enabled=found.enabled,
        secret_prefix=found.secret_prefix,
        secret_version=found.secret_version,
        previous_secret_until=moment_out(found.previous_secret_until),
        auth_header_names=sorted(found.auth_headers),
        failures=found.failures,
        deactivated_at=moment_out(found.deactivated_at),
        deactivation_reason=found.deactivation_reason,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def _delivery(found: deliveries.Delivery) -> wire.Delivery:
    return wire.Delivery(
        id=ids.text(found.uuid),
        webhook_id=ids.text(found.endpoint_uuid),
        event_id=ids.text_or_none(found.event_uuid),
        event_type=found.event_type,
        state=found.state,
        attempts=found.attempts,
        status_code=found.status_code,
        response=found.response,
        error=found.error,
        created_at=moment(found.created_at),
        sent_at=moment_out(found.sent_at),
        next_at=moment_out(found.next_at),
        finished_at=moment_out(found.finished_at),
    )


_WEBHOOKS = call.PREFIX + "/webhooks"
_WEBHOOK = _WEBHOOKS + "/{webhook}"
_DELIVERIES = call.PREFIX + "/deliveries"
ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_WEBHOOKS,
        name="listWebhooks",
        summary="Where events are sent, oldest first",
        handler=list_webhooks,
        answers={200: wire.Webhooks},
    ),
    Endpoint(
        method="POST",
        path=_WEBHOOKS,
        name="createWebhook",
        summary="Have events sent somewhere; the secret is in this answer and nowhere else",
        handler=create,
        body=wire.NewWebhook,
        answers={201: wire.MadeWebhook},
        repeatable=True,
    ),
    Endpoint(
        method="GET",
        path=_WEBHOOK,
        name="getWebhook",
        summary="One webhook",
        handler=show,
        answers={200: wire.Webhook},
    ),
    Endpoint(
        method="PATCH",
        path=_WEBHOOK,
        name="updateWebhook",
        summary="Change a webhook; enabling one that was switched off forgets its failures",
        handler=change,
        body=wire.WebhookUpdate,
        answers={200: wire.Webhook},
    ),
    Endpoint(
        method="DELETE",
        path=_WEBHOOK,
        name="deleteWebhook",
        summary="Send nothing there any more",
        handler=remove,
        answers={200: wire.RemovedWebhook},
    ),
    Endpoint(
        method="POST",
        path=_WEBHOOK + "/rotate-secret",
        name="rotateWebhookSecret",
        summary="Sign with another secret, and for a while with the one before as well",
        handler=rotate_secret,
        body=wire.SecretRotation,
        answers={200: wire.MadeWebhook},
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=_WEBHOOK + "/test",
        name="testWebhook",
        summary="Send an event that has not happened, and say what came of it",
        handler=test,
        answers={200: wire.TestedWebhook},
        repeatable=True,
    ),
    Endpoint(
        method="GET",
        path=call.PREFIX + "/event-types",
        name="listEventTypes",
        summary="Every kind of event",
        handler=event_types,
        answers={200: wire.EventTypes},
    ),
    Endpoint(
        method="GET",
        path=_DELIVERIES,
        name="listDeliveries",
        summary="What was or is to be delivered, newest first",
        handler=list_deliveries,
        query=wire.DeliveriesQuery,
        answers={200: wire.Deliveries},
    ),
    Endpoint(
        method="GET",
        path=_DELIVERIES + "/{delivery}",
        name="getDelivery",
        summary="How a delivery stands",
        handler=show_delivery,
        answers={200: wire.Delivery},
    ),
    Endpoint(
        method="POST",
        path=_DELIVERIES + "/{delivery}/redeliver",
        name="redeliver",
        summary="Have an event delivered again",
        handler=redeliver,
        answers={201: wire.Delivery},
        repeatable=True,
    ),
]
