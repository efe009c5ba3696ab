"""The official client 1.60.0, in an environment of its own, against a running server: every conformance case.

One process of the client runs them all and reports each; here each becomes a test of the same name. The cases
themselves are in `cases`, numbered as in the protocol's description.
"""

import ast
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.testing.environments import EnvironmentUnavailable, client_environment

CLIENT = "pictograph-1.60.0"
CASES = Path(__file__).with_name("cases")
NAMES = [
    node.name
    for module in sorted(CASES.glob("*.py"))
    for node in ast.parse(module.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_case_")
]
Results = dict[str, str | None]


@pytest.fixture(scope="module")
def results(site: tuple[str, dict[str, str]]) -> Results:
    """What went wrong in each case; None if nothing did."""
    try:
        python = client_environment(CLIENT)
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))
    url, keys = site
    done = subprocess.run(
        [python, CASES],
        input=json.dumps({"url": url, "keys": keys}),
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    return {report["case"]: report["problem"] for report in reports}


def case(name: str) -> Callable[[Results], None]:
    def test(results: Results) -> None:
        assert results[name] is None, results[name]

    return test


for _name in NAMES:
    globals()[_name] = case(_name)
