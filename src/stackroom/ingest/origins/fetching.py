"""From an origin to an arrival, whichever way that is."""

import asyncio
import ssl
from collections.abc import Collection, Iterable

from stackroom.ingest.origins.folders import Folders
from stackroom.ingest.origins.objects import Objects, object_at_aws, object_of
from stackroom.ingest.origins.outcomes import Fail, Fetched, Retry, shown
from stackroom.ingest.origins.sink import Sink
from stackroom.ingest.origins.web import Patience, Web
from stackroom.library.origin_strategies import Approach, Strategy
from stackroom.network.addresses import Addresses, Lookup
from stackroom.network.outbound import Outbound
from stackroom.settings import Settings
from stackroom.storage.buckets import Buckets
from stackroom.storage.staging import Arrival

_SCHEMES = ("http", "https")


class Origins:
    """Fetches originals. One serves any number of fetches at once, in one event loop; close it at the end.

    The settings say what may be fetched: the world's public addresses, and beyond that what is allowed by name.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience: Patience | None = None,
        seconds: float | None = None,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limit = settings.max_origin_bytes
        self._seconds = settings.origin_seconds if seconds is None else seconds
        addresses = Addresses(settings.allowed_origins, lookup)
        self._web = Web(Outbound(addresses, tls=tls), patience or Patience())
        self._folders = Folders(settings.root_folders, settings.rewrites)
        buckets = Buckets(endpoint=settings.s3_endpoint, region=settings.s3_region, seconds=self._seconds)
        self._objects = Objects(buckets, settings.buckets)

    async def close(self) -> None:
        await self._web.close()

    def check(self, origins: Iterable[str]) -> None:
        """Refuse at once what names files of this machine that may not be read, rather than item by item later on.

        Raises `Fail` for the first of them. Nothing is looked at, neither here nor elsewhere.
        """
        for origin in origins:
            self._folders.check(origin)

    async def fetch_url(
        self, url: str, arrival: Arrival, *, limit: int, domains: Collection[str] = (), seconds: float
    ) -> Fetched:
        """`fetch`, of at most `limit` bytes, for somebody who waits and may name addresses of the web alone; with
        `domains` only those, and what is below them. Raises as that does."""
        if url.partition(":")[0].lower() not in _SCHEMES:
            raise Fail(f"{shown(url)} is no address of the web. Use http(s)://host/path.", code="bad_origin")
        try:
            async with asyncio.timeout(seconds):
                return await self._web.fetch(url, None, Sink(arrival, limit, shown(url)), domains)
        except TimeoutError as error:
            raise Retry(
                f"{shown(url)} took longer than {seconds:g} seconds altogether.", code="origin_timeout"
            ) from error

    async def fetch(self, origin: str, arrival: Arrival, *, strategy: Approach | None = None) -> Fetched:
        """Stream an origin's bytes into an arrival, which the caller then finishes.

        Raises `Retry` for what may pass and `Fail` for what will not, with nothing of the origin's secrets in their
        words, and `Unavailable` where the trouble is ours, such as a full disk. The arrival is of no use then; to fetch
        again is to begin anew, with another.
        """
        approach = strategy or Approach()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._fetch(origin, Sink(arrival, self._limit, shown(origin)), approach)
        except TimeoutError as error:
            raise Retry(
                f"{shown(origin)} took longer than {self._seconds:g} seconds altogether.",
                code="origin_timeout",
            ) from error

    async def _fetch(self, origin: str, sink: Sink, approach: Approach) -> Fetched:
        if not origin or any(it < " " or it == "\x7f" for it in origin):
            raise Fail("The origin is empty or has control characters. Write it without.", code="bad_origin")
        place = self._folders.place(origin)
        if place is not None:
            return await self._folders.fetch(origin, place, sink)
        found = object_of(origin)
        if found is None and approach.strategy is Strategy.S3:
            found = object_at_aws(origin)
        if found is not None:
            return await self._objects.fetch(origin, found, sink)
        if origin.partition(":")[0].lower() not in _SCHEMES:
            raise Fail(
                f"{shown(origin)} is no origin that is known. Use http(s)://, s3://, or a file of the server.",
                code="origin_not_offered",
            )
        if approach.strategy is Strategy.S3:
            raise Fail(
                f"{shown(origin)} is no address of an S3 bucket, as its strategy says. Write s3://bucket/key, or "
                "change the strategy.",
                code="bad_origin",
            )
        return await self._web.fetch(origin, approach.credentials, sink)
