"""Which versions of the client a case is for: all of them, unless it says otherwise."""

from collections.abc import Callable
from typing import Any

Case = Callable[[Any], None]
Version = tuple[int, ...]


def since(version: str) -> Callable[[Case], Case]:
    """The first version that has what the case is about."""
    return _marked("first", version)


def until(version: str) -> Callable[[Case], Case]:
    """The last one that has it."""
    return _marked("last", version)


def number(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))


def concerns(version: str, *, first: str | None, last: str | None) -> bool:
    return (first is None or number(first) <= number(version)) and (
        last is None or number(version) <= number(last)
    )


def _marked(which: str, version: str) -> Callable[[Case], Case]:
    def mark(case: Case) -> Case:
        setattr(case, which, version)
        return case

    return mark
