"""How commands end: codes that scripts can rely on, and errors that say what to do."""

import io
import json
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError

from stackroom import client as sdk
from stackroom import errors
from stackroom.cli import run
from stackroom.cli.exits import ExitCode, Refused, describe
from stackroom.cli.options import Server


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Invalid("no"), 6),
        (errors.Invalid("no", code="bad_setting"), 2),
        (errors.Invalid("no", code="bad_database_url"), 2),
        (errors.Unauthenticated("no"), 2),
        (errors.Forbidden("no"), 3),
        (errors.NotFound("no"), 4),
        (errors.Conflict("no"), 5),
        (errors.TooLarge("no"), 6),
        (errors.UnsupportedMedia("no"), 6),
        (errors.Unavailable("no"), 9),
        (sdk.ConfigurationError("no"), 2),
        (sdk.AuthError("no", status_code=401), 2),
        (sdk.ForbiddenError("no", status_code=403), 3),
        (sdk.NotFoundError("no", status_code=404), 4),
        (sdk.ConflictError("no", status_code=409), 5),
        (sdk.ValidationError("no", status_code=422), 6),
        (sdk.EmptyUpdate("no"), 6),
        (sdk.ApiError("no", status_code=413), 6),
        (sdk.RateLimitError("no", status_code=429), 8),
        (sdk.ServerError("no", status_code=500), 9),
        (sdk.NetworkError("no"), 9),
        (sdk.RequestTimeoutError("no"), 9),
        (sdk.PollTimeoutError("no"), 9),
        (Refused("no"), 2),
        (FileNotFoundError(2, "No such file or directory", "ids.txt"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    failure = describe(error)
    assert failure is not None
    assert failure.exit_code == code


def test_a_mistake_of_ours_is_not_made_to_look_like_the_users() -> None:
    assert describe(ZeroDivisionError()) is None


@pytest.mark.parametrize("words", ["file is not a database", "database disk image is malformed"])
def test_a_damaged_file_is_not_called_a_server_that_is_out_of_reach(words: str) -> None:
    failure = describe(DatabaseError("SELECT 1", None, sqlite3.DatabaseError(words)))
    assert failure is not None
    assert "backup" in (failure.fix or "")


def test_an_error_keeps_what_helps_to_find_its_cause() -> None:
    failure = describe(
        sdk.NotFoundError("gone", status_code=404, code="not_found", request_id="r1", fix="Look.")
    )
    assert failure is not None
    assert (failure.status, failure.code, failure.request_id, failure.fix) == (
        404,
        "not_found",
        "r1",
        "Look.",
    )


def test_an_error_is_one_line_of_json_when_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mv", "cars", "--to", "/x", "--json", "--api-key", "k"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert json.loads(said.err)["error"]["message"] == "nothing is selected"


def test_an_error_for_people_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mv", "cars", "--to", "/x", "--api-key", "k"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "error: nothing is selected" in said
    assert "fix:" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["mv"],
        ["nonsense"],
        ["ls", "--nonsense"],
        ["serve", "--port", "x"],
        ["key", "create", "--org", "x", "--role", "member", "--expires-in-days", "inf"],
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_wrong_usage_ends_with_2_and_no_traceback(
    arguments: list[str], form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *form]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said


def test_without_a_key_the_command_says_how_to_get_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKROOM_API_KEY", raising=False)
    assert run(["ls"]) == ExitCode.USAGE
    assert "stackroom key create" in capsys.readouterr().err


def test_a_server_that_is_not_there_ends_with_9(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKROOM_MAX_RETRIES", "0")
    assert run(["ls", "--api-key", "k", "--base-url", "http://127.0.0.1:9"]) == ExitCode.SERVER
    assert "No answer" in capsys.readouterr().err


def test_the_light_installation_says_what_to_install() -> None:
    heavy = [["serve"], ["doctor"], ["migrate"], ["org", "list"], ["key", "revoke", "x"], ["demo"]]
    done = _light("from stackroom.cli import run", f"print([int(run(each)) for each in {heavy}])")
    assert done.stdout.strip() == str([int(ExitCode.USAGE)] * len(heavy))
    assert done.stderr.count("pip install 'stackroom[server]'") == len(heavy)


def test_the_light_installation_has_the_client_commands() -> None:
    ask = "run(['ls', '--api-key', 'k', '--base-url', 'http://127.0.0.1:9'])"
    done = _light(
        "import os; os.environ['STACKROOM_MAX_RETRIES'] = '0'", "from stackroom.cli import run", ask
    )
    assert "No answer from http://127.0.0.1:9" in done.stderr


def _light(*program: str) -> subprocess.CompletedProcess[str]:
    """Run a program where nothing that only a server needs can be imported."""
    heavy = (
        "alembic",
        "asyncpg",
        "PIL",
        "pyvips",
        "sqlalchemy",
        "starlette",
        "structlog",
        "uuid_utils",
        "uvicorn",
        "uvloop",
    )
    hide = f"import sys; sys.modules.update(dict.fromkeys({heavy}))"
    command = [sys.executable, "-c", "\n".join([hide, *program])]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupted_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    def interrupted(_self: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "connected", interrupted)
    assert run(["ls", *(["--json"] if as_json else [])]) == ExitCode.INTERRUPTED
    said = capsys.readouterr().err
    assert json.loads(said)["error"]["exit_code"] == 130 if as_json else "interrupted" in said


class _Interrupting(io.StringIO):
    def readline(self, *_arguments: Any) -> Any:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("answer", "code"), [(_Interrupting(), 130), (io.StringIO(), 2), (io.StringIO("n\n"), 2)]
)
def test_a_question_without_a_yes_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: io.StringIO, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", answer)
    assert run(["comments", "delete", "a-comment", "--api-key", "some", "--json"]) == code
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert error["exit_code"] == code
    assert "nothing was changed" in error["message"]
