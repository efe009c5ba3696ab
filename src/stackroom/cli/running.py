"""Running an operation from the command line: the same bar, words and exit code for every verb."""

from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from stackroom.cli.console import console, note, print_json, say, size, table
from stackroom.cli.exits import ExitCode
from stackroom.cli.progress import bar_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackroom import Client, Operation, OperationItem

_SAMPLES = 10
_DONE = {
    "move": "Moved",
    "copy": "Copied",
    "update": "Changed",
    "archive": "Archived",
    "restore": "Restored",
    "purge": "Purged",
    "undo": "Undid",
}


def finish(client: "Client", operation: "Operation", *, as_json: bool) -> None:
    """Wait for an operation, show what came of it, and end the command: with 1 if an item failed."""
    done = operation if operation.dry_run else watch(client, operation)
    if as_json:
        print_json(done)
    else:
        show(client, done)
    if done.failed or done.state in {"failed", "cancelled"}:
        raise typer.Exit(ExitCode.SOME_FAILED)


def watch(client: "Client", operation: "Operation") -> "Operation":
    """The operation once it is over, with a bar on the terminal meanwhile. Interrupting stops the bar only."""
    if operation.is_over:
        return operation
    try:
        with _bar() as bar:
            return client.operations.wait(operation, progress=_follower(bar, operation))
    except KeyboardInterrupt:
        note(f"The operation goes on. See: stackroom ops watch {operation.id}   (or: ops pause, ops cancel)")
        raise


def show(client: "Client", operation: "Operation") -> None:
    """Say what an operation did, or would do, with the first failures."""
    say(_summary(operation))
    failures = operation.samples if operation.dry_run else _first_failures(client, operation)
    _show_items([each for each in failures or [] if each.reason], operation.failed)
    if operation.undoable and not operation.dry_run:
        say(f"[dim]Undo it with: stackroom undo {operation.id}[/]")


def items_table(items: "list[OperationItem]") -> None:
    """A table of items and their outcomes."""
    rows = (
        [str(each.position), each.id, each.outcome, escape(each.reason or _place(each))] for each in items
    )
    console().print(table(["position", "id", "outcome", "detail"], rows, right=["position"]))


def _summary(operation: "Operation") -> str:
    if not operation.total:
        return "Nothing matches; nothing was changed."
    verb = _DONE.get(operation.verb, operation.verb)
    counts = ", ".join(
        f"{count} {word.replace('_', ' ')}" for word, count in sorted(operation.outcomes.items())
    )
    what = f"{operation.succeeded} of {operation.total} ({counts}; {size(operation.bytes)})"
    if operation.dry_run:
        return f"Nothing was changed. Without --dry-run: {verb.lower()} {what}."
    state = "" if operation.state == "finished" else f" The operation is {operation.state}."
    return f"{verb} {what}.{state}"


def _first_failures(client: "Client", operation: "Operation") -> "list[OperationItem]":
    if not operation.failed:
        return []
    found = client.operations.items(operation.id, outcome="failed", page_size=_SAMPLES)
    return [item for item, _ in zip(found, range(_SAMPLES), strict=False)]


def _show_items(failures: "list[OperationItem]", count: int) -> None:
    for each in failures[:_SAMPLES]:
        say(f"  [red]{each.outcome}[/] {each.id}: {escape(each.reason or '')}")
    if count > _SAMPLES:
        say(f"  … and {count - _SAMPLES} more; `stackroom ops report` writes them all.")


def _place(item: "OperationItem") -> str:
    after, before = item.after or {}, item.before or {}
    there = {**before, **after}
    return f"{str(there.get('folder', '')).rstrip('/')}/{there['name']}" if "name" in there else ""


def _bar() -> Progress:
    return bar_of(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )


def _follower(bar: Progress, operation: "Operation") -> "Callable[[Operation], None]":
    task = bar.add_task(operation.verb, total=operation.total, rate="")

    def follow(seen: "Operation") -> None:
        rate = f"{seen.rate:,.0f} items/s" if seen.rate else ""
        paused = " (paused)" if seen.state == "paused" else ""
        bar.update(task, completed=seen.total - seen.pending, rate=rate, description=f"{seen.verb}{paused}")

    return follow
