"""When a failed request is worth sending again, and after how long; chance and time come in as numbers."""

import math
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

from .errors import ApiError, NetworkError, StackroomError

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
HEEDED_STATUSES = frozenset({429, 503})  # whose Retry-After is a promise rather than a guess
FIRST_PAUSE = 1.0
LONGEST_OWN_PAUSE = 30.0
LONGEST_ASKED_PAUSE = 120.0


def pause_before_retry(
    error: StackroomError, *, attempt: int, max_retries: int, chance: float
) -> float | None:
    """Seconds to wait before sending the request again, or None when the error is final.

    `attempt` counts from 0, `chance` is drawn from [0, 1). A server that asks for more than two minutes
    gets no retry: its caller should hear of it now.
    """
    if attempt >= max_retries or not _is_passing(error):
        return None
    own = min(FIRST_PAUSE * 2.0**attempt, LONGEST_OWN_PAUSE) * (0.75 + chance / 2)
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is None:
        return own
    return max(asked, own) if asked <= LONGEST_ASKED_PAUSE else None


def _is_passing(error: StackroomError) -> bool:
    if isinstance(error, ApiError):
        return error.status_code in RETRIED_STATUSES
    return isinstance(error, NetworkError)


def polling_pauses() -> Iterator[float]:
    """Seconds between looks at what the server is doing, without end: soon at first, for what is nearly done; then
    seldom enough not to be a burden."""
    pause = 0.2
    while True:
        yield pause
        pause = min(pause * 1.5, 2.0)


def read_retry_after(value: str | None, *, now: float) -> float | None:
    """The seconds a Retry-After header (number or HTTP date) asks for, never negative; None if unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    # RFC 5322 dates with "-0000" parse as naive; HTTP dates are always UTC.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
