"""How many requests a key has had lately: what a rate limit is held against.

Counted in memory, by each server process for itself: a request must not cost a write, and a limit is there to keep
one client from taking everything, which an approximate count does as well.
"""

from collections import OrderedDict, deque

from stackroom.clock import HOUR, SECOND
from stackroom.errors import RateLimited

WINDOW = HOUR
SLOT = WINDOW // 100
"""Requests are counted by slots of 36 seconds, so that a key costs a hundred numbers however much it may ask."""
MAX_KEYS = 100_000


class _Count:
    """The requests of one key, slot by slot."""

    def __init__(self) -> None:
        self.slots: deque[tuple[int, int]] = deque()
        self.total = 0

    def forget(self, now: int) -> None:
        """Drop the slots of which all is older than the window. Where the clock was put back, the newest is of now."""
        ahead = self.slots[-1][0] - now // SLOT if self.slots else 0
        if ahead > 1:
            self.slots = deque((slot - ahead, count) for slot, count in self.slots)
        while self.slots and (self.slots[0][0] + 1) * SLOT + WINDOW <= now:
            self.total -= self.slots.popleft()[1]

    def add(self, now: int) -> None:
        slot, count = now // SLOT, 1
        if self.slots and self.slots[-1][0] >= slot:  # also where the clock was put back
            slot, before = self.slots.pop()
            count += before
        self.slots.append((slot, count))
        self.total += 1

    def wait(self, limit: int, now: int) -> int:
        """The microseconds until enough slots are out of the window to let one more request in."""
        over, freed = self.total - limit, 0
        for slot, count in self.slots:
            freed += count
            if freed > over:
                return (slot + 1) * SLOT + WINDOW - now
        raise AssertionError("the slots add up to the total")


class Allowances:
    """What the keys of a server have asked in the last hour. In no hour does one get more than its limit."""

    def __init__(self) -> None:
        self._counts: OrderedDict[int, _Count] = OrderedDict()

    def spend(self, key_id: int, limit: int | None, *, now: int) -> None:
        """Count one request of a key. Raises `RateLimited`, which counts as none; None is no limit.

        A limit that was changed counts from this request on.
        """
        if limit is None:
            self._counts.pop(key_id, None)
            return
        count = self._counts.setdefault(key_id, _Count())
        self._counts.move_to_end(key_id)
        if len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)
        count.forget(now)
        if count.total >= limit:
            raise _refusal(limit, -(-count.wait(limit, now) // SECOND))
        count.add(now)


def _refusal(limit: int, seconds: int) -> RateLimited:
    return RateLimited(
        f"this key has had its {limit:,} requests of the hour; try again in {seconds} seconds",
        hint="Wait as long as Retry-After says, or ask an admin for a higher rate_limit.",
        details={"retry_after": seconds, "limit": limit},
    )
