"""No room to write a picture: the file that it is of is innocent."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from stackroom.errors import Unavailable


@contextmanager
def room_explained() -> Iterator[None]:
    """Say that the disk is full, where that is why a picture could not be written."""
    try:
        yield
    except (pyvips.Error, OSError) as error:
        raise no_room() from error


def no_room() -> Unavailable:
    return Unavailable(
        "There is no room to write pictures; nothing was stored.",
        code="storage_full",
        hint="Free some space, then send the same request again.",
    )
