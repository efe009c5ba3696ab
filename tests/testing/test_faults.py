"""A fault point ends the process there, as hard as a power cut, and only when asked to."""

import os
import subprocess
import sys

import pytest

from stackroom import faults

PROGRAM = """
from stackroom import faults
try:
    for visit in range(1, 5):
        faults.reach("apply:before-commit")
        print("passed", visit, flush=True)
finally:
    print("cleaned up", flush=True)
"""


def run(setting: str | None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    environment.pop(faults.VARIABLE, None)
    if setting is not None:
        environment[faults.VARIABLE] = setting
    program = [sys.executable, "-c", PROGRAM]
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("setting", [None, "", "apply:after-commit"])
def test_a_point_that_is_not_armed_is_passed(setting: str | None) -> None:
    done = run(setting)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "cleaned up")


def test_an_armed_point_ends_the_process_without_cleaning_up() -> None:
    done = run("apply:before-commit")
    assert (done.returncode, done.stdout) == (faults.EXIT_CODE, "")


def test_a_number_says_at_which_visit() -> None:
    done = run("apply:before-commit:3")
    assert (done.returncode, done.stdout) == (faults.EXIT_CODE, "passed 1\npassed 2\n")


@pytest.mark.parametrize("setting", ["apply:never", "apply:before-commit:0", "3"])
def test_a_point_that_does_not_exist_cannot_be_armed(setting: str) -> None:
    done = run(setting)
    assert done.returncode == 1
    assert "there is no such point" in done.stderr
