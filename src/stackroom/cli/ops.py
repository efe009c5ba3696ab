"""`stackroom ops`: operations, what became of each item, and steering those that run."""

import enum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.options import Json, Server
from stackroom.cli.running import finish, items_table, show, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackroom import Operation

EXAMPLES = {
    "list": "stackroom ops list --limit 20",
    "show": "stackroom ops show 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
    "items": "stackroom ops items 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 --outcome failed",
    "report": "stackroom ops report 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 report.csv --format csv",
    "watch": "stackroom ops watch 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
    "pause": "stackroom ops pause 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
    "resume": "stackroom ops resume 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
    "cancel": "stackroom ops cancel 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
}


class Format(enum.StrEnum):
    """How a report is written."""

    JSONL = "jsonl"
    CSV = "csv"


Operation_ = Annotated[str, typer.Argument(metavar="OPERATION", help="The operation's id.")]
Outcome = Annotated[
    str | None, typer.Option("--outcome", help="Only these: failed, done, not_found, skipped and so on.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")]


def list_all(*, limit: Limit = 20, as_json: Json = False, server: Server) -> None:
    """List operations, newest first."""
    with server.connected() as client:
        found = list(client.operations.iter(max_total=limit))
    if as_json:
        print_json({"operations": found})
        return
    columns = ["id", "verb", "state", "dataset", "items", "failed", "started", "undo"]
    console().print(table(columns, map(_row, found), right=["items", "failed"]))


def show_one(operation: Operation_, *, as_json: Json = False, server: Server) -> None:
    """Show how far an operation is, and its first failures."""
    with server.connected() as client:
        found = client.operations.get(operation)
        if as_json:
            print_json(found)
        else:
            show(client, found)


def items(
    operation: Operation_,
    *,
    outcome: Outcome = None,
    limit: Limit = 1000,
    as_json: Json = False,
    server: Server,
) -> None:
    """List what became of each item. `report` writes any number of them to a file."""
    with server.connected() as client:
        wanted = client.operations.items(operation, outcome=outcome, page_size=min(limit, 1000))
        found = list(islice(wanted, limit))
    if as_json:
        print_json({"items": found})
    else:
        items_table(found)


def report(
    operation: Operation_,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it is written.")],
    *,
    file_format: Annotated[Format, typer.Option("--format", help="JSON lines or CSV.")] = Format.JSONL,
    outcome: Outcome = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Write the outcome of every item to a file."""
    with server.connected() as client:
        written = client.operations.report(operation, file, file_format=file_format.value, outcome=outcome)
    if as_json:
        print_json({"file": str(written)})
    else:
        say(f"Wrote {written}.")


def watch_one(operation: Operation_, *, as_json: Json = False, server: Server) -> None:
    """Follow an operation until it is over. Interrupting this does not stop the operation."""
    with server.connected() as client:
        finish(client, watch(client, client.operations.get(operation)), as_json=as_json)


def pause(operation: Operation_, *, as_json: Json = False, server: Server) -> None:
    """Pause a running operation after its current chunk. What is done stays done."""
    with server.connected() as client:
        _steer(client.operations.pause, operation, as_json=as_json)


def resume(operation: Operation_, *, as_json: Json = False, server: Server) -> None:
    """Resume a paused operation."""
    with server.connected() as client:
        _steer(client.operations.resume, operation, as_json=as_json)


def cancel(operation: Operation_, *, as_json: Json = False, server: Server) -> None:
    """Cancel a running operation. What is done stays done, and can be undone."""
    with server.connected() as client:
        _steer(client.operations.cancel, operation, as_json=as_json)


def _steer(how: "Callable[[str], Operation]", operation: str, *, as_json: bool) -> None:
    found = how(operation)
    if as_json:
        print_json(found)
    else:
        say(
            f"The {found.verb} is {found.state}: {found.total - found.pending} of {found.total} items are done."
        )


def _row(each: "Operation") -> list[str]:
    started = f"{each.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
    undo = "undone" if each.undone_by else "possible" if each.undoable else ""
    dataset = each.dataset.name if each.dataset else ""
    return [each.id, each.verb, each.state, dataset, str(each.total), str(each.failed), started, undo]
