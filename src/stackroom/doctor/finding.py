"""What one check has come to."""

import msgspec

SAMPLES = 10
"""How many places a finding names, unless more are asked for."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, how often it is broken, some of the places, and what to do about it.

    `problems` is 0 where the promise is kept.
    """

    check: str
    title: str
    problems: int
    samples: list[str]
    advice: str
