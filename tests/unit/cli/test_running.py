"""Following an operation, and what is said when it is over."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import typer

from stackroom import Client, Operation, OperationItem, Outcome
from stackroom.cli.running import finish, watch
from stackroom.client.models import OperationState, Verb

RUNNING = Operation(
    id="op-1",
    verb=Verb.MOVE,
    state=OperationState.RUNNING,
    created_at=datetime.now(UTC),
    total=20_000,
    pending=20_000,
)
FINISHED = msgspec.structs.replace(
    RUNNING,
    state=OperationState.FINISHED,
    pending=0,
    succeeded=20_000,
    outcomes={"done": 20_000},
    undoable=True,
)
FAILURE = OperationItem(position=3, id="a-1", outcome=Outcome.NAME_TAKEN, reason="'[x].jpg' is taken")


def a_client(*states: Operation | BaseException, failures: int = 0) -> Client:
    """A client whose operation goes through these states."""

    def wait(_: Operation, *, progress: Callable[[Operation], None]) -> Operation:
        for state in states:
            if isinstance(state, BaseException):
                raise state
            progress(state)
        last = states[-1]
        assert isinstance(last, Operation)
        return last

    def items(_: str, **_options: Any) -> list[OperationItem]:
        return [FAILURE] * failures

    return cast("Client", SimpleNamespace(operations=SimpleNamespace(wait=wait, items=items)))


def test_an_operation_is_followed_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    half = msgspec.structs.replace(RUNNING, pending=10_000, rate=5_000.0)
    finish(a_client(half, FINISHED), RUNNING, as_json=False)
    said = capsys.readouterr().out
    assert "Moved 20000 of 20000" in said
    assert "stackroom undo op-1" in said


def test_interrupting_says_that_the_operation_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        watch(a_client(RUNNING, KeyboardInterrupt()), RUNNING)
    assert "stackroom ops watch op-1" in capsys.readouterr().err


def test_failures_end_with_1_and_the_first_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    failed = msgspec.structs.replace(
        FINISHED, succeeded=19_950, failed=50, outcomes={"done": 19_950, "name_taken": 50}
    )
    with pytest.raises(typer.Exit) as ended:
        finish(a_client(failed, failures=10), failed, as_json=False)
    assert ended.value.exit_code == 1
    said = capsys.readouterr().out
    assert "19950 of 20000 (19950 done, 50 name taken" in said
    assert said.count("'[x].jpg' is taken") == 10  # brackets in names are no markup
    assert "and 40 more" in said


def test_a_cancelled_operation_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    cancelled = msgspec.structs.replace(FINISHED, state=OperationState.CANCELLED)
    with pytest.raises(typer.Exit):
        finish(a_client(cancelled), RUNNING, as_json=False)
    assert "The operation is cancelled" in capsys.readouterr().out
