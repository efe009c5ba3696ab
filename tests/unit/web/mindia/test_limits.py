"""How often is counted: in windows that begin with the first request in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.clock import SECOND
from stackroom.errors import RateLimited
from stackroom.settings import Settings
from stackroom.web.mindia import limits
from stackroom.web.mindia.limits import WINDOW, Counter, Limits, left


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, WINDOW)), max_size=40),
)
def test_in_no_window_does_anybody_get_more_than_the_limit(limit: int, asked: list[tuple[str, int]]) -> None:
    counted = Limits(Settings(requests_per_minute=limit))
    now, windows = 0, {"a": (0, 0), "b": (0, 0)}
    for who, pause in asked:
        now += pause
        began, had = windows[who]
        if now >= began + WINDOW or not had:
            began, had = now, 0
        windows[who] = began, had + 1
        state: dict[str, object] = {}
        if had < limit:
            counted.spend(state, who, now=now)
        else:
            with pytest.raises(RateLimited) as caught:
                counted.spend(state, who, now=now)
            assert 1 <= caught.value.details["retry_after"] <= 60
            assert now + caught.value.details["retry_after"] * SECOND >= began + WINDOW
        rest = left(state)
        assert rest is not None
        assert rest.remaining == max(0, limit - had - 1)


def test_a_limit_of_none_counts_nothing() -> None:
    counted = Limits(Settings(requests_per_minute=0, organization_requests_per_minute=0, failed_logins=0))
    state: dict[str, object] = {}
    for _ in range(1000):
        counted.spend(state, "a", now=0)
        counted.spend_of_organization(state, 1, now=0)
        counted.fail("a", now=0)
    assert left(state) is None


def test_what_is_shown_is_the_limit_of_which_least_is_left() -> None:
    counted = Limits(Settings(requests_per_minute=10, organization_requests_per_minute=5))
    state: dict[str, object] = {}
    counted.spend(state, "a", now=0)
    counted.spend_of_organization(state, 1, now=0)
    rest = left(state)
    assert rest is not None
    assert (rest.limit, rest.remaining) == (5, 4)


def test_a_clock_that_is_put_back_begins_a_new_window() -> None:
    counter = Counter(3, WINDOW)
    assert [counter.add("a", now=at) for at in (100, 100, 50, 50)] == [1, 2, 1, 2]


def test_only_so_many_are_counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_COUNTED", 3)
    counter = Counter(3, WINDOW)
    for who in "abca":
        counter.add(who, now=0)
    counter.add("d", now=0)
    assert [counter.count(who, now=0) for who in "abcd"] == [2, 0, 1, 1]
