"""The client: a connection, and the resources that use it."""

from types import TracebackType
from typing import Self

import httpx

from stackroom.client.config import read_config

from .annotations import AsyncAnnotations
from .api_keys import AsyncApiKeys
from .assets import AsyncAssets
from .batch import AsyncBatch
from .comments import AsyncComments
from .connection import AsyncConnection
from .datasets import AsyncDatasets
from .events import AsyncEvents
from .exports import AsyncExports
from .folders import AsyncFolders
from .images import AsyncImages
from .ingest import AsyncIngest
from .media import AsyncMediaLibrary
from .operations import AsyncOperations
from .organizations import AsyncOrganizations
from .projects import AsyncProjects
from .seam import AsyncClock
from .webhooks import AsyncWebhooks


class AsyncClient:
    """A way to one Stackroom server. Safe to share; close it, or use it in a `with` block.

    What is not passed is read from STACKROOM_API_KEY, STACKROOM_BASE_URL (http://127.0.0.1:8000),
    STACKROOM_TIMEOUT (30 seconds) and STACKROOM_MAX_RETRIES (3). Requests that met a passing failure are sent
    again, with the same idempotency key, so a change happens once.

    Raises ConfigurationError, before anything is sent, without a key or with a setting that cannot work.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        config = read_config(api_key, base_url, timeout, max_retries)
        self._connection = AsyncConnection(config, transport=transport, clock=clock or AsyncClock())
        self.annotations = AsyncAnnotations(self._connection)
        self.api_keys = AsyncApiKeys(self._connection)
        self.assets = AsyncAssets(self._connection)
        self.batch = AsyncBatch(self._connection)
        self.comments = AsyncComments(self._connection)
        self.datasets = AsyncDatasets(self._connection)
        self.events = AsyncEvents(self._connection)
        self.exports = AsyncExports(self._connection)
        self.folders = AsyncFolders(self._connection)
        self.images = AsyncImages(self._connection)
        self.ingest = AsyncIngest(self._connection)
        self.media = AsyncMediaLibrary(self._connection)
        self.operations = AsyncOperations(self._connection)
        self.organizations = AsyncOrganizations(self._connection)
        self.projects = AsyncProjects(self._connection)
        self.webhooks = AsyncWebhooks(self._connection)

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._connection.config.base_url

    async def aclose(self) -> None:
        """Give the connections back. Closing twice does no harm."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient(base_url={self.base_url!r})"
