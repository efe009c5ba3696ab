"""The conformance cases in `cases`, and a run of those that concern a client's version by a Python that has it."""

import ast
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from .cases.marks import concerns

CASES: Final = Path(__file__).with_name("cases")
PATIENCE: Final = 270
ALONE: Final = {"NO_PROXY": "*"}  # between us stands no proxy
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


def names_for(version: str) -> list[str]:
    """The cases that concern a version."""
    return [each.name for each in FUNCTIONS if concerns(version, **marks_of(each))]


def run(
    python: str | Path, site: tuple[str, dict[str, str]], environment: Mapping[str, str] | None = None
) -> Results:
    """What went wrong in each case; None if nothing did. `environment` is added to ours."""
    url, keys = site
    clean = {each: value for each, value in os.environ.items() if not each.startswith("PICTOGRAPH_")}
    done = subprocess.run(
        [python, CASES],
        input=json.dumps({"url": url, "keys": keys}),
        env={**clean, **ALONE, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {report["case"]: report["problem"] for report in reports}


def case(name: str) -> Callable[[object, Results], None]:
    """A test that nothing went wrong in one case."""

    def test(_: object, results: Results) -> None:
        assert results[name] is None, results[name]

    return test
