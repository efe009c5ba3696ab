"""Tags, given to many images at once."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.operations import engine, journal
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import tags as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref
from stackroom.web.pictograph.convert.batch import within
from stackroom.web.pictograph.wire import tags as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer


async def tag_many(request: Request) -> Response:
    """Give tags to images or, with `add` false, take them away. Giving what is there succeeds and changes nothing."""
    call = await Call.begin(request, Role.MEMBER, "tagging images")
    asked = call.json(wire.BulkTag)
    reference, wanted = dataset_ref(asked), convert.request(asked)

    def work(conn: Connection, now: int) -> Answer:
        here = within(wanted, datasets.find(conn, call.actor, reference).id)
        done = engine.submit(conn, call.actor, here, now=now)
        return answer(convert.tagged(done, here, journal.failures(conn, done.id) if done.failed else ()))

    return await call.write(work)


def routes() -> list[BaseRoute]:
    return [resource(f"{PREFIX}/images/bulk-tag", POST=tag_many)]
