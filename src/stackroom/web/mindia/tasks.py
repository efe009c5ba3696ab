"""Tasks: what is made of media after they came in."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import media
from stackroom.library.answers import Answer
from stackroom.media.kinds import Kind
from stackroom.processing import tasks
from stackroom.processing.transcoding import submit_transcode
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.convert import tasks as convert
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import as_bad_requests, not_found
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire import tasks as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

MOST = 1000


@described("Tasks, newest first", wire.Tasks, query=queries.TaskPage)
async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    page, wanted = call.page(most=MOST), call.query(wire.Wanted)
    state = None if wanted.status is None else convert.state_of(wanted.status)
    kind = None if wanted.task_type is None else convert.kind_of(wanted.task_type)
    if wanted.task_type is not None and kind is None:
        return json_reply(wire.Tasks(tasks=[], count=0))
    found = await call.read(
        lambda conn: tasks.page(
            conn, call.actor, state=state, kind=kind, limit=page.limit, offset=page.offset
        )
    )
    return json_reply(wire.Tasks(tasks=[convert.shown(each) for each in found], count=len(found)))


@described("A task", wire.Task)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    number = convert.number_of(call.uuid("id"))
    if number is None:
        raise not_found("Task")
    return json_reply(convert.shown(await call.read(lambda conn: tasks.find(conn, call.actor, number))))


@described("How many tasks there are, by what has become of them", wire.Stats)
async def show_stats(request: Request) -> Response:
    call = await Call.begin(request)
    return json_reply(convert.stats(await call.read(lambda conn: tasks.count(conn, call.actor))))


@described("Call off a task that waits", wire.Task, needs=Role.MEMBER)
async def cancel(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "cancelling a task")
    number = convert.number_of(call.uuid("id")) or 0
    handler_of = call.services.handler_of

    def work(conn: Connection, now: int) -> Answer:
        with as_bad_requests():
            return answer(convert.shown(tasks.cancel(conn, call.actor, number, handler_of, now=now)))

    return await call.write(work)


@described("Begin a task anew that has failed", wire.Task, needs=Role.MEMBER)
async def retry(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "retrying a task")
    number = convert.number_of(call.uuid("id")) or 0

    def work(conn: Connection, now: int) -> Answer:
        with as_bad_requests():
            return answer(convert.shown(tasks.retry(conn, call.actor, number, now=now)))

    response = await call.write(work)
    call.services.wake()
    return response


@described("Process a video", {202: wire.Submitted}, needs=Role.MEMBER)
async def reprocess(request: Request) -> Response:
    """Have a video made ready for players once more: a copy of one for the first time."""
    call = await Call.begin(request, Role.MEMBER, "processing a video")
    wanted = call.uuid("id")

    def work(conn: Connection, now: int) -> Answer:
        found = media.find(conn, call.actor, wanted, Kind.VIDEO, now=now, lock=True)
        number = submit_transcode(conn, call.actor.organization_id, found.id, found.uuid, now=now)
        return answer(wire.Submitted(task_id=convert.id_of(number)), 202)

    response = await call.write(work)
    call.services.wake()
    return response


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/tasks", GET=show_all),
        resource(f"{PREFIX}/tasks/stats", GET=show_stats),
        resource(f"{PREFIX}/tasks/{{id}}", GET=show),
        resource(f"{PREFIX}/tasks/{{id}}/cancel", POST=cancel),
        resource(f"{PREFIX}/tasks/{{id}}/retry", POST=retry),
        resource(f"{PREFIX}/videos/{{id}}/reprocess", POST=reprocess),
    ]
