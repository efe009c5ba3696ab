"""Where in the zip an image goes: its folder and name, made safe for any file system, and never where another is.

Names may differ in a dataset and not on a disk: in case alone, in what a disk cannot spell, or, where each image has
a file of its annotations, in the extension alone. Whoever comes second has a part of its id put into its name.
Folders stay, so the same name in two folders is no collision.
"""

import hashlib
import re
from itertools import count

import msgspec

from stackroom.library.names import split_name

MAX_PART = 200
"""Bytes of one name: file systems take 255, and an id and another extension must fit in."""
_UNSAFE = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a format asks of places. `beside` is the extension of the file about each image, if there is one.

    `reserved` are names that no folder may have.
    """

    images: str = "images"
    beside: str | None = None
    reserved: frozenset[str] = frozenset()


class Places:
    """Gives out places. Keeps a number for each, and not its name."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._files: set[int] = set()
        self._folders: set[int] = set()

    def give(self, part: str, folder: str, name: str, uuid: bytes) -> str:
        """A free place below the folder of images, such as `cars/red/1.jpg`, in this part of the export."""
        above = ""
        for each in (it for it in folder.split("/") if it):
            above = self._enter(part, above + self._safe_folder(each)) + "/"
        stem, extension = split_name(safe(name))
        place = f"{above}{stem}{extension}"
        mark = uuid.hex()[-12:]  # the end of an id is random; its beginning is the time
        attempts = count(2)
        while not self._take(part, place):
            place = f"{above}{stem}-{mark}{extension}"
            mark = f"{uuid.hex()[-12:]}-{next(attempts)}"
        return place

    def _enter(self, part: str, path: str) -> str:
        """The folder at `path`, or the next free one if a file is there."""
        while (key := _key(part, path)) in self._files:
            path += "_"
        self._folders.add(key)
        return path

    def _take(self, part: str, place: str) -> bool:
        keys = {_key(part, place)}
        if self._layout.beside is not None:
            keys.add(_key(part, beside(place, self._layout.beside)))
        if keys & self._files or keys & self._folders:
            return False
        self._files |= keys
        return True

    def _safe_folder(self, name: str) -> str:
        made = safe(name)
        return made + "_" if made in self._layout.reserved else made


def beside(place: str, extension: str) -> str:
    """The file about an image: in the same folder, under the same name, with another extension."""
    folder, slash, name = place.rpartition("/")
    return folder + slash + split_name(name)[0] + extension


def safe(name: str) -> str:
    """A name that Linux, macOS and Windows all take, the same for the same name."""
    made = _UNSAFE.sub("_", name)
    if made.endswith((" ", ".")) or _DEVICES.match(made):
        made += "_"
    if len(made.encode()) <= MAX_PART:
        return made
    stem, extension = split_name(made)
    if len(extension.encode()) > MAX_PART // 4:  # no extension that anybody reads
        stem, extension = made, ""
    mark = "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    room = MAX_PART - len((mark + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + mark + extension


def _key(part: str, path: str) -> int:
    return hash((part, path.casefold()))
