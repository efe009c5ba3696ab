"""S3: `s3://bucket/key`, and the addresses that AWS gives its buckets where a strategy says so.

Read with the server's own credentials, which is why the operator says which buckets everyone may read.
"""

import re
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import msgspec

from stackroom.errors import Forbidden, Invalid, Unavailable
from stackroom.ingest.origins.outcomes import Fail, Fetched, Retry, fetched, shown
from stackroom.ingest.origins.sink import Sink
from stackroom.storage.blobstore import MissingBytes
from stackroom.storage.buckets import Buckets

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = r"(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d+))?"
_AT_AWS = re.compile(rf"(?:(?P<bucket>.+)\.)?s3(?:\.dualstack)?{_REGION}\.amazonaws\.com")


class Place(msgspec.Struct, frozen=True):
    """An object. `region` is empty where its address does not say."""

    bucket: str
    key: str
    region: str = ""


class Objects:
    """Knows which origins are objects of buckets, and reads them."""

    def __init__(self, buckets: Buckets, allowed: Collection[str]) -> None:
        self._buckets = buckets
        self._allowed = allowed

    async def fetch(self, origin: str, place: Place, sink: Sink) -> Fetched:
        """Read an object. Raises `Fail` and `Retry`."""
        if not {place.bucket, "*"} & set(self._allowed):
            raise Fail(
                f"{shown(origin)} is in no bucket that may be read. The operator can add it to "
                "STACKROOM_ORIGIN_BUCKETS.",
                code="origin_not_allowed",
            )
        with _in_our_words(origin):
            found = await self._buckets.open(place.bucket, place.key, region=place.region)
        sink.refuse_if_larger(found.size)
        async for piece in _told(origin, found.pieces):
            await sink.take(piece)
        await sink.end()
        if sink.size != found.size:
            raise Retry(f"{shown(origin)} ended too early.", code="origin_incomplete")
        return fetched(sink.size, content_type=found.content_type, names=(place.key,))


async def _told(origin: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces; what goes wrong with them is told from what goes wrong with whoever takes them."""
    while True:
        with _in_our_words(origin):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


@contextmanager
def _in_our_words(origin: str) -> Iterator[None]:
    try:
        yield
    except MissingBytes as error:
        raise Fail(
            f"{shown(origin)} is not there. Check bucket and key, then send the item again.",
            code="origin_not_found",
        ) from error
    except Forbidden as error:
        raise Fail(
            f"{shown(origin)} may not be read with the server's credentials. Let them, then send the item again.",
            code="origin_denied",
        ) from error
    except Invalid as error:
        raise Fail(f"{shown(origin)} has no key that can be read.", code="bad_origin") from error
    except Unavailable as error:
        raise Retry(
            f"{shown(origin)} could not be fetched: the object store does not answer as it should.",
            code="origin_unreachable",
        ) from error


def object_of(origin: str) -> Place | None:
    """The object that `s3://bucket/key` means, its key as it stands there; None for other schemes."""
    scheme, slashes, rest = origin.partition("://")
    if scheme.lower() != "s3" or not slashes:
        return None
    bucket, _, key = rest.partition("/")
    return _checked(origin, bucket, key, "")


def object_at_aws(origin: str) -> Place | None:
    """The object that an http(s) address of AWS means, with the bucket in the host or in the path."""
    try:
        url = urlsplit(origin)
        host = url.hostname or ""
    except ValueError:
        return None
    found = _AT_AWS.fullmatch(host) if url.scheme in {"http", "https"} else None
    if found is None:
        return None
    path = unquote(url.path.removeprefix("/"))
    bucket, _, key = (found["bucket"], "", path) if found["bucket"] else path.partition("/")
    return _checked(origin, bucket, key, found["region"] or "")


def _checked(origin: str, bucket: str, key: str, region: str) -> Place:
    if not _BUCKET.fullmatch(bucket) or not key:
        raise Fail(f"{shown(origin)} must name a bucket and a key: s3://bucket/key.", code="bad_origin")
    return Place(bucket, key, region)
