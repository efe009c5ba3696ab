"""Time, as the library keeps it: whole microseconds since 1970, UTC, in both databases."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """The present moment. Everything that needs it takes a `Clock`, so that a test can hold time still."""
    return time.time_ns() // 1000


def to_datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)


def from_datetime(value: datetime) -> int:
    return (value - _EPOCH) // timedelta(microseconds=1)
