"""The local side of uploads and downloads: what a file is, its bytes in pieces, and files that arrive whole.

Everything here blocks; the asynchronous client calls what may take long in a thread.
"""

import importlib
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self
from unicodedata import category
from uuid import uuid4

from msgspec import Struct

from .errors import InvalidArgument, NetworkError

Progress = Callable[[int, int | None], None]

CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
    ".jp2": "image/jp2",
}
PIECE = 1024 * 1024
EXIF_ORIENTATION = 0x0112
_PART = ".part"
LONGEST_FILE_NAME = 255  # in bytes, on all that Linux usually writes to
TURNED = frozenset({5, 6, 7, 8})  # orientations that swap width and height


class LocalImage(Struct, frozen=True, kw_only=True):
    """A file about to be uploaded."""

    path: Path
    filename: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None


def look_at(path: str | Path, filename: str | None = None, content_type: str | None = None) -> LocalImage:
    """What the server needs to know about a file.

    Raises FileNotFoundError if it is no file, InvalidArgument if its extension names no supported type or its name
    is none that an image can have.
    """
    local = Path(path).expanduser()
    if local.is_dir() and not os.access(local, os.R_OK):
        raise PermissionError(f"{local} is a folder that may not be read")
    if not local.is_file():
        raise FileNotFoundError(f"{local} is no file")
    name = filename or local.name
    if (fault := _fault_of(name)) is not None:
        raise InvalidArgument(
            f"{name!r}: the name {fault}.", fix="Rename the file, or say filename= yourself."
        )
    kind = content_type or _type_by_name(name)
    width, height = _dimensions(local)
    return LocalImage(
        path=local, filename=name, content_type=kind, size=local.stat().st_size, width=width, height=height
    )


def _fault_of(name: str) -> str | None:
    """What keeps this from being the name of an image: found here, because a server that is asked about hundreds of
    files refuses all of them for one. Linux takes any bytes for a name; those that are no UTF-8 stand in it as halves
    of characters."""
    kinds = {category(character) for character in name}
    if "Cs" in kinds:
        return "is no text"
    if "Cc" in kinds:
        return "holds a control character"
    return "holds a slash" if {"/", "\\"} & set(name) else None


