"""`stackroom batches`: what was submitted, how far it has come, and what failed."""

import enum
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli import arriving
from stackroom.cli.console import console, counted, print_json, say, table
from stackroom.cli.options import Json, Server

if TYPE_CHECKING:
    from stackroom import Batch, BatchItem

EXAMPLES = {
    "list": "stackroom batches list --which active",
    "show": "stackroom batches show 41",
    "items": "stackroom batches items 41 --state failed",
    "watch": "stackroom batches watch 41",
    "retry": "stackroom batches retry 41",
    "cancel": "stackroom batches cancel 41",
}


class Which(enum.StrEnum):
    """Which batches are listed."""

    ALL = "all"
    ACTIVE = "active"
    RECENT = "recent"


class State(enum.StrEnum):
    """Which items are listed."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


Batch_ = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's number or id.", show_default=False)]


def list_all(
    *,
    which: Annotated[
        Which, typer.Option("--which", help="All, those still at work, or finished ones.")
    ] = Which.ALL,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 20,
    as_json: Json = False,
    server: Server,
) -> None:
    """List batches, newest first."""
    with server.connected() as client:
        found = list(client.ingest.iter(which=which.value, max_total=limit))
    if as_json:
        print_json({"batches": found})
        return
    columns = ["number", "state", "name", "dataset", "items", "taken in", "failed", "submitted", "done in"]
    console().print(table(columns, map(_row, found), right=["number", "items", "taken in", "failed"]))


def show_one(batch: Batch_, *, as_json: Json = False, server: Server) -> None:
    """Show how far a batch is, and its first failures."""
    with server.connected() as client:
        found = client.ingest.get(batch)
        if as_json:
            print_json(found)
        else:
            arriving.show(client, found)


def items(
    batch: Batch_,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 1000,
    as_json: Json = False,
    server: Server,
) -> None:
    """List a batch's items, and what became of each."""
    wanted = None if state is None else state.value
    with server.connected() as client:
        found = list(islice(client.ingest.items(batch, state=wanted, page_size=min(limit, 1000)), limit))
    if as_json:
        print_json({"items": found})
        return
    console().print(table(["position", "state", "origin", "detail"], map(_item, found), right=["position"]))


def watch_one(batch: Batch_, *, as_json: Json = False, server: Server) -> None:
    """Follow a batch until it is over. Interrupting this does not stop the batch."""
    with server.connected() as client:
        arriving.finish(client, client.ingest.get(batch), as_json=as_json)


def retry(batch: Batch_, *, as_json: Json = False, server: Server) -> None:
    """Submit a batch's failed items again, as a new batch."""
    with server.connected() as client:
        made = client.ingest.retry_failed(batch)
    if as_json:
        print_json(made)
    else:
        say(f"Batch {made.number}: {counted(made.count, 'item')} accepted once more.")


def cancel(batch: Batch_, *, as_json: Json = False, server: Server) -> None:
    """Cancel what has not been taken in yet. What has been stays."""
    with server.connected() as client:
        found = client.ingest.cancel(batch)
    if as_json:
        print_json(found)
    else:
        say(arriving.summary(found))


def _row(each: "Batch") -> list[str]:
    submitted = f"{each.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
    dataset = each.dataset.name if each.dataset else ""
    left = arriving.until(each.estimated_completion) if each.estimated_completion else ""
    counts = [f"{count:,}" for count in (each.count, each.completed, each.errors)]
    return [str(each.number), each.state, escape(each.name or ""), escape(dataset), *counts, submitted, left]


def _item(each: "BatchItem") -> list[str]:
    detail = f"{each.code}: {each.reason}" if each.code else each.name or each.asset_id or ""
    return [str(each.position), each.state, escape(each.origin), escape(detail)]
