"""Taking in: batches of arrivals, submitted, watched, tried again and cancelled."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from stackroom import clock, ids
from stackroom.access import Actor, Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid
from stackroom.ingest import batches
from stackroom.ingest.batches import Arriving, Batch, Item, Prepared
from stackroom.ingest.origins import Fail
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.library.datasets import Dataset
from stackroom.library.registrations import Registration
from stackroom.queue.jobs import DEFAULT, PRIORITY
from stackroom.settings import Settings
from stackroom.web.native import call
from stackroom.web.native.convert.base import cursor, moment, moment_out, row_id
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import batches as wire
from stackroom.web.native.wire.base import Named
from stackroom.web.shared.replies import Once, answer, json_reply
from stackroom.web.shared.requests import authenticate, decode, read_body, services_of
from stackroom.web.shared.services import Services

T = TypeVar("T")
MAX_BODY = 64 * 2**20
LARGE_BODY = 2**18


async def submit(request: Request) -> Response:
    actor, _ = await authenticate(request)
    require(actor, Role.MEMBER, "taking things in")
    raw = await read_body(request, MAX_BODY)
    # A hundred thousand origins take a second to read and prepare, which nobody else should wait for.
    large = len(raw) > LARGE_BODY
    body = await asyncio.to_thread(_read, raw) if large else _read(raw)
    services = services_of(request)
    _check_origins(services, body)

    async def prepare() -> Prepared:
        within = await services.database.read(lambda conn: datasets.find(conn, actor, body.dataset))
        return await asyncio.to_thread(_prepare, body, within.id) if large else _prepare(body, within.id)

    def work(conn: Connection, ready: Prepared) -> Answer:
        now = services.now()
        made = batches.accept(
            conn,
            actor,
            ready,
            priority=PRIORITY if body.priority == "priority" else DEFAULT,
            dataset_id=ready.arrivals[0].dataset_id,
            name=body.name,
            now=now,
        )
        return answer(_shown(conn, actor, made, services.settings, now=now), 201)

    response = await Once(request, actor, raw).prepare_and_write(prepare, work)
    services.dispatcher.wake()
    return response


async def list_all(request: Request) -> Response:
    query, services = await call.query(request, wire.BatchesQuery), services_of(request)
    now, settings = services.now(), services.settings
    before = row_id(query.cursor)

    def work(conn: Connection, actor: Actor) -> wire.Batches:
        found = batches.newest(conn, actor, query.which, before=before, limit=query.limit + 1)
        page = found[: query.limit]
        following = cursor(page[-1].id) if len(found) > query.limit else None
        return wire.Batches(batches=_all_shown(conn, actor, page, settings, now=now), next=following)

    return json_reply(await call.read(request, work))


async def show(request: Request) -> Response:
    services = services_of(request)
    now = services.now()

    def work(conn: Connection, actor: Actor) -> wire.Batch:
        return _shown(conn, actor, _named(conn, actor, request), services.settings, now=now)

    return json_reply(await call.read(request, work))


async def list_items(request: Request) -> Response:
    query = await call.query(request, wire.BatchItemsQuery)
    after = -1 if query.after is None else query.after

    def work(conn: Connection, actor: Actor) -> list[Item]:
        found = _named(conn, actor, request)
        return batches.items(conn, found, query.state, after=after, limit=query.limit + 1)

    found = await call.read(request, work)
    page = found[: query.limit]
    following = page[-1].position if len(found) > query.limit else None
    return json_reply(wire.BatchItems(items=[_item(each) for each in page], next=following))


async def cancel(request: Request) -> Response:
    return await _steer(request, batches.cancel, 200)


async def retry(request: Request) -> Response:
    return await _steer(request, batches.retry, 201)


async def _steer(request: Request, how: Callable[..., Batch], status: int) -> Response:
    actor, _ = await authenticate(request)
    require(actor, Role.MEMBER, "taking things in")
    services, reference = services_of(request), request.path_params["batch"]

    def work(conn: Connection) -> Answer:
        now = services.now()
        done = how(conn, actor, reference, now=now)
        return answer(_shown(conn, actor, done, services.settings, now=now), status)

    response = await Once(request, actor, await read_body(request)).write(work)
    services.dispatcher.wake()
    return response


def _read(raw: bytes) -> wire.NewBatch:
    body = decode(raw, wire.NewBatch)
    if not body.items:
        raise Invalid(
            "items: at least one is needed",
            code="empty_selection",
            hint="Name what is to be taken in, each by its origin.",
        )
    return body


def _check_origins(services: Services, body: wire.NewBatch) -> None:
    try:
        services.origins.check(each.origin for each in body.items)
    except Fail as refused:
        raise Invalid(
            refused.reason,
            code=refused.code,
            hint="Or send the files from where they are, with `stackroom upload`.",
        ) from refused


def _prepare(body: wire.NewBatch, dataset_id: int) -> Prepared:
    return batches.prepare([_arriving(each, body.folder, dataset_id) for each in body.items])


def _arriving(asked: wire.NewArrival, folder: str, dataset_id: int) -> Arriving:
    return Arriving(
        dataset_id=dataset_id,
        origin=asked.origin,
        key=asked.key,
        folder=asked.folder or folder,
        name=asked.name,
        media_type=asked.media_type,
        registration=Registration(tags=asked.tags) if asked.tags else None,
    )


def _named(conn: Connection, actor: Actor, request: Request) -> Batch:
    return batches.find(conn, actor, request.path_params["batch"])


def _shown(conn: Connection, actor: Actor, found: Batch, settings: Settings, *, now: int) -> wire.Batch:
    return _all_shown(conn, actor, [found], settings, now=now)[0]


def _all_shown(
    conn: Connection, actor: Actor, found: Sequence[Batch], settings: Settings, *, now: int
) -> list[wire.Batch]:
    owners = datasets.by_ids(conn, actor, {each.dataset_id for each in found if each.dataset_id is not None})
    at_once = settings.max_running_per_organization or None
    expected = batches.estimated(conn, found, per_organization=at_once, now=now)
    return [
        _batch(
            each, None if each.dataset_id is None else owners.get(each.dataset_id), expected.get(each.id), now
        )
        for each in found
    ]


def _batch(found: Batch, owner: Dataset | None, expected: int | None, now: int) -> wire.Batch:
    return wire.Batch(
        id=ids.text(found.uuid),
        number=found.id,
        name=found.name,
        dataset=None if owner is None else Named(id=ids.text(owner.uuid), name=owner.name),
        priority="priority" if found.priority == PRIORITY else "default",
        state=found.state,
        count=found.count,
        completed=found.completed,
        errors=found.errors,
        cancelled=found.cancelled,
        pending=found.count - found.settled,
        rate=_rate(found, now),
        estimated_completion=moment_out(expected),
        retry_of=found.retry_of,
        created_at=moment(found.created_at),
        started_at=moment_out(found.started_at),
        finished_at=moment_out(found.finished_at),
    )


def _rate(found: Batch, now: int) -> float | None:
    """Items a second since the first of them began; None when there is nothing to go by, and when nothing goes on.
    What was given up took no time."""
    done = found.completed + found.errors
    if found.started_at is None or found.finished_at is not None or not done or now <= found.started_at:
        return None
    return round(done * clock.SECOND / (now - found.started_at), 1)


def _item(found: Item) -> wire.BatchItem:
    return wire.BatchItem(
        position=found.position,
        state=found.state,
        origin=found.origin,
        attempts=found.attempt,
        asset_id=ids.text(found.asset_uuid),
        name=found.name,
        key=found.key,
        code=found.code,
        reason=found.reason,
        started_at=moment_out(found.started_at),
        finished_at=moment_out(found.finished_at),
    )


_BATCHES = call.PREFIX + "/batches"
_BATCH = _BATCHES + "/{batch}"
ENDPOINTS = [
    Endpoint(
        method="POST",
        path=_BATCHES,
        name="submitBatch",
        summary="Take in up to 100,000 things from their origins, in the background",
        handler=submit,
        body=wire.NewBatch,
        answers={201: wire.Batch},
        repeatable=True,
    ),
    Endpoint(
        method="GET",
        path=_BATCHES,
        name="listBatches",
        summary="Batches, newest first",
        handler=list_all,
        query=wire.BatchesQuery,
        answers={200: wire.Batches},
    ),
    Endpoint(
        method="GET",
        path=_BATCH,
        name="getBatch",
        summary="How a batch stands, by id or number",
        handler=show,
        answers={200: wire.Batch},
    ),
    Endpoint(
        method="GET",
        path=_BATCH + "/items",
        name="listBatchItems",
        summary="What became of each item, by position",
        handler=list_items,
        query=wire.BatchItemsQuery,
        answers={200: wire.BatchItems},
    ),
    Endpoint(
        method="POST",
        path=_BATCH + "/retry",
        name="retryBatch",
        summary="Submit the failed items once more, as a batch of their own",
        handler=retry,
        answers={201: wire.Batch},
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=_BATCH + "/cancel",
        name="cancelBatch",
        summary="Give up what has not been taken in yet",
        handler=cancel,
        answers={200: wire.Batch},
        repeatable=True,
    ),
]
