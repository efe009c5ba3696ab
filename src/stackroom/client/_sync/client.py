# Made from ../_async/client.py by tools/generate_sync_client.py: change it there.

"""The client: a connection, and the resources that use it."""

from types import TracebackType
from typing import Self

import httpx

from stackroom.client.config import read_config

from .annotations import Annotations
from .api_keys import ApiKeys
from .assets import Assets
from .batch import Batch
from .comments import Comments
from .connection import Connection
from .datasets import Datasets
from .events import Events
from .exports import Exports
from .folders import Folders
from .images import Images
from .ingest import Ingest
from .media import MediaLibrary
from .operations import Operations
from .organizations import Organizations
from .projects import Projects
from .seam import Clock
from .webhooks import Webhooks


class Client:
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
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        config = read_config(api_key, base_url, timeout, max_retries)
        self._connection = Connection(config, transport=transport, clock=clock or Clock())
        self.annotations = Annotations(self._connection)
        self.api_keys = ApiKeys(self._connection)
        self.assets = Assets(self._connection)
        self.batch = Batch(self._connection)
        self.comments = Comments(self._connection)
        self.datasets = Datasets(self._connection)
        self.events = Events(self._connection)
        self.exports = Exports(self._connection)
        self.folders = Folders(self._connection)
        self.images = Images(self._connection)
        self.ingest = Ingest(self._connection)
        self.media = MediaLibrary(self._connection)
        self.operations = Operations(self._connection)
        self.organizations = Organizations(self._connection)
        self.projects = Projects(self._connection)
        self.webhooks = Webhooks(self._connection)

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._connection.config.base_url

    def close(self) -> None:
        """Give the connections back. Closing twice does no harm."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client(base_url={self.base_url!r})"
