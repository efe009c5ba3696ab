"""How a customer's origins are reached."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import origin_strategies as strategies
from stackroom.library.answers import Answer
from stackroom.library.origin_strategies import OriginStrategy, StrategyChanges
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.customers import CUSTOMER
from stackroom.web.dlcs.links import Links
from stackroom.web.dlcs.wire import strategies as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply


async def show_all(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "seeing the origin strategies")
    found = await call.read(lambda conn: strategies.list_strategies(conn, call.actor))
    return reply(hydra.answer(hydra.whole(call.address, [_shown(each, call.links) for each in found])))


async def create(request: Request) -> Response:
    call = await _changing(request, "Create origin strategy")
    wanted = _said(call.json(wire.StrategyBody))

    def make(conn: Connection, now: int) -> Answer:
        return hydra.answer(_shown(strategies.create(conn, call.actor, wanted, now=now), call.links), 201)

    return await call.write(make)


async def show(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "seeing an origin strategy")
    found = await call.read(lambda conn: strategies.find(conn, call.actor, call.place("strategy")))
    return reply(hydra.answer(_shown(found, call.links)))


async def put(request: Request) -> Response:
    call = await _changing(request, "Update origin strategy")
    wanted = _said(call.json(wire.StrategyBody))

    def work(conn: Connection, now: int) -> Answer:
        changed = strategies.replace(conn, call.actor, call.place("strategy"), wanted, now=now)
        return hydra.answer(_shown(changed, call.links))

    return await call.write(work)


async def change(request: Request) -> Response:
    call = await _changing(request, "Update origin strategy")
    wanted = _said(call.json(wire.StrategyBody))

    def work(conn: Connection, now: int) -> Answer:
        changed = strategies.change(conn, call.actor, call.place("strategy"), wanted, now=now)
        return hydra.answer(_shown(changed, call.links))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await _changing(request, "Delete origin strategy")

    def work(conn: Connection, now: int) -> Answer:
        strategies.remove(conn, call.actor, call.place("strategy"), now=now)
        return hydra.nothing()

    return await call.write(work)


async def _changing(request: Request, operation: str) -> Call:
    return await Call.begin(request, Role.ADMIN, "changing the origin strategies", operation=operation)


def _said(said: wire.StrategyBody) -> StrategyChanges:
    """A strategy may be given as its address, whose end is its name."""
    given = said.credentials
    return StrategyChanges(
        regex=said.regex,
        strategy=UNSET if said.strategy is UNSET else said.strategy.rstrip("/").rpartition("/")[2],
        credentials=UNSET if given is UNSET else strategies.credentials_from(given),
        optimised=said.optimised,
        order=said.order,
    )


def _shown(found: OriginStrategy, links: Links) -> wire.CustomerOriginStrategy:
    text = ids.text(found.uuid)
    return wire.CustomerOriginStrategy(
        context=links.context("CustomerOriginStrategy"),
        at_id=links.of("originStrategies", text),
        id=text,
        regex=found.regex,
        strategy=f"{links.base}/originStrategies/{found.strategy.value}",
        credentials=strategies.HIDDEN,
        optimised=found.optimised,
        order=found.order,
    )


def routes() -> list[BaseRoute]:
    base = f"{CUSTOMER}/originStrategies"
    return [
        resource(base, GET=show_all, POST=create),
        resource(f"{base}/{{strategy}}", GET=show, PUT=put, PATCH=change, DELETE=remove),
    ]
