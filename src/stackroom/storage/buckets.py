"""Reading objects of S3 buckets that are not ours: where originals may come from. Nothing is ever written there.

Credentials are the process's own, found as every client of AWS finds them: the environment, or the machine's role.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import obstore
from obstore import exceptions
from obstore.store import S3Store

from stackroom.errors import Forbidden, Invalid, Unavailable
from stackroom.storage.blobstore import MissingBytes
from stackroom.storage.s3 import client_of

if TYPE_CHECKING:
    from obstore import GetResult  # for type checkers only

PIECE = 2**20
_BUCKETS = 64


class Opened(msgspec.Struct, frozen=True):
    """An object that is being read. `pieces` come once, and raise Unavailable if they end too early."""

    size: int
    content_type: str | None
    pieces: AsyncIterator[bytes]


class Buckets:
    """All buckets at one endpoint, or in one region of AWS; an address that names its region overrides the latter.

    An answer, with all its bytes, may take `seconds`.
    """

    def __init__(self, *, endpoint: str = "", region: str = "", seconds: float = 300.0) -> None:
        self._endpoint = endpoint
        self._region = region
        self._seconds = seconds
        self._store = lru_cache(maxsize=_BUCKETS)(self._new_store)

    async def open(self, bucket: str, key: str, *, region: str = "") -> Opened:
        """Begin to read an object.

        Raises `MissingBytes`, `Forbidden` if our credentials may not read it, `Invalid` (`invalid_key`) for what
        cannot be a key, and `Unavailable` (`storage_unreachable`) for everything that may pass.
        """
        with _in_our_words():
            store = self._store(bucket, region or self._region)
            found = await obstore.get_async(store, key)
        content_type = found.attributes.get("Content-Type")
        return Opened(int(found.meta["size"]), content_type, _pieces(found))

    def _new_store(self, bucket: str, region: str) -> S3Store:
        # Whoever reads tries again, and knows when.
        return client_of(bucket, endpoint=self._endpoint, region=region, seconds=self._seconds, retries=1)


async def _pieces(found: "GetResult") -> AsyncIterator[bytes]:
    with _in_our_words():
        async for piece in found.stream(min_chunk_size=PIECE):
            yield bytes(piece)


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingBytes("nothing is stored under this key") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise Forbidden("the server's credentials may not read this object") from error
    except (exceptions.InvalidPathError, ValueError) as error:
        raise Invalid("this cannot be the key of an object", code="invalid_key") from error
    except (exceptions.BaseError, OSError) as error:
        raise Unavailable("the object store cannot be reached", code="storage_unreachable") from error
