"""Files of this machine: under allowed roots only, whatever links and dots say.

A path is resolved, held against the roots, and then opened part by part without following any link: one that
somebody puts in its way in between leads nowhere.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import msgspec

from stackroom.ingest.origins.outcomes import Fail, Fetched, Retry, fetched, shown
from stackroom.ingest.origins.sink import Sink, in_thread

_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_PORTS = {"http": 80, "https": 443}

_FILES = ("/", "file:")


class Rewrite(msgspec.Struct, frozen=True):
    """The beginning of URLs, part by part, and the folder that stands for it."""

    site: tuple[str, str, int]
    parts: tuple[str, ...]
    folder: Path


class Folders:
    """Knows which origins are files here, and reads them. A folder of the rewrite map is a root as well."""

    def __init__(self, roots: Sequence[Path], rewrites: Sequence[tuple[str, Path]]) -> None:
        self._roots = [*roots, *(folder for _, folder in rewrites)]
        found = [_rewrite(prefix, folder) for prefix, folder in rewrites]
        self._rewrites = sorted(found, key=lambda it: len(it.parts), reverse=True)

    def place(self, origin: str) -> Path | None:
        """The path of an origin that is a file here, or None: then it is something else.

        Raises `Fail` (`bad_origin`) for what is meant as a file here and cannot be one. Nothing is looked at yet.
        """
        if origin.startswith("/"):
            return _inside(Path("/"), origin.split("/"), origin)
        try:
            url = urlsplit(origin)
            if url.scheme in _PORTS:
                return self._rewritten(origin, url)
        except ValueError:  # no URL at all, which others will say
            return None
        if url.scheme != "file":
            return None
        if url.netloc not in {"", "localhost"}:
            raise _bad(origin, "names another machine: write file:///path")
        return _inside(Path("/"), _parts(url), origin)

    def check(self, origin: str) -> None:
        """Raise the `Fail` of an origin that is meant as a file here and is in no folder that may be read."""
        if origin.startswith(_FILES):
            place = self.place(origin)
            if place is not None and not self._is_inside(place):
                raise _outside(origin)

    async def fetch(self, origin: str, place: Path, sink: Sink) -> Fetched:
        """Read a file that `place` named. Raises `Fail` and `Retry`."""
        await in_thread(lambda stopped: self._copy(origin, place, sink, stopped))
        name = os.fsencode(place.name).decode(errors="replace")
        return fetched(sink.size, content_type=None, names=(name,))

    def _is_inside(self, place: Path) -> bool:
        return any(place.is_relative_to(root) for root in self._roots)

    def _rewritten(self, origin: str, url: SplitResult) -> Path | None:
        site, parts = _site(url), _parts(url)
        for each in self._rewrites:
            if each.site == site and tuple(parts[: len(each.parts)]) == each.parts:
                return _inside(each.folder, parts[len(each.parts) :], origin)
        return None

    def _copy(self, origin: str, place: Path, sink: Sink, stopped: threading.Event) -> None:
        with _in_our_words(origin), self._opened(origin, place) as descriptor:
            size = os.fstat(descriptor).st_size
            sink.refuse_if_larger(size)
            sink.copy(descriptor, stopped)
            if not stopped.is_set() and sink.size != size:
                raise Retry(
                    f"{shown(origin)} changed while it was read. Send the item again once it is written.",
                    code="origin_incomplete",
                )

    @contextmanager
    def _opened(self, origin: str, place: Path) -> Iterator[int]:
        if not self._is_inside(place):
            raise _outside(origin)
        real = Path(os.path.realpath(place, strict=True))
        roots = [Path(os.path.realpath(root)) for root in self._roots]
        root = next((root for root in roots if real.is_relative_to(root)), None)
        if root is None:
            raise _outside(origin)
        parts = real.relative_to(root).parts
        if not parts:
            raise _no_file(origin)
        folder = os.open(root, os.O_PATH | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            # Looked at first: merely to open a device or a pipe may do something.
            if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise _no_file(origin)
            descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _no_file(origin)
            yield descriptor
        finally:
            os.close(descriptor)


def _rewrite(prefix: str, folder: Path) -> Rewrite:
    url = urlsplit(prefix)
    return Rewrite(_site(url), tuple(_parts(url)), folder)


def _site(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme, (url.hostname or "").rstrip("."), url.port or _PORTS[url.scheme]


def _parts(url: SplitResult) -> list[str]:
    """Decoded after the path is taken apart: %2F is no slash."""
    return [os.fsdecode(unquote_to_bytes(part)) for part in url.path.split("/") if part]


def _inside(folder: Path, parts: Sequence[str], origin: str) -> Path:
    named = [part for part in parts if part]
    if not named:
        raise _bad(origin, "names a folder, not a file")
    if any(part in {".", ".."} or "/" in part or "\0" in part for part in named):
        raise _bad(origin, "goes ways that a path cannot: write it without . and .. and encoded slashes")
    return folder.joinpath(*named)


@contextmanager
def _in_our_words(origin: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _MISSING:
            raise Fail(
                f"{shown(origin)} is not there. Check the path, then send the item again.",
                code="origin_not_found",
            ) from error
        if isinstance(error, PermissionError):
            raise Fail(
                f"{shown(origin)} cannot be read by the server. Let its user read it, then send the item again.",
                code="origin_denied",
            ) from error
        raise Retry(
            f"{shown(origin)} could not be read: {error.strerror or error}.", code="origin_unreachable"
        ) from error


def _bad(origin: str, what: str) -> Fail:
    return Fail(f"{shown(origin)} {what}.", code="bad_origin")


def _outside(origin: str) -> Fail:
    return Fail(
        f"{shown(origin)} is in no folder that may be read. The operator can add one to STACKROOM_ORIGIN_ROOTS.",
        code="origin_not_allowed",
    )


def _no_file(origin: str) -> Fail:
    return Fail(f"{shown(origin)} is not a file. Name one.", code="origin_not_a_file")
