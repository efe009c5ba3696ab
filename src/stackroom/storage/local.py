"""A store in a folder of a local file system."""

import errno
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from stackroom.errors import StackroomError, Unavailable
from stackroom.storage.at_hand import can_tell, open_at_hand
from stackroom.storage.blobstore import MissingBytes, Pieces, StoredObject, unavailable
from stackroom.storage.files import FilePieces, sweep, sync
from stackroom.storage.keys import checked, checked_folder, checked_prefix

# No key begins with a dot, so nothing in here can be taken for an object.
_TEMPORARY = ".temporary"
# The source lies elsewhere, or this file system has no (or no more) hard links.
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS})


class LocalStore:
    """`BlobStore` below one folder, a file for each key.

    Put the staging folder on the same file system: then bytes are linked into place and never copied.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / _TEMPORARY
        self._lasting: set[Path] = set()  # folders whose names are known to be on the disk
        self._renaming = threading.Lock()
        self._tells: bool | None = None  # of the file system, whether it says what is at hand

    def put(self, key: str, source: Path) -> bool:
        target = self._path(key)
        with _storing(key):
            stored = self._put(target, source)
            sync(target.parent)  # also for False: the winner of a race may not have come to this line yet
        return stored

    def put_all(self, files: Mapping[str, Path]) -> None:
        targets = {key: self._path(key) for key in files}
        for key, target in targets.items():
            with _storing(key):
                self._put(target, files[key])
        # What lies in one folder has its names brought to the disk together.
        for folder, key in {target.parent: key for key, target in targets.items()}.items():
            with _storing(key):
                sync(folder)

    def size(self, key: str) -> int:
        with _explained(key):
            status = self._path(key).stat()
            if not stat.S_ISREG(status.st_mode):
                raise IsADirectoryError(key)
            return status.st_size

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        with _explained(key):
            pieces = FilePieces(self._path(key), start, stop)
        if self._tells is None:
            self._tells = can_tell(pieces.fileno())
        return pieces

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> Pieces | None:
        if not self._tells:
            return None
        path = f"{self._root}/{checked(key)}"
        descriptor = open_at_hand(path)
        if descriptor is None:
            return None
        try:
            return FilePieces(path, start, stop, descriptor=descriptor)
        except OSError:
            return None

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        self.size(key)
        yield self._path(key)

    def delete(self, keys: Sequence[str]) -> None:
        failures: list[StackroomError] = []
        for path in [self._path(key) for key in keys]:
            try:
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    path.unlink()
            except OSError as error:
                failures.append(unavailable(error, f"deleting {path.name}"))
        if failures:
            raise failures[0]

    def delete_all(self, prefix: str) -> None:
        folder = self._root / checked_folder(prefix)
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                shutil.rmtree(folder)
            with suppress(OSError):  # there is something else in it
                folder.parent.rmdir()
        except OSError as error:
            raise unavailable(error, f"deleting {folder.name}") from error

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        folder = self._root.joinpath(*checked_prefix(prefix).split("/")[:-1])
        try:
            yield from self._below(folder, prefix)
        except OSError as error:
            raise unavailable(error, "listing") from error

    def check(self) -> None:
        # Nowhere else, for whoever is killed here leaves what he tried it with.
        try:
            self._make_lasting(self._temporary)
            with tempfile.TemporaryDirectory(dir=self._temporary) as folder:
                source, target = Path(folder) / "source", Path(folder) / "target"
                source.write_bytes(b"check")
                sync(source)
                self._publish(source, target)
                sync(target.parent)
                found = target.read_bytes()
        except (OSError, StackroomError) as error:
            raise _unusable(self._root, str(error)) from error
        if found != b"check":
            raise _unusable(self._root, "it lost what it was given")
        if not os.access(self._root, os.W_OK | os.X_OK):
            raise _unusable(self._root, "nothing may be added to it")

    def sweep_temporary(self, older_than: float) -> int:
        return sweep(self._temporary, older_than)

    def _put(self, target: Path, source: Path) -> bool:
        """`put`, but for the name, which may not last yet."""
        if target.exists():
            return False
        try:
            return self._bring(source, target)
        except FileNotFoundError:  # its folder was empty, and `delete_all` has just removed it
            return self._bring(source, target)

    def _bring(self, source: Path, target: Path) -> bool:
        self._make_lasting(target.parent)
        sync(source)
        return self._publish(source, target)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _make_lasting(self, folder: Path) -> None:
        """Make a folder whose own name, and those above it, survive a power failure."""
        if folder in self._lasting and folder.is_dir():
            return
        if folder != self._root:
            self._make_lasting(folder.parent)
            folder.mkdir(exist_ok=True)
            sync(folder.parent)
        elif not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            os.sync()  # once in the library's life; who knows how many folders above are new
        self._lasting.add(folder)

    def _publish(self, source: Path, target: Path) -> bool:
        linked = _link(source, target)
        return self._publish_copy(source, target) if linked is None else linked

    def _publish_copy(self, source: Path, target: Path) -> bool:
        self._make_lasting(self._temporary)
        with tempfile.TemporaryDirectory(dir=self._temporary) as folder:
            copy = Path(folder) / "copy"
            shutil.copyfile(source, copy)
            sync(copy)
            linked = _link(copy, target)
            return self._rename(copy, target) if linked is None else linked

    def _rename(self, copy: Path, target: Path) -> bool:
        # A rename replaces where a link refuses, so look first. Between processes two may both find nothing;
        # a key holds its content's hash, so they put the same bytes.
        with self._renaming:
            if target.exists():
                return False
            copy.rename(target)
            return True

    def _below(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            key = os.path.relpath(entry.path, self._root)
            if entry.name.startswith(".") or not f"{key}/".startswith(prefix[: len(key) + 1]):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(Path(entry.path), prefix)
            elif key.startswith(prefix):
                with suppress(FileNotFoundError):  # deleted since the folder was read
                    status = entry.stat(follow_symlinks=False)
                    yield StoredObject(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _link(source: Path, target: Path) -> bool | None:
    """Give the source's bytes a second name; False if the name is taken, None if that cannot be done here."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _CANNOT_LINK:
            return None
        raise
    return True


@contextmanager
def _storing(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unavailable(error, f"storing {key}") from error


@contextmanager
def _explained(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise MissingBytes(f"The store has nothing under {key}.") from error
    except OSError as error:
        raise unavailable(error, f"reading {key}") from error


def _unusable(root: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"The store in {root} cannot be used: {reason}",
        code="storage_unusable",
        hint="The folder must be writable for the server's user and have free space.",
    )
