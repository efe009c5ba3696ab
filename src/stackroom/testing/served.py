"""A server in a thread of this process, reached over a real socket, whose clock a test may put forward."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import httpx
import structlog
import uvicorn

from stackroom import clock
from stackroom.app import at_work, open_library
from stackroom.database.transaction import Work
from stackroom.settings import Settings
from stackroom.testing.processes import wait_until
from stackroom.web.server import make_server
from stackroom.web.shared.services import Services

T = TypeVar("T")


class Served:
    """A library that is served from `with` on to its end: at `url`, with a client `http` for it.

    What a test does in the library it does on the server's own loop: `do`, `read` and `write`.
    """

    LOGGED: ClassVar[int] = logging.CRITICAL

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.put_forward = 0
        self._server: uvicorn.Server | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="served")

    def __enter__(self) -> Self:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(self.LOGGED))
        self._living = self._thread.submit(asyncio.run, self._live())
        wait_until(lambda: self._living.done() or self._started(), seconds=60)
        if not self._started():
            self._living.result(0)
        assert self._server is not None
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        assert self._server is not None
        self._server.should_exit = True
        try:
            self._living.result(60)
        finally:
            self._thread.shutdown()
            structlog.reset_defaults()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with open_library(self.settings, self.now) as services, at_work(services):
            self.services: Services = services
            # Nothing of ours is configured here that `stackroom serve` does not say as well.
            config = uvicorn.Config(
                make_server(services), port=0, http="httptools", ws="none", lifespan="off", log_config=None
            )
            self._server = uvicorn.Server(config)
            await self._server.serve()

    def _started(self) -> bool:
        return self._server is not None and self._server.started

    def now(self) -> int:
        return clock.now() + self.put_forward

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def read(self, work: Work[T]) -> T:
        return self.do(self.services.database.read(work))

    def write(self, work: Work[T]) -> T:
        return self.do(self.services.database.write(work))
