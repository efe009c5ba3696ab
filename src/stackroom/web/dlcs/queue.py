"""The queue of a customer, and its batches."""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid
from stackroom.ingest import batches
from stackroom.ingest.batches import Batch, OrderBy, Which
from stackroom.library.answers import Answer
from stackroom.library.registered import Where
from stackroom.queue.jobs import DEFAULT, PRIORITY
from stackroom.web.dlcs import hydra, images
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import queue as convert
from stackroom.web.dlcs.convert.filters import listing
from stackroom.web.dlcs.convert.members import is_image, posted
from stackroom.web.dlcs.registering import check_room, registering
from stackroom.web.dlcs.wire import queue as wire
from stackroom.web.dlcs.wire.members import Posted
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.replies import reply
from stackroom.web.shared.requests import base_url, services_of

CREATE, CREATE_PRIORITY = "Create batch", "Create priority batch"
_ORDERS: tuple[OrderBy, ...] = ("id", "submitted", "finished")


async def summary(request: Request) -> Response:
    """What waits in everybody's queues together: for anybody, as it says nothing of whose it is."""
    default, priority = await services_of(request).database.read(
        lambda conn: [batches.queue_state(conn, priority=each) for each in (DEFAULT, PRIORITY)]
    )
    return reply(hydra.answer(convert.summary(default, priority, base_url(request))))


async def show_queue(request: Request) -> Response:
    return await _show_lane(request, DEFAULT)


async def show_priority(request: Request) -> Response:
    return await _show_lane(request, PRIORITY, "priority")


async def _show_lane(request: Request, priority: int, *parts: str) -> Response:
    call = await Call.begin(request)
    mine = call.actor.organization_id
    state = await call.read(lambda conn: batches.queue_state(conn, mine, priority))
    return reply(hydra.answer(convert.lane(state, call.links, *parts)))


async def submit(request: Request) -> Response:
    return await _submit(request, DEFAULT, CREATE)


async def submit_priority(request: Request) -> Response:
    return await _submit(request, PRIORITY, CREATE_PRIORITY)


async def _submit(request: Request, priority: int, operation: str) -> Response:
    """Register images as one batch, all of them or none."""
    call = await Call.begin(request, Role.MEMBER, "registering images", operation=operation)
    limit, asked = call.services.settings.max_batch, call.json(Posted)
    members = posted(asked, customer=call.customer.number, limit=limit, legacy=call.legacy)
    if priority == PRIORITY and not all(is_image(each) for each in members):
        raise Invalid("Priority queue only supports image assets", code="images_only")

    def work(conn: Connection, now: int) -> Answer:
        wanted = registering(conn, call.actor, members)
        check_room(conn, call.actor, call.services.settings, wanted)
        spaces = {each.space.id for each in wanted}
        made = batches.accept(
            conn,
            call.actor,
            [each.arriving() for each in wanted],
            priority=priority,
            dataset_id=spaces.pop() if len(spaces) == 1 else None,
            now=now,
        )
        return hydra.answer(shown(conn, call, [made], now)[0], 201)

    response = await call.write(work)
    call.services.dispatcher.wake()
    return response


def _list(which: Which) -> Handler:
    """What shows the batches of a list."""

    async def show(request: Request) -> Response:
        call = await Call.begin(request)
        order_by, descending, carried = _order(call.query)
        page = call.page

        def read(conn: Connection) -> tuple[list[wire.Batch], int]:
            found, total = batches.page(
                conn,
                call.actor,
                which,
                order_by=order_by,
                descending=descending,
                limit=page.size,
                offset=page.offset,
            )
            return shown(conn, call, found, call.services.now()), total

        found, total = await call.read(read)
        return reply(hydra.answer(hydra.paged(call.address, found, total, page, carried)))

    return show


def _order(query: dict[str, str]) -> tuple[OrderBy | None, bool | None, dict[str, str]]:
    """By what, which way, and the part of the query that says so. Raises `Invalid` (`unknown_order`)."""
    for name, descending in (("orderBy", False), ("orderByDescending", True)):
        asked = query.get(name)
        if asked:
            order = next((each for each in _ORDERS if each == asked.lower()), None)
            if order is None:
                raise Invalid(
                    f"{name}: batches cannot be ordered by '{asked}'",
                    code="unknown_order",
                    hint=f"Order them by {', '.join(_ORDERS)}.",
                )
            return order, descending, {name: asked}
    return None, None, {}


async def show_batch(request: Request) -> Response:
    call = await Call.begin(request)
    number = call.number("batch")

    def read(conn: Connection) -> wire.Batch:
        return shown(conn, call, [batches.find(conn, call.actor, number)], call.services.now())[0]

    return reply(hydra.answer(await call.read(read)))


def _images(part: Callable[[Batch], Where]) -> Handler:
    """What shows images of a batch: those that `part` says of it."""

    async def show(request: Request) -> Response:
        call = await Call.begin(request)
        number = call.number("batch")
        listing(call.query, Where())  # whether it makes sense is said before what there is
        found = await call.read(lambda conn: batches.find(conn, call.actor, number))
        return await images.listed(call, part(found))

    return show


async def test(request: Request) -> Response:
    """Put right what a batch says of itself. There may be a body, and it says nothing."""
    call = await Call.begin(request, Role.MEMBER, "testing a batch", operation="Test batch")
    number = call.number("batch")

    def work(conn: Connection, now: int) -> Answer:
        return hydra.answer(wire.Tested(success=batches.test(conn, call.actor, number, now=now)))

    return await call.write(work)


def shown(conn: Connection, call: Call, found: Sequence[Batch], now: int) -> list[wire.Batch]:
    """Batches as a client is told of them, with when they will probably be finished."""
    settings = call.services.settings
    at_once = settings.max_running_per_organization or None
    estimated = batches.estimated(conn, found, per_organization=at_once, now=now)
    return [
        convert.batch(
            each,
            call.links,
            estimated=estimated.get(each.id),
            errors_complete=settings.completed_includes_errors,
        )
        for each in found
    ]


def _failed(found: Batch) -> Where:
    """Those that this protocol calls errors. They are found faster where none of them was cancelled."""
    return Where(member_of=found.id, state="failed or cancelled" if found.cancelled else "failed")


_PARTS: tuple[tuple[str, Callable[[Batch], Where]], ...] = (
    ("images", lambda found: Where(pointer=found.id)),
    ("assets", lambda found: Where(member_of=found.id)),
    ("completedImages", lambda found: Where(member_of=found.id, state="completed")),
    ("errorImages", _failed),
)
"""The images that belong to a batch now, all that ever did, and what became of them in it."""


def routes() -> list[BaseRoute]:
    base = "/customers/{customer}/queue"
    return [
        resource("/queue", GET=summary),
        resource(base, GET=show_queue, POST=submit),
        resource(f"{base}/priority", GET=show_priority, POST=submit_priority),
        resource(f"{base}/batches", GET=_list("all")),
        resource(f"{base}/active", GET=_list("active")),
        resource(f"{base}/recent", GET=_list("recent")),
        resource(f"{base}/batches/{{batch}}", GET=show_batch),
        *(resource(f"{base}/batches/{{batch}}/{name}", GET=_images(part)) for name, part in _PARTS),
        resource(f"{base}/batches/{{batch}}/test", POST=test),
    ]
