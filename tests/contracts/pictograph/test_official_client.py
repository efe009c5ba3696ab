"""The official clients, each in an environment of its own, against a running server: every conformance case.

One process of a client runs all the cases that concern its version and reports each; here each becomes a test. The
cases themselves are in `cases`, numbered as in the protocol's description.
"""

import ast
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from stackroom.testing.environments import EnvironmentUnavailable, client_environment

from .cases.marks import concerns

CASES: Final = Path(__file__).with_name("cases")
# The databases on which each version is tried; the two that most teams have, on both.
VERSIONS: Final = {
    "1.0.3": ["sqlite"],
    "1.60.0": ["sqlite", "postgresql"],
    "1.69.18": ["sqlite"],
    "1.69.43": ["sqlite"],
    "1.69.146": ["sqlite", "postgresql"],
}
PATIENCE: Final = 270
# Cases of the protocol's description that a version has no words for; 77 is about our own client.
SAYS_NOTHING_OF: Final = {
    "1.0.3": {7, 25, 26, 59, 69, 70, 71, 72, 73, 75, 76, 77},
    "1.60.0": {69, 70, 71, 76, 77},
    "1.69.18": {70, 71, 75, 76, 77},
    "1.69.43": {70, 71, 75, 76, 77},
    "1.69.146": {75, 77},
}
Results = dict[str, str | None]


def marks_of(case: ast.FunctionDef) -> dict[str, str | None]:
    """The versions that a case is for, as its decorators say."""
    marks: dict[str, str | None] = {"first": None, "last": None}
    for each in case.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            marks["first" if each.func.id == "since" else "last"] = ast.literal_eval(each.args[0])
    return marks


FUNCTIONS: Final = [
    node
    for module in sorted(CASES.glob("*.py"))
    for node in ast.parse(module.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_case_")
]


def run(version: str, url: str, keys: dict[str, str]) -> Results:
    """What went wrong in each case; None if nothing did."""
    try:
        python = client_environment(f"pictograph-{version}")
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))
    clean = {each: value for each, value in os.environ.items() if not each.startswith("PICTOGRAPH_")}
    done = subprocess.run(
        [python, CASES],
        input=json.dumps({"url": url, "keys": keys}),
        env={**clean, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {report["case"]: report["problem"] for report in reports}


@pytest.fixture(scope="class")
def results(request: pytest.FixtureRequest, site: tuple[str, dict[str, str]]) -> Results:
    """One run of the client whose tests these are."""
    return run(request.cls.version, *site)


def case(name: str) -> Callable[[object, Results], None]:
    def test(_: object, results: Results) -> None:
        assert results[name] is None, results[name]

    return test


def suite(version: str) -> type:
    names = [each.name for each in FUNCTIONS if concerns(version, **marks_of(each))]
    made = type(name_of(version), (), {"version": version, **{name: case(name) for name in names}})
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
    for each in FUNCTIONS:
        first, last = re.match(r"test_case_(\d*)(?:_(?:and|to)_(\d+))?", each.name).groups()
        if first and concerns(version, **marks_of(each)):
            numbers |= set(range(int(first), int(last or first) + 1))
    assert set(range(1, 78)) - numbers == SAYS_NOTHING_OF[version]