def _type_by_name(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in CONTENT_TYPES:
        raise InvalidArgument(
            f"{name}: files ending in {suffix or 'nothing'} are not supported.",
            fix=f"Use one of {' '.join(CONTENT_TYPES)}, or say content_type= yourself.",
        )
    return CONTENT_TYPES[suffix]


def _dimensions(path: Path) -> tuple[int, int] | tuple[None, None]:
    # A courtesy to servers that do not measure for themselves; the light install comes without Pillow.
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        return None, None
    # The last three are its bomb warning turned into an error, its bomb error, and damaged PNG chunks.
    undecodable = (OSError, ValueError, Warning, pillow.DecompressionBombError, SyntaxError)
    try:
        with pillow.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(EXIF_ORIENTATION) in TURNED
    except undecodable:
        return None, None
    return (height, width) if turned else (width, height)


def open_to_read(path: Path) -> IO[bytes]:
    """The file, to be closed by whoever asked."""
    return path.open("rb")


def next_piece(file: IO[bytes], left: int) -> bytes:
    """The next bytes of a file that still owes `left`. Raises InvalidArgument if it has shrunk meanwhile."""
    piece = file.read(min(PIECE, left))
    if not piece:
        raise InvalidArgument(f"{file.name} has shrunk while it was uploaded.")
    return piece


class Arrival:
    """A file on its way: written beside its place as `NAME.part` (or a name of its own, where that is too long or
    taken), moved there when whole, removed when not.

    `with Arrival(path) as arrival:` makes the folders above it. Within, `begin` each answer, `write` its
    pieces and `end` it; an answer that broke off may be followed by another, which goes on where that one
    stopped if `resume_headers` were sent for it and the server agrees that the file is still the same.
    """

    def __init__(self, path: str | Path, progress: Progress | None = None) -> None:
        self.path = Path(path).expanduser()
        self._part = part_of(self.path)
        self._progress = progress
        self._file: IO[bytes] | None = None
        self._have = 0
        self._total: int | None = None
        self._etag: str | None = None

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.path} is a folder; name the file in it")
        # A device would be gone, for the whole machine, once a file took its place.
        if self.path.exists() and not self.path.is_file():
            raise OSError(f"{self.path} is no file that could be replaced")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = self._part.open("xb")
        except FileExistsError:  # somebody's own, or of another download to the same place
            self._part = self._part.with_name(uuid4().hex + _PART)
            self._file = self._part.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        try:
            if kind is None:
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)

    @property
    def _open(self) -> IO[bytes]:
        if self._file is None:
            raise RuntimeError("an Arrival is written inside its with block")
        return self._file

    def resume_headers(self) -> dict[str, str]:
        """Headers that ask for the missing rest only; none when there is nothing to go on from."""
        if not self._have or self._etag is None:
            return {}
        return {"Range": f"bytes={self._have}-", "If-Range": self._etag}

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Take up an answer of 200 or 206; its headers have lower-case names."""
        if (
            status == 206
            and self._have
            and headers.get("content-range", "").startswith(f"bytes {self._have}-")
        ):
            return
        self.forget()
        encoded = headers.get("content-encoding", "identity") != "identity"
        etag = headers.get("etag", "")
        # A weak tag does not promise the same bytes, and a length counts them before they are unpacked.
        self._etag = etag if etag.startswith('"') and not encoded else None
        length = headers.get("content-length", "")
        self._total = int(length) if length.isdecimal() and not encoded else None
        if status == 206:
            raise NetworkError("The server sent a part of the file that was not asked for.")

    def forget(self) -> None:
        """Start again from nothing."""
        self._open.seek(0)
        self._open.truncate()
        self._have, self._total, self._etag = 0, None, None

    def write(self, piece: bytes) -> None:
        self._open.write(piece)
        self._have += len(piece)
        if self._progress is not None:
            self._progress(self._have, self._total)

    def end(self) -> None:
        """Raises NetworkError if the answer stopped short."""
        if self._total is not None and self._have != self._total:
            raise NetworkError(f"The answer stopped after {self._have} of {self._total} bytes.")


def part_of(path: Path) -> Path:
    """Where a file is while it is on its way."""
    whole = os.fsencode(path.name)
    fits = len(whole) + len(_PART) <= LONGEST_FILE_NAME
    return path.with_name((path.name if fits else sha256(whole).hexdigest()) + _PART)


def place_below(folder: Path, folder_path: str, filename: str) -> Path:
    """Where a dataset's file goes below a local folder: in its own folders, and never outside.

    The names come from a server; what could climb out of `folder` loses its meaning.
    """
    parts = [part for part in folder_path.split("/") if part not in {"", ".", ".."}]
    return folder.joinpath(*map(_one_name, parts), _one_name(filename))


def _one_name(name: str) -> str:
    safe = name.replace("/", "_").replace(os.sep, "_").replace("\\", "_").replace("\0", "_")
    return "_" if safe in {"", ".", ".."} else safe


class Found(Struct, frozen=True):
    """An image file of a tree, and the virtual folder it belongs in."""

    path: Path
    folder_path: str


def find_images(tree: str | Path, *, organize_by_class: bool, preserve_structure: bool) -> list[Found]:
    """The image files of a tree, sorted, and the folders in it that may not be read: whoever uploads them hears of it.

    Raises FileNotFoundError if it is no folder.
    """
    folder = Path(tree).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    paths: list[Path] = []
    for at, _, names in os.walk(folder, onerror=lambda error: paths.append(Path(error.filename))):
        paths.extend(path for path in map(Path(at).joinpath, names) if _is_image(path))
    paths.sort()
    depth = None if preserve_structure else int(organize_by_class)
    return [Found(path, _virtual(path.relative_to(folder).parent, depth)) for path in paths]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in CONTENT_TYPES and path.is_file()


def _virtual(parent: Path, depth: int | None) -> str:
    return "/" + "/".join(parent.parts[:depth])
