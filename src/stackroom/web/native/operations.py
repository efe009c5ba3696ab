"""The addresses of operations: decode, convert, call the core once, convert, encode."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.transaction import Connection, Work
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.operations import engine, journal
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import FailedOf, Ids
from stackroom.operations.request import Request as Asked
from stackroom.web.native import call
from stackroom.web.native.convert import operations as convert
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import operations as wire
from stackroom.web.shared.replies import Once, answer, json_reply
from stackroom.web.shared.requests import authenticate, decode, read_body, services_of

MAX_OPERATION_BODY = 64 * 2**20
LARGE_BODY = 2**18
REPORT_PAGE = 1000


class _Finder:
    """What a request for an operation names, looked up in the transaction of that operation."""

    def __init__(self, conn: Connection, actor: Actor) -> None:
        self._conn = conn
        self._actor = actor

    def dataset(self, reference: str) -> int:
        return datasets.find(self._conn, self._actor, reference).id

    def failed_of(self, reference: str) -> FailedOf:
        # Held, as one that is running fails with more while this one begins.
        return journal.failed_of(journal.hold(self._conn, self._actor, reference))


async def create_operation(request: Request) -> Response:
    actor, _ = await authenticate(request)
    raw = await read_body(request, MAX_OPERATION_BODY)
    body, chosen = await _read_operation(raw)
    services = services_of(request)

    def wanted(conn: Connection) -> Asked:
        return convert.request(body, chosen, _Finder(conn, actor))

    if body.dry_run:
        return await _show(
            request, lambda conn: engine.preview(conn, actor, wanted(conn), now=services.now())
        )
    return await _begin(
        request, actor, raw, lambda conn: engine.submit(conn, actor, wanted(conn), now=services.now())
    )


async def _read_operation(raw: bytes) -> tuple[wire.NewOperation, Ids | None]:
    def read() -> tuple[wire.NewOperation, Ids | None]:
        body = decode(raw, wire.NewOperation)
        return body, convert.chosen_ids(body)

    # A million ids take a second to read, which nobody else should wait for.
    return await asyncio.to_thread(read) if len(raw) > LARGE_BODY else read()


async def undo_operation(request: Request) -> Response:
    actor, _ = await authenticate(request)
    raw = await read_body(request)
    body = decode(raw or b"{}", wire.NewUndo)
    services, reference = services_of(request), request.path_params["operation"]

    def work(conn: Connection) -> journal.Operation:
        return engine.submit_undo(conn, actor, reference, dry_run=body.dry_run, now=services.now())

    return await (_show(request, work) if body.dry_run else _begin(request, actor, raw, work))


async def _begin(request: Request, actor: Actor, raw: bytes, work: Work[journal.Operation]) -> Response:
    """Run an operation, or begin one that is too large for one transaction: then the answer is 202."""
    services = services_of(request)

    def once(conn: Connection) -> Answer:
        begun = work(conn)
        status = 200 if begun.finished_at is not None else 202
        return answer(convert.operation(begun, now=services.now()), status)

    response = await Once(request, actor, raw).write(once)
    if response.status_code == 202:
        services.runner.wake()
    services.sweep_soon.set()  # a purge, an overwriting, or the undo of a copy leaves bytes behind
    return response


async def _show(request: Request, work: Work[journal.Operation]) -> Response:
    """A dry run: there is nothing to remember of it, so it is never given only once."""
    services = services_of(request)
    try:
        await services.database.write(work)
    except engine.DryRun as seen:
        return json_reply(
            convert.operation(seen.operation, now=services.now(), plan=seen.plan, samples=seen.samples)
        )
    raise AssertionError("a dry run raises what it saw")


async def list_operations(request: Request) -> Response:
    query = await call.query(request, wire.OperationsQuery)

    def work(conn: Connection, actor: Actor) -> list[journal.Operation]:
        before = None if query.before is None else journal.get(conn, actor, query.before)
        return journal.page(conn, actor, limit=query.limit + 1, before=before)

    found = await call.read(request, work)
    now = services_of(request).now()
    page = [convert.operation(each, now=now) for each in found[: query.limit]]
    return json_reply(
        wire.Operations(operations=page, next=page[-1].id if len(found) > query.limit else None)
    )


async def get_operation(request: Request) -> Response:
    found = await call.read(
        request, lambda conn, actor: journal.get(conn, actor, request.path_params["operation"])
    )
    return json_reply(convert.operation(found, now=services_of(request).now()))


async def list_items(request: Request) -> Response:
    query = await call.query(request, wire.ItemsQuery)
    after = -1 if query.after is None else query.after

    def work(conn: Connection, actor: Actor) -> list[journal.Item]:
        found = journal.get(conn, actor, request.path_params["operation"])
        wanted = convert.outcomes(query.outcome)
        return journal.items(conn, found, outcomes=wanted, after=after, limit=query.limit + 1)

    found = await call.read(request, work)
    page = [convert.item(each) for each in found[: query.limit]]
    return json_reply(wire.Items(items=page, next=page[-1].position if len(found) > query.limit else None))


async def report(request: Request) -> Response:
    query = await call.query(request, wire.ReportQuery)
    found = await call.read(
        request, lambda conn, actor: journal.get(conn, actor, request.path_params["operation"])
    )
    pages = _pages(request, found, convert.outcomes(query.outcome))
    as_csv = query.format == "csv"
    filename = f"operation-{ids.text(found.uuid)}.{query.format}"
    return StreamingResponse(
        _csv_pages(pages) if as_csv else _json_pages(pages),
        media_type="text/csv; charset=utf-8" if as_csv else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"},
    )


async def _pages(
    request: Request, found: journal.Operation, wanted: list[Outcome] | None
) -> AsyncIterator[list[journal.Item]]:
    """An operation's items, a page in memory at a time."""
    database, after = services_of(request).database, -1
    while page := await database.read(
        lambda conn: journal.items(conn, found, outcomes=wanted, after=after, limit=REPORT_PAGE)  # noqa: B023 - run at once
    ):
        yield page
        after = page[-1].position


