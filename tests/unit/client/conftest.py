"""Each test runs twice, over the client with async and the one without, against a server in memory."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import AsyncClient, AsyncClock, Client, Clock
from stackroom.workflows import upload_dataset_from_folder, upload_dataset_from_folder_async

from .fake_server import HOST, FakeServer, serve


class StillClock(Clock):
    """Time moves by sleeping only, and chance takes the middle."""

    def __init__(self) -> None:
        self.time = 1_900_000_000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def chance(self) -> float:
        return 0.5

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


class StillAsyncClock(AsyncClock):
    def __init__(self, still: StillClock) -> None:
        self._still = still

    def now(self) -> float:
        return self._still.now()

    def chance(self) -> float:
        return self._still.chance()

    async def sleep(self, seconds: float) -> None:
        self._still.sleep(seconds)


class Driven:
    """An object with async methods that looks like its sync twin: what it returns is awaited."""

    def __init__(self, target: Any, runner: asyncio.Runner) -> None:
        self.target, self._runner = target, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if callable(found):
            return lambda *args, **kwargs: self.driven(found(*args, **kwargs))
        ours = type(found).__module__.startswith("stackroom.client._async")
        return Driven(found, self._runner) if ours else found

    def driven(self, answer: Any) -> Any:
        if inspect.iscoroutine(answer):
            return self._runner.run(answer)
        return self._rows(answer) if inspect.isasyncgen(answer) else answer

    def _rows(self, answer: Any) -> Iterator[Any]:
        while True:
            try:
                yield self._runner.run(anext(answer))
            except StopAsyncIteration:
                return


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture(params=["sync", "async"])
def make_client(
    request: pytest.FixtureRequest, server: FakeServer, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Makes clients of the fake server, with any settings."""
    for name in ("API_KEY", "BASE_URL", "TIMEOUT", "MAX_RETRIES"):
        monkeypatch.delenv(f"STACKROOM_{name}", raising=False)
    transport = httpx.MockTransport(server.handle)
    with asyncio.Runner() as runner:

        def make(api_key: str | None = "secret", **settings: Any) -> Any:
            settings = {"base_url": HOST, "transport": transport, **settings}
            if request.param == "sync":
                return Client(api_key, clock=clock, **settings)
            return Driven(AsyncClient(api_key, clock=StillAsyncClock(clock), **settings), runner)

        yield make


@pytest.fixture
def client(make_client: Callable[..., Any]) -> Client:
    """A Client, or an AsyncClient that looks like one."""
    return make_client()  # type: ignore[no-any-return] # which of the two is the point


@pytest.fixture
def upload_folder(client: Any) -> Callable[..., Any]:
    """`upload_dataset_from_folder` over this client."""
    if isinstance(client, Driven):
        return lambda *args, **kwargs: client.driven(
            upload_dataset_from_folder_async(client.target, *args, **kwargs)
        )
    return lambda *args, **kwargs: upload_dataset_from_folder(client, *args, **kwargs)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A file that looks like a picture as far as its name goes."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"pixels " * 300_000)
    return path


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeServer]:
    """The server in memory behind a real socket, in the environment; it holds `my-dataset`."""
    server = FakeServer()
    listening = serve(server)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("STACKROOM_API_KEY", "secret")
    monkeypatch.setenv("STACKROOM_BASE_URL", server.host)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.chdir(tmp_path)
    server.dataset("my-dataset")
    yield server
    listening.shutdown()
    listening.server_close()
    thread.join()
