"""Customers: the organizations of the server."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import Forbidden
from stackroom.library import organizations
from stackroom.library.answers import Answer
from stackroom.library.organizations import OrganizationChanges
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call, Caller
from stackroom.web.dlcs.convert import customers as convert
from stackroom.web.dlcs.wire import customers as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply
from stackroom.web.shared.requests import base_url, services_of

CUSTOMER = "/customers/{customer}"
# What customers have elsewhere and none has here. Clients read these lists, and find nothing in them.
ALWAYS_EMPTY = ("portalUsers", "namedQueries", "customHeaders")


async def show_all(request: Request) -> Response:
    """Anybody may ask, and learns how many there are and what their numbers are; unless that is switched off."""
    base, services = base_url(request), services_of(request)
    if not services.settings.hide_customers:
        numbers = await services.database.read(organizations.numbers)
    else:
        mine = (await Caller.begin(request)).holder.organization
        everybody = mine.administrator
        numbers = await services.database.read(organizations.numbers) if everybody else [mine.number]
    shown = [convert.stub(each, base) for each in numbers]
    return reply(hydra.answer(hydra.whole(f"{base}/customers", shown)))


async def create(request: Request) -> Response:
    caller = await Caller.begin(request, operation="Create customer")
    if not caller.holder.organization.administrator:
        raise Forbidden(
            "only an administrator makes customers",
            code="administrator_needed",
            hint="`stackroom org create NAME --administrator` makes one.",
        )
    require(caller.actor, Role.ADMIN, "making a customer")
    said = convert.checked(caller.json(wire.NewCustomer))

    def make(conn: Connection, now: int) -> Answer:
        made = organizations.create_organization(
            conn, said.name, display_name=said.display_name, actor=caller.actor, now=now
        )
        return hydra.answer(convert.customer(made, caller.base), 201)

    return await caller.write(make)


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: organizations.by_id(conn, call.customer.id))
    return reply(hydra.answer(convert.customer(found, call.base)))


async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "changing a customer", operation="Update customer")
    said = call.json(wire.CustomerChanges)

    def work(conn: Connection, now: int) -> Answer:
        wanted = OrganizationChanges(display_name=said.display_name)
        changed = organizations.change(conn, call.actor, wanted, now=now).organization
        return hydra.answer(convert.customer(changed, call.base))

    return await call.write(work)


async def show_nothing(request: Request) -> Response:
    call = await Call.begin(request)
    return reply(hydra.answer(hydra.whole(call.address, [])))


def routes() -> list[BaseRoute]:
    return [
        resource("/customers", GET=show_all, POST=create),
        resource(CUSTOMER, GET=show, PATCH=change),
        *(resource(f"{CUSTOMER}/{part}", GET=show_nothing) for part in ALWAYS_EMPTY),
    ]
