"""What the models share. All are frozen and ignore keys they do not know; all times know their zone."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class OpenEnum(StrEnum):
    """A closed set, as far as this version knows.

    A word that a newer server adds is kept as it is instead of making the whole answer unreadable.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = value.upper()
        unknown._value_ = value
        return unknown
