"""Our own SDK against the conformance cases, in our words: `ours` says what an official client's words are with us.

The cases are the very ones that the official clients run. What our SDK leaves out on purpose is named, with the
reason, and is run as well: a case that would pass has no business there.
"""

import sys
from pathlib import Path
from typing import Final

import pytest

from .conformance import PATIENCE, Results, case, names_for, run

OURS: Final = Path(__file__).with_name("ours")
VERSION: Final = "1.69.42"  # as `ours` says
NAMES: Final = names_for(VERSION)
NOT_OURS: Final = {
    "test_case_02_the_environment_names_server_and_key": "ours reads STACKROOM_API_KEY and STACKROOM_BASE_URL",
    "test_case_12_a_registration_is_sent_with_a_key_of_its_own": "ours sends JSON, not a form",
    "test_case_16_a_type_that_is_not_kept_is_415": "ours raises a ValidationError, a kind of ApiError",
    "test_case_57_annotations_are_imported_from_other_formats": "ours imports COCO, from a file, and no other",
    "test_case_74_what_is_not_offered_says_so_and_is_not_tried_again": "ours has no words for training",
    "test_case_storage_is_what_it_is": "ours knows one kind of storage, and has no words for others",
    "test_case_the_balance_says_that_a_key_is_valid": "ours has no words for credits",
}


@pytest.fixture(scope="class")
def results(site: tuple[str, dict[str, str]]) -> Results:
    return run(sys.executable, site, {"PYTHONPATH": str(OURS)})


@pytest.mark.timeout(PATIENCE + 30)
@pytest.mark.parametrize("new_database_url", ["sqlite"], indirect=True, scope="session")
class TestStackroom:
    """One run, a test for each case."""

    def test_only_what_cannot_be_ours_is_left_out(self, results: Results) -> None:
        assert {name for name, problem in results.items() if problem} == set(NOT_OURS)

    def test_every_case_was_run(self, results: Results) -> None:
        assert set(results) == set(NAMES)


for _name in NAMES:
    if _name not in NOT_OURS:
        setattr(TestStackroom, _name, case(_name))
