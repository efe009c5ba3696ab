"""When a batch will be finished, held against when it truly was."""

import heapq
import random
from collections import Counter

import pytest

from stackroom.clock import SECOND
from stackroom.ingest.estimates import ASSUMED, Lane, Work, finish, time_each
from stackroom.queue.rates import BUCKET, RECENT, Bucket

NOON = 1_700_000_000 * SECOND


class Workload:
    """Items of which each takes about as long as the others, done by so many workers one after the other."""

    def __init__(self, count: int, workers: int, each: float, *, seed: int = 1) -> None:
        chance = random.Random(seed)
        free = [0.0] * workers
        self.ends: list[float] = []
        self.took: list[float] = []
        for _ in range(count):
            took = each * chance.uniform(0.5, 1.5)
            at = heapq.heappop(free) + took
            heapq.heappush(free, at)
            self.ends.append(at)
            self.took.append(took)
        self.workers = workers
        self.over = max(self.ends)

    def buckets(self, until: float) -> list[Bucket]:
        """What the queue would have counted, of the time that it looks back."""
        finished: Counter[int] = Counter()
        busy: Counter[int] = Counter()
        for end, took in zip(self.ends, self.took, strict=True):
            if end <= until:
                bucket = int(end * SECOND) // BUCKET
                finished[bucket] += 1
                busy[bucket] += int(took * SECOND)
        newest = int(until * SECOND) // BUCKET
        return [
            Bucket(at=NOON + it * BUCKET, finished=finished[it], busy=busy[it])
            for it in sorted(finished)
            if it > newest - RECENT
        ]

    def remaining(self, at: float) -> float:
        """The estimate at this second, in seconds from then."""
        now = NOON + int(at * SECOND)
        work = Work(
            left=sum(end > at for end in self.ends),
            before=0,
            others=[],
            each=time_each(self.buckets(at)),
            at_once=self.workers,
        )
        return (finish(work, now=now) - now) / SECOND


@pytest.mark.parametrize(("count", "workers", "each"), [(400, 2, 1.0), (2_000, 8, 0.4), (60, 4, 12.0)])
def test_a_steady_workload_is_finished_when_it_was_expected_to_be(
    count: int, workers: int, each: float
) -> None:
    load = Workload(count, workers, each)
    first = load.remaining(load.ends[workers * 2])
    assert 0.5 < first / load.over < 2
    for share in (0.75, 0.85, 0.95):
        left = load.over * (1 - share)
        assert abs(load.remaining(load.over * share) - left) <= max(0.25 * left, 1.0 + each)


def test_an_estimate_is_in_whole_seconds_and_never_in_the_past() -> None:
    for left in (0, 1, 1_000_000):
        found = finish(Work(left=left, before=0, others=[], each=1.0, at_once=64), now=NOON + 1)
        assert found > NOON
        assert found % SECOND == 0


def test_others_take_turns_and_what_is_urgent_goes_first() -> None:
    def seconds(**more: object) -> float:
        work = Work(**({"left": 100, "before": 0, "others": [], "each": SECOND, "at_once": 10} | more))  # type: ignore[arg-type]  # as a test may change any of them
        return (finish(work, now=NOON) - NOON) / SECOND

    assert seconds() == 10
    assert seconds(before=300) == 40
    assert seconds(others=[Lane(1_000_000)]) == 20  # one of theirs for one of ours
    assert seconds(others=[Lane(30), Lane(30)]) == 16
    assert seconds(others=[Lane(1_000, first=True)]) == 110
    assert seconds(not_before=NOON + 60 * SECOND) == 61


def test_without_a_past_something_is_assumed() -> None:
    assert time_each([]) == ASSUMED
    assert time_each([Bucket(at=NOON, finished=0, busy=0)]) == ASSUMED


def test_the_latest_items_tell_how_long_one_takes() -> None:
    slow = Bucket(at=NOON, finished=1_000, busy=9_000 * SECOND)
    fast = Bucket(at=NOON + BUCKET, finished=300, busy=30 * SECOND)
    assert time_each([slow, fast]) == pytest.approx(SECOND / 10)
