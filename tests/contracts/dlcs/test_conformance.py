"""Every case of the protocol's test list is held by a test, or does not apply for a reason; and the page says so."""

import generate_dlcs_conformance as conformance
import pytest
from conformance import functions

HELD = conformance.tests()


@pytest.mark.parametrize("number", sorted(conformance.KNOWN))
def test_a_case_is_held_by_a_test_or_does_not_apply(number: str) -> None:
    assert bool(HELD[number]) is (number not in conformance.DOES_NOT_APPLY)


@pytest.mark.parametrize("test", conformance.ELSEWHERE.values())
def test_a_test_that_is_named_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert name in {each.name for each in functions(conformance.ROOT / path)}


def test_all_numbers_are_of_the_list() -> None:
    """None is left out between the first and the last of each letter, and none is excused that is none."""
    counts = {"Q": 27, "P": 22, "V": 17, "T": 7, "E": 21, "I": 7, "A": 35, "S": 7, "K": 3, "ST": 1, "C": 5}
    wanted = {f"{letter}{number}" for letter, last in counts.items() for number in range(1, last + 1)}
    assert wanted == conformance.KNOWN
    assert set(conformance.DOES_NOT_APPLY) | set(conformance.NOTES) | set(conformance.ELSEWHERE) <= wanted


def test_the_page_is_fresh() -> None:
    assert conformance.PAGE.read_text() == conformance.page()
