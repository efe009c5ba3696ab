"""A store in a bucket: of AWS, or of whatever else speaks the S3 protocol."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import obstore
import structlog
from obstore import exceptions

from stackroom.errors import Unavailable
from stackroom.settings import Bucket
from stackroom.storage.blobstore import PIECE, MissingBytes, Pieces, StoredObject, unavailable
from stackroom.storage.copies import Copies
from stackroom.storage.keys import checked, checked_folder, checked_prefix, new_generation
from stackroom.storage.s3 import client_of

if TYPE_CHECKING:
    from obstore import GetOptions  # for type checkers only

log = structlog.get_logger(__name__)
WHOLE: Final = 8 * 2**20
"""Up to this size a file is put by one request, which says by itself whether something is there."""
PART: Final = 8 * 2**20
"""Of a larger file; there may be 10,000 of them."""
_PARTS_AT_ONCE = 4
_PUT_AT_ONCE = 8
_AT_ONCE = 1000
"""How many objects one request lists or deletes."""
# No key begins with a dot, so nothing in here can be taken for an object.
_TRIED = ".check"
_READ_SECONDS = 120.0
_RETRIES = 5
_WHOLE_SECONDS = 24 * 3600.0
"""A client that loads slowly may take its time; what comes to a stop altogether is noticed by `_READ_SECONDS`."""


class BucketStore:
    """`BlobStore` below one prefix of one bucket, which exists. Credentials are the process's own: those of the
    environment, or the machine's role.

    Files that tools need are fetched once and kept in `copies`, for what is under a key never changes. Of two who put
    one key at the same instant, and more than `WHOLE` bytes, both may be told that they stored it; a key has its
    content's hash, so they put the same bytes.
    """

    def __init__(self, bucket: Bucket, copies: Copies) -> None:
        self._bucket = bucket
        self._copies = copies
        try:
            self._client = client_of(
                bucket.name,
                prefix=bucket.prefix,
                endpoint=bucket.endpoint,
                region=bucket.region,
                seconds=_WHOLE_SECONDS,
                read_seconds=_READ_SECONDS,
                retries=_RETRIES,
            )
        except (exceptions.BaseError, ValueError, OSError) as error:
            raise _unusable(bucket, str(error).partition("\n")[0]) from error

    def put(self, key: str, source: Path) -> bool:
        stored = self._put(checked(key), source)
        if stored:
            self._copies.keep(key, source)  # somebody is about to look at it
        return stored

    def put_all(self, files: Mapping[str, Path]) -> None:
        for key in files:
            checked(key)
        with ThreadPoolExecutor(_PUT_AT_ONCE) as threads:
            for _ in threads.map(self._put, files.keys(), files.values()):
                pass

    def size(self, key: str) -> int:
        with _in_our_words(f"reading {key}", key):
            return int(obstore.head(self._client, checked(key))["size"])

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        if stop is not None and stop <= start:
            self.size(key)
            return _Arriving(key, iter(()), 0)
        part: GetOptions = {"range": {"offset": start} if stop is None else (start, stop)}
        with _in_our_words(f"reading {key}", key):
            try:
                found = obstore.get(self._client, checked(key), options=part if start or stop else {})
            except exceptions.BaseError:
                if start < self.size(key):
                    raise
                return _Arriving(key, iter(()), 0)  # there is nothing behind the end, and of nothing no part
            first, behind = found.range
            return _Arriving(key, found.stream(PIECE), behind - first)

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> Pieces | None:  # noqa: ARG002 - never is
        return None

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        return self._copies.lend(checked(key), lambda: self.read(key))

    def delete(self, keys: Sequence[str]) -> None:
        doomed = [checked(key) for key in keys]
        self._copies.forget(doomed)
        failures: list[Unavailable] = []
        for first in range(0, len(doomed), _AT_ONCE):
            try:
                with _in_our_words("deleting"):
                    obstore.delete(self._client, doomed[first : first + _AT_ONCE])
            except Unavailable as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def delete_all(self, prefix: str) -> None:
        doomed = (each.key for each in self.objects(checked_folder(prefix)))
        while some := list(islice(doomed, _AT_ONCE)):
            self.delete(some)

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        folder, _, begins = checked_prefix(prefix).rpartition("/")
        # The client asks for whole segments only. But it is told behind which name to begin, and they come in order.
        for each in self._listed(folder, behind=prefix[:-1] if begins else None):
            if each.key.startswith("."):
                continue
            if each.key.startswith(prefix):
                yield each
            elif each.key > prefix:
                return

    def check(self) -> None:
        key = f"{_TRIED}/{new_generation()}"
        try:
            with self._copies.room() as source:
                source.write_bytes(b"check")
                answers = self._put(key, source), self._put(key, source)
            with _in_our_words("trying it"):
                found = bytes(obstore.get(self._client, key).bytes())
                obstore.delete(self._client, [key])
                next(self._listed(_TRIED), None)
        except (OSError, Unavailable) as error:
            reason = str(error.__cause__ or error).partition("\n")[0]
            raise _unusable(self._bucket, reason) from error
        if answers != (True, False):
            raise _unusable(self._bucket, "it does not heed If-None-Match, and so might overwrite")
        if found != b"check":
            raise _unusable(self._bucket, "it lost what it was given")

    def sweep_temporary(self, older_than: float) -> int:
        # Uploads in parts that never ended are the bucket's own business.
        limit = datetime.now(UTC) - timedelta(seconds=older_than)
        tried = [each.key for each in self._listed(_TRIED) if each.modified < limit]
        with _in_our_words("deleting"):
            obstore.delete(self._client, tried)
        return len(tried) + self._copies.sweep(older_than)

    def _listed(self, folder: str, behind: str | None = None) -> Iterator[StoredObject]:
        """What is below a folder, in the order of names; whatever it is called."""
        with _in_our_words("listing"):
            for some in obstore.list(self._client, folder or None, offset=behind, chunk_size=_AT_ONCE):
                for each in some:
                    yield StoredObject(each["path"], int(each["size"]), each["last_modified"])

    def _put(self, key: str, source: Path) -> bool:
        try:
            size = source.stat().st_size
            content = source.read_bytes() if size <= WHOLE else None
        except OSError as error:
            raise unavailable(error, f"storing {key}") from error
        with _in_our_words(f"storing {key}"):
            try:
                if content is not None:
                    obstore.put(self._client, key, content, mode="create", use_multipart=False)
                    return True
                with suppress(FileNotFoundError):
                    obstore.head(self._client, key)
                    return False
                obstore.put(self._client, key, source, chunk_size=PART, max_concurrency=_PARTS_AT_ONCE)
            except exceptions.AlreadyExistsError:
                return False
        return True


class _Arriving:
    """Bytes that are on their way, so many of them."""

    def __init__(self, key: str, chunks: Iterator[bytes], length: int) -> None:
        self._key = key
        self._chunks = chunks
        self._left = length
        self._chunk = memoryview(b"")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if not self._chunk and self._left > 0:
            self._chunk = self._next_chunk()
        if not self._chunk:
            raise StopIteration
        piece, self._chunk = bytes(self._chunk[:PIECE]), self._chunk[PIECE:]
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._chunks, self._chunk, self._left = iter(()), memoryview(b""), 0

    def _next_chunk(self) -> memoryview:
        doing = f"reading {self._key}"
        with _in_our_words(doing):
            chunk = next(self._chunks, None)
        if not chunk:
            raise _failed(doing, "the object ended too early")
        return memoryview(chunk)


@contextmanager
def _in_our_words(doing: str, key: str | None = None) -> Iterator[None]:
    """What the client raises, as a store does. Where a `key` is named, nothing may be there."""
    try:
        yield
    except FileNotFoundError as error:
        if key is None:
            raise _failed(doing, error) from error
        raise MissingBytes(f"The store has nothing under {key}.") from error
    except (exceptions.BaseError, OSError) as error:
        raise _failed(doing, error) from error


def _failed(doing: str, error: Exception | str) -> Unavailable:
    log.warning("store.failed", doing=doing, error=str(error).partition("\n")[0])
    return Unavailable(
        f"The store failed while {doing}.",
        code="storage_unreachable",
        hint="Try again later. The operator finds the cause in the server's log.",
    )


def _unusable(bucket: Bucket, reason: str) -> Unavailable:
    return Unavailable(
        f"The bucket {bucket.name!r} cannot be used: {reason}",
        code="storage_unusable",
        hint="It must exist, and the server's AWS credentials must allow to list, read, write and delete in it.",
    )
