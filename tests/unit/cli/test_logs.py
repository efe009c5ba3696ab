"""The server's log says what went wrong, and nothing that must not be known to who reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import structlog
from stackroom.cli.logs import set_up_logs

def answer(key):
    raise RuntimeError("broken")

set_up_logs(as_json={as_json}, verbose=False)
try:
    answer("pk_live_" + "s3cret")
except RuntimeError as error:
    structlog.get_logger().error("request.failed", exc_info=error)
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_traceback_shows_where_and_not_the_key_that_was_sent(as_json: bool) -> None:
    program = PROGRAM.format(as_json=as_json)
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stderr
    assert "request.failed" in said
    assert "RuntimeError: broken" in said
    assert "in answer" in said
    assert "pk_live_s3cret" not in said


def test_what_is_logged_is_no_part_of_what_a_command_prints(tmp_path: Path) -> None:
    """Nobody listens at this port: the database cannot be reached, which is logged."""
    url = "postgresql://stackroom@127.0.0.1:1/stackroom"
    command = [
        sys.executable,
        "-m",
        "stackroom",
        "doctor",
        "--data-dir",
        tmp_path,
        "--database-url",
        url,
        "--json",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stdout) == (9, "")
    assert json.loads(said.stderr.splitlines()[-1])["error"]["code"] == "database_unavailable"
