"""The record of what happened: page by page, and as a whole."""

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stackroom import clock, ids
from stackroom.access import Actor, Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid
from stackroom.events import reading
from stackroom.events.following import horizon
from stackroom.events.kinds import KINDS
from stackroom.events.reading import Event, Filters
from stackroom.web.native import call
from stackroom.web.native.convert.base import moment
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import events as wire
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.requests import authenticate, services_of

EXPORT_PAGE = 1000


async def list_events(request: Request) -> Response:
    actor = await _admin(request)
    query = await call.query(request, wire.EventsPageQuery)
    database, filters = services_of(request).database, _filters(query)
    upto = None if query.after is None else await horizon(database)

    def work(conn: Connection) -> list[Event]:
        return reading.page(
            conn, actor, filters, before=query.before, after=query.after, upto=upto, limit=query.limit + 1
        )

    found = await database.read(work)
    page = found[: query.limit]
    following = page[-1].id if len(found) > query.limit else None
    return json_reply(wire.Events(events=[shown(each) for each in page], next=following))


async def export(request: Request) -> Response:
    actor = await _admin(request)
    filters = _filters(await call.query(request, wire.EventsQuery))
    upto = await horizon(services_of(request).database)
    return StreamingResponse(
        _lines(request, actor, filters, upto),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="events.jsonl"', "Cache-Control": "no-store"},
    )


async def _lines(request: Request, actor: Actor, filters: Filters, upto: int | None) -> AsyncIterator[bytes]:
    """Oldest first, a page in memory at a time."""
    database, after = services_of(request).database, 0
    while page := await database.read(
        lambda conn: reading.page(conn, actor, filters, after=after, upto=upto, limit=EXPORT_PAGE)  # noqa: B023 - run at once
    ):
        yield b"".join(msgspec.json.encode(shown(each)) + b"\n" for each in page)
        after = page[-1].id


async def _admin(request: Request) -> Actor:
    actor, _ = await authenticate(request)
    require(actor, Role.ADMIN, "reading the events")
    return actor


def _filters(asked: wire.EventsQuery) -> Filters:
    unknown = sorted({*asked.type} - {*KINDS, reading.REQUEST})
    if unknown:  # whoever follows what never happens would wait for ever
        raise Invalid(f"type: {unknown[0][:100]!r} is not an event", hint="GET event-types lists them.")
    return Filters(
        types=asked.type,
        requests=asked.requests,
        since=None if asked.since is None else clock.from_datetime(asked.since),
        until=None if asked.until is None else clock.from_datetime(asked.until),
        asset=_uuid(asked.asset),
        operation=_uuid(asked.operation),
        batch=_uuid(asked.batch),
        request_id=asked.request_id,
        method=asked.method,
        status=asked.status,
        path=asked.path,
    )


def _uuid(text: str | None) -> bytes | None:
    """What is no id is one that nothing has."""
    return None if text is None else ids.parse(text) or b""


def shown(found: Event) -> wire.Event:
    return wire.Event(
        number=found.id,
        id=ids.text(found.uuid),
        type=found.type,
        at=moment(found.at),
        dataset_id=ids.text_or_none(found.dataset_uuid),
        asset_id=ids.text_or_none(found.asset_uuid),
        operation_id=ids.text_or_none(found.operation_uuid),
        batch_id=ids.text_or_none(found.batch_uuid),
        key_id=ids.text_or_none(found.key_uuid),
        ip=found.ip,
        user_agent=found.user_agent,
        request_id=found.request_id,
        method=found.method,
        path=found.path,
        query=found.query,
        status=found.status,
        request_bytes=found.request_bytes,
        response_bytes=found.response_bytes,
        duration_us=found.duration_us,
        data=found.told(moment),
    )


_EVENTS = call.PREFIX + "/events"
ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_EVENTS,
        name="listEvents",
        summary="What happened, newest first; with after, what has happened since",
        handler=list_events,
        query=wire.EventsPageQuery,
        answers={200: wire.Events},
    ),
    Endpoint(
        method="GET",
        path=_EVENTS + "/export",
        name="exportEvents",
        summary="What happened, oldest first, one JSON object a line",
        handler=export,
        query=wire.EventsQuery,
        answers={200: "application/x-ndjson"},
    ),
]
