"""Which SQLite a library may be in, and what is left of one that cannot be opened."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.database.connect import migrate
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


def garbage(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


def damaged(path: Path) -> None:
    migrate(f"sqlite:///{path}")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


@pytest.mark.parametrize("broken", [Path.mkdir, garbage, damaged])
def test_a_library_that_could_not_be_opened_is_left_to_whoever_comes_next(
    tmp_path: Path, broken: Callable[[Path], None]
) -> None:
    path = tmp_path / "library.db"
    broken(path)
    with pytest.raises(Exception, match=r"directory|not a database|malformed"):
        migrate(f"sqlite:///{path}")
    (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    migrate(f"sqlite:///{path}")
