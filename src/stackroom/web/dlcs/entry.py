"""Where clients begin, and people too."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.links import base_of, context
from stackroom.web.dlcs.wire import entry as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply


async def entry_point(request: Request) -> Response:
    base = base_of(request)
    shown = wire.EntryPoint(
        context=context(base, "EntryPoint"),
        at_id=base,
        customers=f"{base}/customers",
        origin_strategies=f"{base}/originStrategies",
        storage_policies=f"{base}/storagePolicies",
        queue=f"{base}/queue",
    )
    return reply(hydra.answer(shown))


def routes() -> list[BaseRoute]:
    return [resource("/", GET=entry_point)]
