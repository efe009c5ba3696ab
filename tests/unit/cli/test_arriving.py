"""Following a batch, and what is said of one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import typer

from stackroom import Batch, BatchItem, BatchState, Client, ItemState
from stackroom.cli.arriving import finish, show, summary, until, watch

NOW = datetime(2031, 1, 1, tzinfo=UTC)
RUNNING = Batch(id="b-1", number=41, state=BatchState.RUNNING, created_at=NOW, count=2_000, pending=2_000)
FINISHED = msgspec.structs.replace(
    RUNNING, state=BatchState.FINISHED, pending=0, completed=2_000, finished_at=NOW
)
FAILURE = BatchItem(
    position=3, state=ItemState.FAILED, origin="https://[a].example", code="gone", reason="[it] is not there"
)


def a_client(*states: Batch | BaseException, failures: int = 0) -> Client:
    """A client whose batch goes through these states."""

    def follow(_: Batch, progress: Callable[[Batch], None]) -> Batch:
        for state in states:
            if isinstance(state, BaseException):
                raise state
            progress(state)
        last = states[-1]
        assert isinstance(last, Batch)
        return last

    def items(_: str, **_options: Any) -> list[BatchItem]:
        return [FAILURE] * failures

    return cast("Client", SimpleNamespace(ingest=SimpleNamespace(watch=follow, items=items)))


def test_a_batch_that_was_taken_in_whole_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    finish(a_client(RUNNING, FINISHED), RUNNING, as_json=False)
    assert "Batch 41 is finished: 2,000 of 2,000 taken in." in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [False, True])
def test_failures_end_the_command_with_1_and_name_what_to_do(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    some = msgspec.structs.replace(FINISHED, completed=1_988, errors=12)
    with pytest.raises(typer.Exit) as end:
        finish(a_client(some, failures=12), RUNNING, as_json=as_json)
    assert end.value.exit_code == 1
    said = capsys.readouterr().out
    if as_json:
        assert msgspec.json.decode(said)["errors"] == 12
    else:
        assert "12 failed" in said
        assert said.count("https://[a].example: [it] is not there") == 10
        assert "and 2 more" in said
        assert "stackroom batches retry 41" in said


def test_interrupting_stops_the_bar_and_not_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        watch(a_client(RUNNING, KeyboardInterrupt()), RUNNING)
    assert "stackroom batches watch 41" in capsys.readouterr().err


def test_one_that_is_at_work_says_how_fast_and_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=75)
    half = msgspec.structs.replace(
        RUNNING, completed=1_000, cancelled=1, pending=999, rate=12.34, estimated_completion=soon
    )
    assert "1,000 of 2,000 taken in, 1 cancelled, 999 to go, 12.3 items/s, done in 1:1" in summary(half)
    show(a_client(half), half)
    assert "retry" not in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "words"), [(-5, "0:00"), (61, "1:01"), (3_600 * 30 + 62, "30:01:02")])
def test_how_long_it_takes_is_said_as_people_say_it(seconds: int, words: str) -> None:
    assert until(NOW + timedelta(seconds=seconds), NOW) == words
