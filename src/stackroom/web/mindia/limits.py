"""How often this face may be asked: by one address, by one organization, and with keys that are none.

Counted in memory, by each server process for itself, in windows of fixed length as the protocol has them.
"""

from collections import OrderedDict
from collections.abc import Hashable, MutableMapping
from typing import Any

import msgspec

from stackroom.clock import SECOND
from stackroom.errors import RateLimited
from stackroom.settings import Settings

WINDOW = 60 * SECOND
FAILURES_WINDOW = 15 * 60 * SECOND
MAX_COUNTED = 100_000


class Left(msgspec.Struct, frozen=True):
    """What is left of a limit, until the window ends at `reset`."""

    limit: int
    remaining: int
    reset: int


class Counter:
    """How often each of many has done something in the present window. A limit of 0 is none."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit = limit
        self._window = window
        self._counts: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def add(self, who: Hashable, *, now: int) -> int:
        """Count once more. Gives how often it was in this window, with this time."""
        began, count = self._window_of(who, now)
        self._counts[who] = (began, count + 1)
        self._counts.move_to_end(who)
        if len(self._counts) > MAX_COUNTED:
            self._counts.popitem(last=False)
        return count + 1

    def count(self, who: Hashable, *, now: int) -> int:
        return self._window_of(who, now)[1]

    def reset(self, who: Hashable, *, now: int) -> int:
        """When the present window ends, which began with the first request in it."""
        return self._window_of(who, now)[0] + self._window

    def _window_of(self, who: Hashable, now: int) -> tuple[int, int]:
        began, count = self._counts.get(who, (now, 0))
        return (began, count) if began <= now < began + self._window else (now, 0)

    def refusal(self, message: str, who: Hashable, *, now: int) -> RateLimited:
        wait = max(1, -(-(self.reset(who, now=now) - now) // SECOND))
        return RateLimited(message, details={"retry_after": wait, "limit": self.limit})


class Limits:
    """All that is counted for this face."""

    def __init__(self, settings: Settings) -> None:
        self._addresses = Counter(settings.requests_per_minute, WINDOW)
        self._organizations = Counter(settings.organization_requests_per_minute, WINDOW)
        self._failures = Counter(settings.failed_logins, FAILURES_WINDOW)

    def spend(self, state: MutableMapping[str, Any], address: str | None, *, now: int) -> None:
        """Count a request of an address. Raises `RateLimited`, also for one that has tried too many keys."""
        failures = self._failures
        if failures.limit and failures.count(address, now=now) >= failures.limit:
            raise failures.refusal("Too many failed auth attempts", address, now=now)
        _spend(state, self._addresses, address, now)

    def spend_of_organization(
        self, state: MutableMapping[str, Any], organization_id: int, *, now: int
    ) -> None:
        """The same for the organization, once it is known."""
        _spend(state, self._organizations, organization_id, now)

    def fail(self, address: str | None, *, now: int) -> None:
        """Count a key that is none. Raises `RateLimited` for the last that may be tried."""
        failures = self._failures
        if failures.limit and failures.add(address, now=now) >= failures.limit:
            raise failures.refusal("Too many failed auth attempts", address, now=now)


def left(state: MutableMapping[str, Any]) -> Left | None:
    """Of the limits that a request was held against, the one of which least is left."""
    found: Left | None = state.get("left")
    return found


def _spend(state: MutableMapping[str, Any], counter: Counter, who: Hashable, now: int) -> None:
    if not counter.limit:
        return
    remaining = counter.limit - counter.add(who, now=now)
    before = left(state)
    if before is None or max(remaining, 0) < before.remaining:
        state["left"] = Left(counter.limit, max(remaining, 0), counter.reset(who, now=now) // SECOND)
    if remaining < 0:
        raise counter.refusal("Too many requests. Please slow down.", who, now=now)
