"""Which SQLite a library may be in."""

import pytest

from stackroom.database.sqlite import refuse_unfit
from stackroom.errors import Unavailable


@pytest.mark.parametrize("version", [(3, 37, 0), (3, 40, 1), (3, 50, 4), (3, 51, 2), (3, 54, 1), (4, 0, 0)])
def test_most_will_do(version: tuple[int, int, int]) -> None:
    refuse_unfit(version)


@pytest.mark.parametrize(
    ("version", "why"),
    [((3, 36, 0), "must be 3.37.0 or newer"), ((3, 51, 0), "several times"), ((3, 51, 1), "several times")],
)
def test_one_that_would_not_do_what_it_is_asked_is_refused(version: tuple[int, int, int], why: str) -> None:
    with pytest.raises(Unavailable, match=why) as refused:
        refuse_unfit(version)
    assert refused.value.code == "unfit_sqlite"
    assert "PostgreSQL" in str(refused.value.hint)
