"""Rate limits: in no hour more than the limit, the wait that is named is the true one, and no memory that grows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.clock import DAY, HOUR, SECOND
from stackroom.errors import RateLimited
from stackroom.web.shared import allowances
from stackroom.web.shared.allowances import SLOT, Allowances

NOON = 1_700_000_000 * SECOND


def is_let_in(kept: Allowances, limit: int | None, now: int, key: int = 1) -> bool:
    try:
        kept.spend(key, limit, now=now)
    except RateLimited:
        return False
    return True


def wait_of(kept: Allowances, limit: int, now: int) -> int:
    with pytest.raises(RateLimited) as refused:
        kept.spend(1, limit, now=now)
    assert refused.value.details["limit"] == limit
    seconds: int = refused.value.details["retry_after"]
    return seconds


def test_so_many_and_no_more() -> None:
    kept = Allowances()
    assert [is_let_in(kept, 3, NOON) for _ in range(5)] == [True] * 3 + [False] * 2
    assert is_let_in(kept, 3, NOON, key=2)


def test_without_a_limit_nothing_is_counted() -> None:
    kept = Allowances()
    assert all(is_let_in(kept, None, NOON) for _ in range(100))
    assert is_let_in(kept, 1, NOON)


def test_after_the_wait_there_is_more_and_before_it_there_is_none() -> None:
    kept = Allowances()
    assert is_let_in(kept, 2, NOON)
    assert is_let_in(kept, 2, NOON + HOUR // 2)
    now = NOON + HOUR // 2 + SECOND
    seconds = wait_of(kept, 2, now)
    assert math.ceil((HOUR // 2 - SECOND) / SECOND) <= seconds <= (HOUR // 2 + SLOT) // SECOND
    assert not is_let_in(kept, 2, now + (seconds - 2) * SECOND)
    assert is_let_in(kept, 2, now + seconds * SECOND)
    assert not is_let_in(kept, 2, now + seconds * SECOND)


def test_what_is_refused_does_not_count() -> None:
    kept = Allowances()
    is_let_in(kept, 1, NOON)
    first = wait_of(kept, 1, NOON)
    for second in range(50):
        wait_of(kept, 1, NOON + second * SECOND)
    assert wait_of(kept, 1, NOON + 50 * SECOND) == first - 50


def test_a_changed_limit_counts_at_once() -> None:
    kept = Allowances()
    for _ in range(10):
        is_let_in(kept, 10, NOON)
    assert not is_let_in(kept, 10, NOON)
    assert is_let_in(kept, 11, NOON)
    assert 3600 <= wait_of(kept, 2, NOON) <= 3636
    assert is_let_in(kept, None, NOON)


def test_a_clock_that_was_put_back_does_no_harm() -> None:
    kept = Allowances()
    assert is_let_in(kept, 2, NOON)
    assert is_let_in(kept, 2, NOON - HOUR)
    assert wait_of(kept, 2, NOON - HOUR) > 0


def test_a_clock_that_was_a_day_ahead_for_a_while_keeps_nobody_out_for_a_day() -> None:
    kept = Allowances()
    assert is_let_in(kept, 2, NOON)
    assert is_let_in(kept, 2, NOON + DAY)
    assert is_let_in(kept, 2, NOON + DAY)
    assert not is_let_in(kept, 2, NOON)
    assert wait_of(kept, 2, NOON) <= (HOUR + SLOT) // SECOND
    assert is_let_in(kept, 2, NOON + HOUR + SLOT)


@given(
    st.integers(1, 6),
    st.lists(st.integers(0, HOUR // 3), min_size=1, max_size=60),
)
def test_in_no_hour_is_there_more_than_the_limit(limit: int, pauses: list[int]) -> None:
    kept, now, let_in = Allowances(), NOON, list[int]()
    for pause in pauses:
        now += pause
        if is_let_in(kept, limit, now):
            let_in.append(now)
    for begin in let_in:
        assert sum(begin <= each < begin + HOUR for each in let_in) <= limit


def test_keys_without_end_take_memory_with_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "MAX_KEYS", 10)
    kept = Allowances()
    for key in range(100):
        assert is_let_in(kept, 1, NOON, key=key)
    assert not is_let_in(kept, 1, NOON, key=99)
    assert len(kept._counts) == 10
    busy = Allowances()
    for second in range(0, 10_000, 7):
        is_let_in(busy, 10**6, NOON + second * SECOND)
    assert len(busy._counts[1].slots) <= 102
