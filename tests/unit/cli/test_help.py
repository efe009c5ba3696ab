"""The command line explains itself, and its reference pages say what it does."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stackroom.cli import application
from stackroom.settings import Settings

ROOT = Path(__file__).parents[3]
SETTINGS = ROOT / "docs" / "reference" / "settings.md"


def commands(found: Any, path: str = "stackroom") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(found, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(get_command(application)))


DESIGNED = """serve doctor migrate bench demo upload ls mv cp set rm restore undo org-create org-list key-create
key-list key-revoke ops-list ops-show ops-items ops-report ops-watch ops-pause ops-resume ops-cancel
org-show org-update org-members org-set-role org-remove-member org-invite org-invites org-revoke-invite join
key-update key-delete webhook-create webhook-list webhook-update webhook-delete webhook-rotate-secret
webhook-events dataset-list dataset-show dataset-create dataset-update dataset-archive dataset-restore dataset-delete
dataset-insights dataset-duplicates dataset-download folder-list folder-tree folder-stats folder-create folder-rename
folder-delete annotations-get annotations-save annotations-delete annotations-bulk-save classes-list classes-rename
classes-merge classes-delete search-similar search-tags get review split"""


def test_all_of_the_design_is_there() -> None:
    designed = {f"stackroom {each.replace('-', ' ', 1)}" for each in DESIGNED.split()}
    assert designed - set(COMMANDS) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example_of_itself(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.epilog.startswith("Example:")
    assert name in command.epilog


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    assert [each.name for each in COMMANDS[name].params if not each.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_answers_can_answer_in_json(name: str) -> None:
    options = {option for each in COMMANDS[name].params for option in each.opts}
    assert ("--json" in options) != (name in {"stackroom serve", "stackroom worker", "stackroom bench"})


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name.split()[1] in {"mv", "cp", "set", "rm", "restore", "undo"}]
)
def test_every_change_can_be_tried_first(name: str) -> None:
    assert "--dry-run" in {option for each in COMMANDS[name].params for option in each.opts}


def test_help_is_printed_for_people() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stackroom", "--help"], capture_output=True, text=True, check=True
    )
    assert "stackroom serve" in done.stdout
    assert "Exit codes" in done.stdout


def test_every_setting_is_a_flag_and_a_variable_of_serve() -> None:
    serve = {each.name: each for each in COMMANDS["stackroom serve"].params}
    for name in Settings.__struct_fields__:
        assert f"--{name.replace('_', '-')}" in serve[name].opts
        assert serve[name].envvar == f"STACKROOM_{name.upper()}"


def test_every_setting_has_its_row() -> None:
    rows = set(
        re.findall(r"^\| `--([a-z0-9-]+)` \| `STACKROOM_([A-Z0-9_]+)` \|", SETTINGS.read_text(), re.MULTILINE)
    )
    assert rows == {(name.replace("_", "-"), name.upper()) for name in Settings.__struct_fields__}


def test_the_settings_page_says_the_true_defaults() -> None:
    text = SETTINGS.read_text()
    for name, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        row = next(line for line in text.splitlines() if f"STACKROOM_{name.upper()}`" in line)
        assert f"| `{default}` |" in row or not default


def test_the_reference_page_is_fresh() -> None:
    command = [sys.executable, ROOT / "tools" / "generate_cli_reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
