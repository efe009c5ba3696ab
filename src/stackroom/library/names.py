"""Names and paths: what is allowed, when two are the same, and what a name becomes when it is taken. Pure.

A name is kept as it was given, but composed (Unicode NFC): "é" in one character or in two is one name, because
nobody can tell them apart. Case counts.
"""

import unicodedata
from collections.abc import Iterable

from stackroom import ids
from stackroom.errors import Invalid

MAX_NAME = 255
MAX_EXTENSION = 32
MAX_PATH = 1024
MAX_DEPTH = 100
"""A tree is answered as JSON, which readers take in by recursion; many give up at a few hundred levels."""
ROOT = "/"
LAST_CHARACTER = "\U0010ffff"
ROOM_FOR_NUMBER = 16


def clean_name(raw: str, what: str = "filename") -> str:
    """A file's name, composed. Raises `Invalid` (`invalid_name`) for one that no folder can hold."""
    name = _composed(raw, what)
    if name in {"", ".", ".."}:
        raise _refused(what, raw, "is not a name", "Give a name such as photo.jpg.")
    if "/" in name or "\\" in name:
        raise _refused(what, raw, "contains a slash", "Folders are given separately, as a path.")
    if len(name) > MAX_NAME:
        raise _refused(what, raw, f"is longer than {MAX_NAME} characters", "Shorten it.")
    return name


def clean_path(raw: str, what: str = "folder path") -> str:
    """A folder's path in its one spelling: `cars/`, `//cars` and `/cars` are `/cars`; the root is `/`.

    Raises `Invalid` (`invalid_path`) for `..`, control characters and backslashes.
    """
    path = _composed(raw, what, code="invalid_path")
    parts = [part for part in path.split("/") if part]
    if "\\" in path or any(part in {".", ".."} for part in parts):
        raise _refused(
            what, raw, "does not name a folder", "Use a path such as /cars/red.", code="invalid_path"
        )
    if len(path) > MAX_PATH or any(len(part) > MAX_NAME for part in parts):
        limit = f"is longer than {MAX_PATH} characters, or a part of it than {MAX_NAME}"
        raise _refused(what, raw, limit, "Shorten it.", code="invalid_path")
    if len(parts) > MAX_DEPTH:
        raise _refused(what, raw, f"has more than {MAX_DEPTH} levels", "Nest less.", code="invalid_path")
    return ROOT + "/".join(parts)


def clean_dataset_name(raw: str) -> str:
    """A dataset's name, trimmed. It may not look like an id, so that a reference is always one or the other."""
    name = _composed(raw, "dataset name").strip()
    if not name:
        raise _refused("dataset name", raw, "is empty", "Give the dataset a name.")
    if name in {".", ".."}:  # every client resolves them in an address, so nobody could reach the dataset
        raise _refused("dataset name", raw, "is not a name", "Choose another.")
    if "/" in name or len(name) > MAX_NAME:
        raise _refused(
            "dataset name", raw, f"contains a slash or more than {MAX_NAME} characters", "Choose another."
        )
    if ids.looks_like_id(name):
        raise _refused("dataset name", raw, "looks like an id", "Choose a name that is not a UUID.")
    return name


def compose(raw: str) -> str:
    """A name as it is kept, to be looked for. One that nothing can have is simply not found."""
    return unicodedata.normalize("NFC", raw)


def ancestors(path: str) -> list[str]:
    """Every folder from the root down to `path` itself: `/a/b` gives `/`, `/a`, `/a/b`."""
    parts = path.split("/")[1:] if path != ROOT else []
    return [ROOT, *("/" + "/".join(parts[: end + 1]) for end in range(len(parts)))]


def parent(path: str) -> str:
    return path.rpartition("/")[0] or ROOT


def last_part(path: str) -> str:
    return path.rpartition("/")[2]


def split_name(name: str) -> tuple[str, str]:
    """Where a number goes in: before the last extension, or at the end of a name that has none."""
    stem, dot, extension = name.rpartition(".")
    is_extension = (
        stem and len(extension) < MAX_EXTENSION
    )  # anything longer is a sentence with a full stop in it
    return (stem, dot + extension) if is_extension else (name, "")


def numbered(name: str, number: int) -> str:
    """`photo.jpg` and 2 give `photo-2.jpg`. A number already there is part of the name: `a-2.jpg` gives `a-2-2.jpg`."""
    stem, extension = split_name(name)
    suffix = f"-{number}{extension}"
    return stem[: MAX_NAME - len(suffix)] + suffix


class Namer:
    """Hands out free names in one folder, each only once; `first` is the number to begin with.

    Linear in the names handed out: ten thousand files called `a.jpg` do not each count from one again, and neither
    do ten thousand long names that are the same once they are cut to make room for a number.
    """

    def __init__(self, taken: Iterable[str], first: int) -> None:
        self._taken = set(taken)
        self._first = first
        self._next: dict[tuple[str, str, int], int] = {}

    def free(self, name: str) -> str:
        stem, extension = split_name(name)
        number = self._first
        while True:
            digits = len(str(number))
            # All names that become the same with this many digits have tried the same numbers.
            alike = stem[: MAX_NAME - len(extension) - digits - 1], extension, digits
            number = max(number, self._next.get(alike, 0))
            while number < 10**digits:
                candidate = f"{alike[0]}-{number}{extension}"
                number += 1
                if candidate not in self._taken:
                    self._taken.add(candidate)
                    self._next[alike] = number
                    return candidate
            self._next[alike] = number


def plan_names(
    colliding: Iterable[tuple[int, int, str]], held: Iterable[tuple[int, str]], first_number: int
) -> list[tuple[int, str]]:
    """A free name for each (position, folder, name), in that order, as (position, new name).

    `held` are the (folder, name) that cannot be given: in each folder, at least all that begin with a `beginning` of
    what collides there. Linear in what it is given.
    """
    held_in: dict[int, set[str]] = {}
    for folder, name in held:
        held_in.setdefault(folder, set()).add(name)
    namers: dict[int, Namer] = {}
    planned = []
    for position, folder, name in colliding:
        if folder not in namers:
            namers[folder] = Namer(held_in.get(folder, ()), first_number)
        planned.append((position, namers[folder].free(name)))
    return planned


def beginning(name: str) -> str:
    """What every numbered form of `name` begins with; a long stem is cut to make room for the number."""
    stem, extension = split_name(name)
    return stem + "-" if has_room(name) else stem[: MAX_NAME - len(extension) - ROOM_FOR_NUMBER]


def has_room(name: str) -> bool:
    """Whether any number goes into `name` without its stem being cut: then no other name becomes the same by one."""
    stem, extension = split_name(name)
    return len(stem) <= MAX_NAME - len(extension) - ROOM_FOR_NUMBER


def _composed(raw: str, what: str, code: str = "invalid_name") -> str:
    if raw.isascii() and raw.isprintable():
        return raw
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in raw):
        raise _refused(what, raw, "contains control characters", "Remove them.", code=code)
    return unicodedata.normalize("NFC", raw)


def _refused(what: str, raw: str, why: str, hint: str, *, code: str = "invalid_name") -> Invalid:
    shown = raw if len(raw) <= 80 else raw[:77] + "..."
    return Invalid(f"{what} {shown!a} {why}", code=code, hint=hint)
