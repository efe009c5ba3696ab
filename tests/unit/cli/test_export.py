"""What an export is called that nobody gave a name, and how it is found again."""

from datetime import UTC, datetime

import pytest

from stackroom.cli.export import _taken_up_by, own_name

NOON = datetime(2026, 5, 4, 12, 0, 7, tzinfo=UTC)


def test_two_of_one_second_have_names_of_their_own() -> None:
    one, other = own_name("cars", NOON), own_name("cars", NOON)
    assert one != other
    assert one.startswith("cars 2026-05-04 12.00.07 ")


def test_a_long_name_of_a_dataset_is_cut() -> None:
    assert len(own_name("x" * 300, NOON)) < 100


def test_interrupting_says_how_it_is_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), _taken_up_by("my cars", "cars [noon]"):
        raise KeyboardInterrupt
    said = " ".join(capsys.readouterr().err.split())
    assert "stackroom export 'my cars' --name 'cars [noon]'" in said
