"""Which envelopes a client reads. Answers are given in all of them; only long lists are not sent twice for nothing."""

import enum
import re
from collections.abc import Iterable
from typing import Self, TypeVar

from msgspec import UNSET, UnsetType

T = TypeVar("T")
_CLIENT = re.compile(r"pictograph-python(?:-async)?/(\d{1,9})\.(\d{1,9})")
_FIRST_WITH_DATA = (1, 61)
_NEWER_WORDS = frozenset({"dataset", "dataset_name", "directory_path"})
"""Words that came after the envelope `data` did."""


class Generation(enum.Enum):
    OLDER = "older"  # `dataset`, `images`: clients up to 1.60
    NEWER = "newer"  # `data`
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, agent: str, words: Iterable[str]) -> Self:
        """By the name that a client gives itself; of any other, by the words that it uses."""
        client = _CLIENT.match(agent)
        if client is not None:
            return cls("older" if (int(client[1]), int(client[2])) < _FIRST_WITH_DATA else "newer")
        return cls("unknown" if _NEWER_WORDS.isdisjoint(words) else "newer")

    def older(self, value: T) -> T | UnsetType:
        """What an older client reads; nothing if it is a newer one that asks."""
        return UNSET if self is Generation.NEWER else value

    def newer(self, value: T) -> T | UnsetType:
        """What a newer client reads; nothing if it is an older one that asks."""
        return UNSET if self is Generation.OLDER else value
