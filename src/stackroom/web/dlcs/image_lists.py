"""Many images at once, all of a customer's or those of a space: read, described and removed."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid
from stackroom.library import datasets, registrations
from stackroom.library.answers import Answer
from stackroom.library.registered import Where
from stackroom.library.registrations import Described, Registration
from stackroom.operations import engine
from stackroom.operations.request import Request as Operation
from stackroom.operations.request import Verb, select_ids
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import images as convert_images
from stackroom.web.dlcs.convert import lists as convert
from stackroom.web.dlcs.customers import CUSTOMER
from stackroom.web.dlcs.images import SPACE, listed
from stackroom.web.dlcs.wire import lists as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply


async def show_all(request: Request) -> Response:
    return await listed(await Call.begin(request), Where())


async def show_named(request: Request) -> Response:
    """Those of the named images that there are, in the order in which they were named."""
    call = await Call.begin(request)
    places = convert.places(call.json(wire.Names), call.customer.number)
    now = call.services.now()
    found = await call.read(lambda conn: registrations.by_keys(conn, call.actor, places))
    named = [found[each] for each in places if each in found]
    return reply(_answer(call, [each for each in named if each.expires_at is None or each.expires_at > now]))


async def change_named(request: Request) -> Response:
    """One property of all the named images."""
    call = await Call.begin(request, Role.MEMBER, "changing images", operation="Patch assets")
    asked = call.json(wire.Field)
    operation, value = convert.manifests(asked)
    places = convert.places(asked, call.customer.number)

    def work(conn: Connection, now: int) -> Answer:
        found = registrations.by_keys(conn, call.actor, places)
        wanted = [
            (each, Registration(manifests=becoming))
            for each in found.values()
            if set(becoming := convert.becoming(each.manifests, operation, value)) != set(each.manifests)
        ]
        return _answer(
            call, _changed(conn, call, wanted, [each for each in places if each in found], now=now)
        )

    return await call.write(work)


async def change_in_space(request: Request) -> Response:
    """Of each named image something else. A member that there is not is not in the answer."""
    call = await Call.begin(request, Role.MEMBER, "changing images", operation="Patch assets")
    space = call.number("space")
    limit = call.services.settings.max_batch
    partials = convert.partials(call.json(wire.Partial), call.customer.number, space, limit)

    def work(conn: Connection, now: int) -> Answer:
        datasets.by_number(conn, call.actor, space)
        found = registrations.by_keys(conn, call.actor, [(space, each.key) for each in partials])
        here = [(found[space, each.key], each) for each in partials if (space, each.key) in found]
        for known, each in here:
            convert.check_family(known, each)
        wanted = [(known, each.said) for known, each in here if each.said != Registration()]
        places = [(known.space, known.key) for known, _ in here]
        return _answer(call, _changed(conn, call, wanted, places, now=now), "patch")

    return await call.write(work)


async def delete_named(request: Request) -> Response:
    """For good, in one operation, whose journal has every one of them."""
    call = await Call.begin(request, Role.ADMIN, "deleting images", operation="Delete assets")
    places = convert.places(call.json(wire.Names), call.customer.number)

    def work(conn: Connection, now: int) -> Answer:
        found = registrations.by_keys(conn, call.actor, places)
        if not found:
            raise Invalid("No assets found", code="nothing_found")
        chosen = select_ids([ids.text(each.uuid) for each in found.values()], dataset_id=None)
        engine.submit(conn, call.actor, Operation(verb=Verb.PURGE, selection=chosen), now=now)
        return hydra.answer(wire.Message(message="images deleted"))

    response = await call.write(work)
    call.services.sweep_soon.set()
    return response


def _changed(
    conn: Connection,
    call: Call,
    wanted: list[tuple[Described, Registration]],
    places: list[tuple[int, str]],
    *,
    now: int,
) -> list[Described]:
    """Write what is wanted, all of it in one go, and read what there is now at these places."""
    if wanted:
        registrations.change(conn, call.actor, wanted, now=now)
    after = registrations.by_keys(conn, call.actor, places)
    return [after[each] for each in places]


def _answer(call: Call, found: list[Described], suffix: str = "") -> Answer:
    shown = [convert_images.image(each, call.links) for each in found]
    identity = f"{call.address}?{suffix}_{ids.text(ids.new())}" if suffix else call.address
    return hydra.answer(hydra.whole(identity, shown))


def routes() -> list[BaseRoute]:
    return [
        resource(f"{SPACE}/images", PATCH=change_in_space),
        resource(f"{CUSTOMER}/allImages", GET=show_all, POST=show_named, PATCH=change_named),
        resource(f"{CUSTOMER}/deleteImages", POST=delete_named),
    ]
