"""Operations: what is selected, how they run, and how they are followed and put back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stackroom import EmptyUpdate, InvalidArgument, OperationState, Outcome, PollTimeoutError, Verb
from stackroom.client.selection import selection_body

from .conftest import StillClock
from .fake_server import FakeServer


@pytest.mark.parametrize(
    ("run", "body"),
    [
        (
            lambda it: it.move("/sorted", ids=["a", "b"]),
            {
                "verb": "move",
                "selection": {"ids": ["a", "b"]},
                "to": {"folder": "/sorted"},
                "on_collision": "rename",
            },
        ),
        (
            lambda it: it.copy(
                "/x",
                to_dataset="gold",
                dataset="depot",
                folder="/y",
                on_collision="fail",
                copy_annotations=True,
            ),
            {
                "verb": "copy",
                "selection": {"filter": {"dataset": "depot", "folder": "/y"}},
                "to": {"folder": "/x", "dataset": "gold"},
                "on_collision": "fail",
                "copy_annotations": True,
            },
        ),
        (
            lambda it: it.update({"status": "complete", "split": None}, failed_of="op-1"),
            {
                "verb": "update",
                "selection": {"failed_of": "op-1"},
                "changes": {"status": "complete", "split": None},
            },
        ),
        (
            lambda it: it.update({"add_tags": ("night",), "remove_tags": []}, dataset="depot", tags=["dusk"]),
            {
                "verb": "update",
                "selection": {"filter": {"dataset": "depot", "tags": ["dusk"]}},
                "changes": {"add_tags": ["night"], "remove_tags": []},
            },
        ),
        (
            lambda it: it.archive(ids=(), dataset="depot"),
            {"verb": "archive", "selection": {"ids": [], "dataset": "depot"}},
        ),
        (
            lambda it: it.restore(dataset="depot"),
            {
                "verb": "restore",
                "selection": {"filter": {"dataset": "depot"}},
                "on_collision": "rename",
            },
        ),
        (
            lambda it: it.purge(dataset="depot", name="*.tmp", dry_run=True),
            {
                "verb": "purge",
                "selection": {"filter": {"dataset": "depot", "name": "*.tmp"}},
                "dry_run": True,
            },
        ),
        (
            lambda it: it.run(Verb.ARCHIVE, ids=["a"], plan="token"),
            {"verb": "archive", "selection": {"ids": ["a"]}, "plan": "token"},
        ),
    ],
)
def test_each_verb_says_what_it_means(
    client: Any, server: FakeServer, run: Callable[[Any], Any], body: dict[str, Any]
) -> None:
    operation = run(client.operations)
    assert server.body(server.requests[-1]) == body
    assert operation.verb == body["verb"]
    assert operation.dry_run == body.get("dry_run", False)


def test_a_filter_carries_all_that_narrows_it() -> None:
    noon = datetime(2031, 1, 2, 12, tzinfo=UTC)
    narrow = {
        "dataset": "depot",
        "folder": "/x",
        "recursive": False,
        "status": "new",
        "kind": "image",
        "name": "*.jpg",
        "tags": ("night", "fog"),
        "created_after": noon,
        "created_before": "2031-02-01T00:00:00Z",
        "archived": None,
    }
    guards = {"exclude": ("a",), "expect_count": 348}
    assert selection_body(narrow | guards) == {
        "filter": narrow | {"tags": ["night", "fog"], "created_after": "2031-01-02T12:00:00+00:00"},
        "except": ["a"],
        "expect_count": 348,
    }


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"folder": "/x"},
        {"dataset": ""},
        {"dataset": None},
        {"ids": None, "dataset": "depot"},
        {"ids": "abc"},
        {"ids": ["a"], "folder": "/x"},
        {"failed_of": None},
        {"failed_of": "op", "dataset": "depot"},
        {"dataset": "depot", "folders": "/x"},
        {"dataset": "depot", "tags": []},
        {"dataset": "depot", "tags": "night"},
        {"dataset": "depot", "created_after": datetime(2031, 1, 1)},  # noqa: DTZ001 - that is the mistake
        {"dry_run": True, "plan": "token"},
    ],
)
def test_a_selection_that_is_none_or_unclear_is_never_everything(
    client: Any, server: FakeServer, selection: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument):
        client.operations.purge(**selection)
    assert server.requests == []


@pytest.mark.parametrize("changes", [{}, {"add_tags": []}, {"add_tags": (), "remove_tags": []}])
def test_an_update_without_changes_is_refused_without_a_request(
    client: Any, server: FakeServer, changes: dict[str, Any]
) -> None:
    with pytest.raises(EmptyUpdate):
        client.operations.update(changes, ids=["a"])
    assert server.requests == []


def test_a_key_of_ones_own_goes_with_the_operation(client: Any, server: FakeServer) -> None:
    first = client.operations.archive(ids=["a"], idempotency_key="mine")
    assert server.requests[-1].headers["Idempotency-Key"] == "mine"
    assert client.operations.archive(ids=["a"], idempotency_key="mine") == first


def test_an_operation_tells_how_it_went(client: Any, server: FakeServer) -> None:
    sample = {"position": 0, "id": "a", "outcome": "done", "after": {"folder": "/x"}}
    made = server.operation(rate=1200.5, samples=[sample], estimated_completion="2031-01-01T00:00:00Z")
    operation = client.operations.get(made["id"])
    assert (operation.total, operation.outcomes) == (3, {"done": 2, "not_found": 1})
    assert (operation.is_over, operation.success, operation.undoable) == (True, False, True)
    assert operation.dataset.name == "depot"
    assert operation.samples[0].after == {"folder": "/x"}
    assert operation.estimated_completion == datetime(2031, 1, 1, tzinfo=UTC)


def test_operations_are_listed_newest_first_to_the_end(client: Any, server: FakeServer) -> None:
    ids = [server.operation()["id"] for _ in range(5)]
    assert [it.id for it in client.operations.iter(page_size=2)] == ids[::-1]
    assert len(server.requests) == 3
    assert [it.id for it in client.operations.list(limit=2, before=ids[3])] == [ids[2], ids[1]]
    assert len(list(client.operations.iter(page_size=2, max_total=3))) == 3


def test_all_items_are_walked_or_only_those_that_failed(client: Any, server: FakeServer) -> None:
    outcomes = ["done", "not_found", "done", "name_taken", "unchanged"]
    server.items["op-1"] = [
        {"position": position, "id": f"i{position}", "outcome": outcome}
        for position, outcome in enumerate(outcomes)
    ]
    items = list(client.operations.items("op-1", page_size=2))
    assert [it.outcome for it in items] == outcomes
    assert len(server.requests) == 3
    failed = client.operations.items("op-1", outcome="failed")
    assert [it.outcome for it in failed] == [Outcome.NOT_FOUND, Outcome.NAME_TAKEN]


def test_waiting_follows_an_operation_to_its_end(client: Any, server: FakeServer, clock: StillClock) -> None:
    later = [{"succeeded": 1}, {"state": "paused"}, {"state": "running"}, {"state": "finished"}]
    made = server.operation(state="running", later=later)
    seen = []
    operation = client.operations.wait(made["id"], progress=lambda it: seen.append(str(it.state)))
    assert operation.state == OperationState.FINISHED
    assert seen == ["running", "paused", "running", "finished"]
    assert clock.pauses == pytest.approx([0.2, 0.3, 0.45])


def test_waiting_for_what_is_over_asks_nothing(client: Any, server: FakeServer, clock: StillClock) -> None:
    over = client.operations.archive(ids=["a"])
    assert client.operations.wait(over) == over
    assert (len(server.requests), clock.pauses) == (1, [])


def test_waiting_ends_when_its_time_is_up(client: Any, server: FakeServer, clock: StillClock) -> None:
    made = server.operation(state="running")
    with pytest.raises(PollTimeoutError):
        client.operations.wait(made["id"], timeout=5)
    assert sum(clock.pauses) == pytest.approx(5)
    assert max(clock.pauses) <= 2


def test_an_operation_is_undone_paused_resumed_and_cancelled(client: Any, server: FakeServer) -> None:
    made = server.operation(state="running")
    undo = client.operations.undo(made["id"], dry_run=True)
    assert (undo.verb, undo.undo_of) == (Verb.UNDO, made["id"])
    assert server.body(server.requests[-1]) == {"dry_run": True}
    assert client.operations.pause(made["id"]).state == "paused"
    assert server.requests[-1].headers["Idempotency-Key"]
    assert client.operations.resume(made["id"]).state == "running"
    assert client.operations.cancel(made["id"]).state == "cancelled"
