"""A small HTTP server in a thread of its own, on a free port of this machine: what others answer is theirs to say."""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Listening(ABC):
    """Listens until the `with` ends; `converse` is said anew for every connection. `stopped` is set at the end, for
    those who hang until then."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.stopped = asyncio.Event()
        self._tls = tls
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @abstractmethod
    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over one connection, until it is over. Whatever is left open is closed afterwards."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        if not self.port:
            raise RuntimeError(f"{type(self).__name__} did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self) -> None:
        stopped, loop = self.stopped, asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await stopped.wait()
        server.close()  # what still hangs is cancelled with the loop

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.converse(reader, writer)
        except (OSError, RuntimeError, asyncio.IncompleteReadError):
            pass  # the other side has gone
        finally:
            writer.close()


def heads(head: bytes) -> tuple[str, dict[str, str]]:
    """The first line of a request and its headers, by their small names."""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines if line)
    return first, {name.strip().lower(): value.strip() for name, _, value in fields}
