"""A store without a disk: for tests of what stands on a store."""

import tempfile
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from stackroom.storage.blobstore import PIECE, MissingBytes, Pieces, StoredObject, unavailable
from stackroom.storage.keys import checked, checked_folder, checked_prefix


class MemoryStore:
    """`BlobStore` in a dictionary; as lasting as the object itself."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = threading.Lock()

    def put(self, key: str, source: Path) -> bool:
        try:
            content = source.read_bytes()
        except OSError as error:
            raise unavailable(error, f"storing {key}") from error
        with self._lock:
            stored = (content, datetime.now(UTC))
            return self._objects.setdefault(checked(key), stored) is stored

    def put_all(self, files: Mapping[str, Path]) -> None:
        for key, source in files.items():
            self.put(key, source)

    def size(self, key: str) -> int:
        return len(self._content(key))

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        return _pieces(self._content(key)[start:stop])

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> Pieces | None:
        return self.read(key, start, stop) if checked(key) in self._objects else None

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        content = self._content(key)
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield Path(file.name)

    def delete(self, keys: Sequence[str]) -> None:
        for key in [checked(key) for key in keys]:
            self._objects.pop(key, None)

    def delete_all(self, prefix: str) -> None:
        checked_folder(prefix)
        for key in [key for key in list(self._objects) if key.startswith(prefix)]:
            self._objects.pop(key, None)

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        checked_prefix(prefix)
        for key, (content, modified) in list(self._objects.items()):
            if key.startswith(prefix):
                yield StoredObject(key, len(content), modified)

    def sweep_temporary(self, older_than: float) -> int:  # noqa: ARG002 - nothing is left behind in memory
        return 0

    def check(self) -> None:
        """Memory is always there."""

    def _content(self, key: str) -> bytes:
        try:
            return self._objects[checked(key)][0]
        except KeyError:
            raise MissingBytes(f"The store has nothing under {key}.") from None


def _pieces(content: bytes) -> Generator[bytes, None, None]:
    for at in range(0, len(content), PIECE):
        yield content[at : at + PIECE]
