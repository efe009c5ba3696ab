"""Time: whole microseconds, and exactly the same back."""

import time
from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st
from hypothesis import given

from stackroom import clock


def test_now_is_now_in_microseconds() -> None:
    assert abs(clock.now() - time.time() * 1_000_000) < clock.SECOND


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_a_moment_comes_back_exactly(moment: datetime) -> None:
    assert clock.to_datetime(clock.from_datetime(moment)) == moment


def test_a_moment_elsewhere_is_the_same_moment() -> None:
    there = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=9)))
    assert clock.to_datetime(clock.from_datetime(there)) == there
    assert clock.to_datetime(clock.DAY) == datetime(1970, 1, 2, tzinfo=UTC)
