"""A server in a thread of this process, reached over a real socket, whose clock a test may put forward."""

import asyncio
import logging
import os
import threading
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import structlog
import uvicorn

from stackroom import clock
from stackroom.access import Role
from stackroom.app import at_work, open_library
from stackroom.database.transaction import Connection, Work
from stackroom.library.organizations import create_key, create_organization
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until
from stackroom.web.server import make_server
from stackroom.web.shared.services import Services

T = TypeVar("T")
PREFIX = "/api/v1/developer"
MANY_SEEDS = 2**24


def make_keys(conn: Connection) -> dict[str, str]:
    here, elsewhere = (create_organization(conn, name, now=clock.now()) for name in ("Here", "Elsewhere"))
    keys = {role.word: create_key(conn, here, role=role, now=clock.now()).token for role in Role}
    return {**keys, "stranger": create_key(conn, elsewhere, role=Role.OWNER, now=clock.now()).token}


async def prepared(settings: Settings) -> dict[str, str]:
    """A new library with its keys, closed again."""
    async with open_library(settings) as services:
        return await services.database.write(make_keys)


class House:
    """Ask it anything: `house.ask("POST", "/projects", json=…)`, as an owner unless told otherwise."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.put_forward = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open = AsyncExitStack()

    def __enter__(self) -> Self:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._thread.start()
        self.do(self._start())
        wait_until(lambda: self._server.started, seconds=10)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self._server.should_exit = True
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        structlog.reset_defaults()

    async def _start(self) -> None:
        self.services: Services = await self._open.enter_async_context(open_library(self.settings, self.now))
        await self._open.enter_async_context(at_work(self.services))
        self.keys = await self.services.database.write(make_keys)
        # Nothing of ours is configured here that `stackroom serve` does not say as well.
        config = uvicorn.Config(
            make_server(self.services), port=0, http="httptools", ws="none", lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server._serve())

    async def _stop(self) -> None:
        await self._serving
        await self._open.aclose()

    def now(self) -> int:
        return clock.now() + self.put_forward

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def read(self, work: Work[T]) -> T:
        return self.do(self.services.database.read(work))

    def write(self, work: Work[T]) -> T:
        return self.do(self.services.database.write(work))

    def ask(self, method: str, path: str, *, role: str | None = "owner", **options: Any) -> httpx.Response:
        """`role` None sends no key; a path that begins with the prefix or with http is taken as it is."""
        headers = {} if role is None else {"X-API-Key": self.keys[role]}
        headers |= options.pop("headers", None) or {}
        whole = path.startswith((PREFIX, "http", "/storage/", "/api"))
        return self.http.request(method, path if whole else PREFIX + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **options)

    def at_once(self, *requests: httpx.Request) -> list[httpx.Response]:
        """Send requests side by side."""
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(self.http.send, requests))

    def request(self, method: str, path: str, **options: Any) -> httpx.Request:
        headers = {"X-API-Key": self.keys["owner"], **options.pop("headers", {})}
        return self.http.build_request(method, PREFIX + path, headers=headers, **options)

    def a_dataset(self, **described: Any) -> dict[str, Any]:
        made = self.post("/projects", {"name": f"set {uuid.uuid4().hex}", **described})
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()["project"]
        return body

    def ticket(
        self, dataset: dict[str, Any], name: str = "a.png", *, folder: str = "/", kind: str = "image/png"
    ) -> dict[str, Any]:
        asked = {"dataset_id": dataset["id"], "filename": name, "folder_path": folder, "content_type": kind}
        given = self.post("/images/upload-url", asked)
        assert given.status_code == 200, given.text
        body: dict[str, Any] = given.json()
        return body

    def put(self, ticket: dict[str, Any], content: bytes, kind: str = "image/png") -> httpx.Response:
        return self.http.put(ticket["upload_url"], content=content, headers={"Content-Type": kind})

    def registration(self, dataset: dict[str, Any], ticket: dict[str, Any], content: bytes) -> dict[str, Any]:
        return {
            "dataset_id": dataset["id"],
            "filename": ticket["filename"],
            "folder_path": ticket["folder_path"],
            "gcs_path": ticket["gcs_path"],
            "file_size": len(content),
        }

    def upload(
        self,
        dataset: dict[str, Any],
        name: str = "a.png",
        content: bytes | None = None,
        *,
        folder: str = "/",
        kind: str = "image/png",
    ) -> httpx.Response:
        """All three steps; the answer of the last, or of the one that was refused."""
        content = a_picture() if content is None else content
        ticket = self.ticket(dataset, name, folder=folder, kind=kind)
        put = self.put(ticket, content, kind)
        if put.status_code != 200:
            return put
        return self.post("/images/register", self.registration(dataset, ticket, content))

    def an_image(self, dataset: dict[str, Any], name: str = "a.png", **options: Any) -> dict[str, Any]:
        made = self.upload(dataset, name, **options)
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()["image"]
        return body

    def names(self, dataset: dict[str, Any], **query: Any) -> list[str]:
        listed = self.get("/images", params={"dataset_id": dataset["id"], **query}).json()["images"]
        return sorted(each["filename"] for each in listed)


def a_picture(kind: str = "png", width: int = 200, height: int = 8) -> bytes:
    """A picture like no other."""
    return picture(kind, width, height, seed=int.from_bytes(os.urandom(3)) % MANY_SEEDS)
