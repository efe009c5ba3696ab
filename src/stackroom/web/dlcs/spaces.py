"""Spaces: the datasets of a customer, by their numbers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.library.datasets import Dataset, DatasetChanges, Totals
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import spaces as convert
from stackroom.web.dlcs.wire import spaces as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply

CUSTOMER = "/customers/{customer}"


async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    page, (order, descending, carried) = call.page, convert.order(call.query)

    def read(conn: Connection) -> tuple[list[Dataset], int, dict[int, Totals]]:
        found, total = datasets.page(
            conn,
            call.actor,
            limit=page.size,
            offset=page.offset,
            by_name=order == "name",
            descending=descending,
        )
        return found, total, datasets.totals(conn, found)

    found, total, totals = await call.read(read)
    shown = [convert.space(each, call.links, totals[each.id]) for each in found]
    return reply(hydra.answer(hydra.paged(call.address, shown, total, page, carried)))


async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "creating a space", operation="Create space")
    said = call.json(wire.SpaceBody)
    name = convert.name_of(said)

    def make(conn: Connection, now: int) -> Answer:
        made = datasets.create(conn, call.actor, name, defaults=convert.defaults(said), now=now)
        return hydra.answer(convert.space(made, call.links, Totals()), 201)

    return await call.write(make)


async def show(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> tuple[Dataset, Totals]:
        found = datasets.by_number(conn, call.actor, call.number("space"))
        return found, datasets.totals(conn, [found])[found.id]

    found, totals = await call.read(read)
    return reply(hydra.answer(convert.space(found, call.links, totals)))


async def put(request: Request) -> Response:
    """Make the space with this number, or change what is said of it."""
    call = await Call.begin(request, Role.MEMBER, "creating a space", operation="Upsert space")
    said, number = call.json(wire.SpaceBody), call.number("space")

    def make(conn: Connection, now: int) -> Answer:
        name, said_of_new = convert.name_of(said), convert.defaults(said)
        made = datasets.create(conn, call.actor, name, number=number, defaults=said_of_new, now=now)
        return hydra.answer(convert.space(made, call.links), 201)

    def work(conn: Connection, now: int) -> Answer:
        known = datasets.by_numbers(conn, call.actor, [number]).get(number)
        if known is None:
            try:
                return make(conn, now)
            except Conflict:
                known = datasets.by_numbers(conn, call.actor, [number]).get(number)
                if known is None:  # else somebody has made it since the last look
                    raise
        return hydra.answer(convert.space(_changed(conn, call, known, said, now=now), call.links))

    return await call.write(work)


async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "changing a space", operation="Patch space")
    said = call.json(wire.SpaceBody)

    def work(conn: Connection, now: int) -> Answer:
        found = datasets.by_number(conn, call.actor, call.number("space"))
        return hydra.answer(convert.space(_changed(conn, call, found, said, now=now), call.links))

    return await call.write(work)


async def remove(request: Request) -> Response:
    """Only an empty one: what is in it would go for good, as would what is archived in it."""
    call = await Call.begin(request, Role.ADMIN, "deleting a space", operation="Delete space")

    def work(conn: Connection, now: int) -> Answer:
        found = datasets.by_number(conn, call.actor, call.number("space"))
        held = datasets.totals(conn, [found])[found.id]
        if held.assets or held.archived:
            hidden = "" if held.assets else ": those in it are archived, and would go for good"
            raise Conflict(f"Cannot delete a space with images{hidden}", code="space_not_empty")
        remove_dataset(conn, call.actor, ids.text(found.uuid), now=now)
        return hydra.nothing()

    return await call.write(work)


async def show_metadata(request: Request) -> Response:
    """Every space links to some in the protocol. Here none has any."""
    call = await Call.begin(request)
    await call.read(lambda conn: datasets.by_number(conn, call.actor, call.number("space")))
    return reply(hydra.answer(hydra.whole(call.address, [])))


def _changed(conn: Connection, call: Call, found: Dataset, said: wire.SpaceBody, *, now: int) -> Dataset:
    """What is not said stays as it is; where nothing is, nothing is changed."""
    wanted = convert.changes(said, found)
    if wanted == DatasetChanges():
        return found
    return datasets.change(conn, call.actor, ids.text(found.uuid), wanted, now=now)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{CUSTOMER}/spaces", GET=show_all, POST=create),
        resource(f"{CUSTOMER}/spaces/{{space}}", GET=show, PUT=put, PATCH=change, DELETE=remove),
        resource(f"{CUSTOMER}/spaces/{{space}}/metadata", GET=show_metadata),
    ]
