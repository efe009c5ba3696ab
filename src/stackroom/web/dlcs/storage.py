"""What is stored, of a customer and of a space."""

import asyncio
from typing import Any

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.clock import SECOND
from stackroom.library import datasets, usage
from stackroom.library.usage import Derived, Usage
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.customers import CUSTOMER
from stackroom.web.dlcs.wire import storage as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply

GOOD_FOR = 60 * SECOND
"""How old the size of thumbnails may be: all files are looked at for it."""
PATIENCE = 5.0
"""So many seconds a request waits for them to be counted; who asks again later gets them."""


async def of_customer(request: Request) -> Response:
    call = await Call.begin(request)
    counted = await call.read(lambda conn: usage.of_organization(conn, call.actor.organization_id))
    derived = await _derived(request, call)
    policy = f"{call.base}/storagePolicies/default"
    return _shown(call, counted, derived, None if derived is None else derived.bytes, policy)


async def of_space(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: datasets.by_number(conn, call.actor, call.number("space")))
    counted = await call.read(lambda conn: usage.of_dataset(conn, found.id))
    derived = await _derived(request, call)
    return _shown(call, counted, derived, None if derived is None else derived.in_datasets.get(found.id, 0))


def _shown(
    call: Call, counted: Usage, derived: Derived | None, thumbnails: int | None, policy: Any = UNSET
) -> Response:
    shown = wire.CustomerStorage(
        context=call.links.context("CustomerStorage"),
        at_id=call.address,
        storage_policy=policy,
        number_of_stored_images=counted.assets,
        total_size_of_stored_images=counted.bytes,
        total_size_of_thumbnails=thumbnails or 0,
        last_calculated=UNSET if derived is None else moment(derived.counted_at),
    )
    return reply(hydra.answer(shown))


async def _derived(request: Request, call: Call) -> Derived | None:
    """What was derived from a customer's images, counted lately; None if that takes longer than anybody waits."""
    state = request.app.state
    if not hasattr(state, "derived"):
        state.derived = {}
    known: dict[int, asyncio.Task[Derived]] = state.derived
    services, mine = call.services, call.actor.organization_id
    task = known.get(mine)
    if task is None or (task.done() and _is_old(task, services.now())):
        counting = usage.derived(
            services.database, services.store, mine, call.actor.organization_uuid, now=services.now()
        )
        task = known[mine] = asyncio.create_task(counting)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
    return task.result() if done else None


def _is_old(task: asyncio.Task[Derived], now: int) -> bool:
    return task.exception() is not None or now - task.result().counted_at > GOOD_FOR


def routes() -> list[BaseRoute]:
    return [
        resource(f"{CUSTOMER}/storage", GET=of_customer),
        resource(f"{CUSTOMER}/spaces/{{space}}/storage", GET=of_space),
    ]
