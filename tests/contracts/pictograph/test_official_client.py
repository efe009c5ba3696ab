"""The official clients, each in an environment of its own, against a running server: every conformance case.

One process of a client runs all the cases that concern its version and reports each; here each becomes a test. The
cases themselves are in `cases`, numbered as in the protocol's description.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from stackroom.testing.environments import EnvironmentUnavailable, client_environment

from .conformance import PATIENCE, Results, case, names_for, run

# The databases on which each version is tried: the newest on both, and the other that most teams have on PostgreSQL,
# as on SQLite those around it say what it says.
VERSIONS: Final = {
    "1.0.3": ["sqlite"],
    "1.60.0": ["postgresql"],
    "1.69.18": ["sqlite"],
    "1.69.43": ["sqlite"],
    "1.69.146": ["sqlite", "postgresql"],
}
# Cases of the protocol's description that a version has no words for; 77 is about our own client.
SAYS_NOTHING_OF: Final = {
    "1.0.3": {7, 25, 26, 59, 69, 70, 71, 72, 73, 75, 76, 77},
    "1.60.0": {69, 70, 71, 76, 77},
    "1.69.18": {70, 71, 75, 76, 77},
    "1.69.43": {70, 71, 75, 76, 77},
    "1.69.146": {75, 77},
}


@pytest.fixture(scope="class")
def results(request: pytest.FixtureRequest, site: tuple[str, dict[str, str]]) -> Results:
    """One run of the client whose tests these are."""
    try:
        python = client_environment(f"pictograph-{request.cls.version}")
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))
    return run(python, site)


def suite(version: str) -> type:
    tests = {name: case(name) for name in names_for(version)}
    made = type(name_of(version), (), {"version": version, **tests})
    databases = pytest.mark.parametrize("new_database_url", VERSIONS[version], indirect=True, scope="session")
    marked: type = pytest.mark.timeout(PATIENCE + 30)(databases(made))
    return marked


def name_of(version: str) -> str:
    return f"TestPictograph_{version.replace('.', '_')}"


for _version in VERSIONS:
    globals()[name_of(_version)] = suite(_version)


def test_every_version_has_its_lock_and_no_lock_is_forgotten() -> None:
    locks = Path(__file__).parents[3] / "requirements" / "clients"
    assert {path.stem.removeprefix("pictograph-") for path in locks.glob("pictograph-*.txt")} == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_case_of_the_protocol_is_tried(version: str) -> None:
    numbers: set[int] = set()
    for name in names_for(version):
        first, last = re.match(r"test_case_(\d*)(?:_(?:and|to)_(\d+))?", name).groups()
        if first:
            numbers |= set(range(int(first), int(last or first) + 1))
    assert set(range(1, 78)) - numbers == SAYS_NOTHING_OF[version]
