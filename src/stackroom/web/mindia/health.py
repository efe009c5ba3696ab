"""`/live`, `/ready`, `/health`, `/health/deep`: asked by machines, often, and without a key.

So that asking costs little however often it is done, what was found out counts for some seconds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.library import health
from stackroom.web.mindia.described import described
from stackroom.web.mindia.wire import health as wire
from stackroom.web.mindia.wire.health import Condition
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.requests import services_of
from stackroom.web.shared.services import Services

PATIENCE = 5.0
"""Seconds that one part is given to answer."""
COUNTS_FOR = 5.0
"""Seconds for which an answer counts."""
FAILED_LATELY = 60.0
log = structlog.get_logger(__name__)


class Checks:
    """What was found out last of each part."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._found: dict[str, tuple[float, Condition]] = {}
        self._asking = asyncio.Lock()

    async def database(self) -> Condition:
        return await self._of("database", self._database)

    async def storage(self) -> Condition:
        return await self._of("storage", self._storage)

    async def task_queue(self) -> Condition:
        return await self._of("task_queue", self._task_queue)

    async def webhooks(self) -> Condition:
        return await self._of("webhooks", self._webhooks)

    def has_failed(self) -> bool:
        """Whether some of the work beside the server has failed unexpectedly in the last minute. It begins anew within
        seconds, so what goes on failing does not stay hidden."""
        moments = self._services.failed_duties.values()
        return any(time.monotonic() - at < FAILED_LATELY for at in moments)

    async def _of(self, part: str, find_out: Callable[[], Awaitable[bool]]) -> Condition:
        async with self._asking:
            at, found = self._found.get(part, (0.0, "unhealthy"))
            if time.monotonic() - at >= COUNTS_FOR:
                found = await _condition(part, find_out)
                self._found[part] = (time.monotonic(), found)
            return found

    async def _database(self) -> bool:
        await self._services.database.read(health.answers)
        return True

    async def _storage(self) -> bool:
        await asyncio.to_thread(self._services.store.check)
        return True

    async def _task_queue(self) -> bool:
        return await self._services.database.read(health.has_workers)

    async def _webhooks(self) -> bool:
        now = self._services.now()
        return await self._services.database.read(lambda conn: health.tells_in_time(conn, now=now))


async def _condition(part: str, find_out: Callable[[], Awaitable[bool]]) -> Condition:
    try:
        async with asyncio.timeout(PATIENCE):
            return "healthy" if await find_out() else "degraded"
    except TimeoutError:
        return "timeout"
    except Exception:
        log.warning("health.check_failed", part=part, exc_info=True)
        return "unhealthy"


@described("Whether the server runs", wire.Alive, needs=None)
async def live(_: Request) -> Response:
    return json_reply(wire.Alive())


@described("Whether it can answer", {200: wire.Ready, 503: wire.Ready}, needs=None)
async def ready(request: Request) -> Response:
    checks: Checks = request.app.state.checks
    found = await checks.database()
    if found == "healthy":
        return json_reply(wire.Ready(status="ready", database="ready"))
    said = wire.Ready(status="not_ready", database="timeout" if found == "timeout" else "not_ready")
    return json_reply(said, 503)


@described("How it is", {200: wire.Health, 503: wire.Health}, needs=None)
async def show(request: Request) -> Response:
    return await _answer(request, deep=False)


@described("How it is, and whether events are told in time", {200: wire.Health, 503: wire.Health}, needs=None)
async def show_deep(request: Request) -> Response:
    return await _answer(request, deep=True)


async def _answer(request: Request, *, deep: bool) -> Response:
    """503 where the library cannot be used. What waits for somebody to do it is degraded, and 200."""
    checks: Checks = request.app.state.checks
    parts: dict[str, Condition] = {
        "database": await checks.database(),
        "storage": await checks.storage(),
        "task_queue": await checks.task_queue(),
    }
    if services_of(request).settings.embedder != "none":
        parts["semantic_search"] = parts[
            "database"
        ]  # its vectors are there, and its model is in this process
    if deep:
        parts["webhooks"] = await checks.webhooks()
        if checks.has_failed():
            parts["background"] = "degraded"
    usable = parts["database"] == parts["storage"] == "healthy"
    found = set(parts.values())
    status: Condition = "unhealthy" if not usable else "healthy" if found == {"healthy"} else "degraded"
    return json_reply(wire.Health(status=status, **parts), 200 if usable else 503)


def routes() -> list[BaseRoute]:
    return [
        resource("/live", GET=live),
        resource("/ready", GET=ready),
        resource("/health", GET=show),
        resource("/health/deep", GET=show_deep),
    ]