async def _json_pages(pages: AsyncIterator[list[journal.Item]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield convert.json_lines(page)


async def _csv_pages(pages: AsyncIterator[list[journal.Item]]) -> AsyncIterator[bytes]:
    yield convert.csv_header()
    async for page in pages:
        yield convert.csv_lines(page)


async def pause(request: Request) -> Response:
    return await _steer(request, journal.PAUSED)


async def resume(request: Request) -> Response:
    return await _steer(request, journal.RUNNING)


async def cancel(request: Request) -> Response:
    return await _steer(request, journal.CANCELLED)


async def _steer(request: Request, state: str) -> Response:
    services, reference = services_of(request), request.path_params["operation"]

    def work(conn: Connection, actor: Actor) -> Answer:
        now = services.now()
        return answer(convert.operation(engine.set_state(conn, actor, reference, state, now=now), now=now))

    response = await call.write(request, work)
    services.runner.wake()
    return response


_OPERATION = call.PREFIX + "/operations/{operation}"
_RUN: dict[int, type | str] = {200: wire.Operation, 202: wire.Operation}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=call.PREFIX + "/operations",
        name="listOperations",
        summary="Operations, newest first",
        handler=list_operations,
        query=wire.OperationsQuery,
        answers={200: wire.Operations},
    ),
    Endpoint(
        method="POST",
        path=call.PREFIX + "/operations",
        name="runOperation",
        summary="Change any number of items; 202 when it goes on in the background",
        handler=create_operation,
        body=wire.NewOperation,
        answers=_RUN,
        repeatable=True,
    ),
    Endpoint(
        method="GET",
        path=_OPERATION,
        name="getOperation",
        summary="How an operation stands",
        handler=get_operation,
        answers={200: wire.Operation},
    ),
    Endpoint(
        method="GET",
        path=_OPERATION + "/items",
        name="listItems",
        summary="The outcome of each item, by position",
        handler=list_items,
        query=wire.ItemsQuery,
        answers={200: wire.Items},
    ),
    Endpoint(
        method="GET",
        path=_OPERATION + "/report",
        name="getReport",
        summary="The outcome of every item, as a file",
        handler=report,
        query=wire.ReportQuery,
        answers={200: "application/x-ndjson, text/csv"},
    ),
    Endpoint(
        method="POST",
        path=_OPERATION + "/undo",
        name="undoOperation",
        summary="Put back what an operation changed, where nothing has changed it since",
        handler=undo_operation,
        body=wire.NewUndo,
        answers=_RUN,
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=_OPERATION + "/pause",
        name="pauseOperation",
        summary="Stop a running operation after the chunk it is at",
        handler=pause,
        answers={200: wire.Operation},
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=_OPERATION + "/resume",
        name="resumeOperation",
        summary="Go on with a paused operation",
        handler=resume,
        answers={200: wire.Operation},
        repeatable=True,
    ),
    Endpoint(
        method="POST",
        path=_OPERATION + "/cancel",
        name="cancelOperation",
        summary="End an operation; what is done stays done",
        handler=cancel,
        answers={200: wire.Operation},
        repeatable=True,
    ),
]
