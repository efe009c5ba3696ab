"""Every case of the protocol's list is held by a test, and the page says by which."""

import generate_mindia_conformance as conformance
import pytest

HELD = conformance.tests()


@pytest.mark.parametrize("number", range(1, 106))
def test_a_case_is_held_by_a_test(number: int) -> None:
    assert HELD[number]


def test_all_numbers_are_of_the_list() -> None:
    assert set(range(1, 106)) == conformance.KNOWN
    assert set(conformance.NOTES) <= conformance.KNOWN


def test_the_page_is_fresh() -> None:
    assert conformance.PAGE.read_text() == conformance.page()
