"""Following a batch from the command line: the same bar, words and exit code wherever one is watched."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from stackroom.cli.console import note, print_json, say
from stackroom.cli.exits import ExitCode
from stackroom.cli.progress import bar_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackroom import Batch, BatchItem, Client

_SHOWN = 10


def finish(client: "Client", batch: "Batch", *, as_json: bool) -> None:
    """Follow a batch to its end, show what came of it, and end the command: with 1 if an item was not taken in."""
    done = watch(client, batch)
    if as_json:
        print_json(done)
    else:
        show(client, done)
    if not done.success:
        raise typer.Exit(ExitCode.SOME_FAILED)


def watch(client: "Client", batch: "Batch") -> "Batch":
    """The batch once it is over, with a bar on the terminal meanwhile. Interrupting stops the bar only."""
    try:
        with _bar() as bar:
            return client.ingest.watch(batch, _follower(bar, batch))
    except KeyboardInterrupt:
        note(f"The batch goes on. See: stackroom batches watch {batch.number}   (or: batches cancel)")
        raise


def show(client: "Client", batch: "Batch") -> None:
    """Say how a batch stands, with the first failures."""
    say(summary(batch))
    failed: list[BatchItem] = []
    if batch.errors:
        found = client.ingest.items(batch.id, state="failed", page_size=_SHOWN)
        failed = [item for item, _ in zip(found, range(_SHOWN), strict=False)]
    for each in failed:
        say(f"  [red]{each.code or 'failed'}[/] {escape(each.origin)}: {escape(each.reason or '')}")
    if batch.errors > _SHOWN:
        say(f"  … and {batch.errors - _SHOWN} more: stackroom batches items {batch.number} --state failed")
    if batch.errors and batch.is_over:
        say(f"[dim]Try those again with: stackroom batches retry {batch.number}[/]")


def summary(batch: "Batch") -> str:
    """One line on how a batch stands."""
    parts = [f"{batch.completed:,} of {batch.count:,} taken in"]
    parts += [f"{batch.errors:,} failed"] if batch.errors else []
    parts += [f"{batch.cancelled:,} cancelled"] if batch.cancelled else []
    if not batch.is_over:
        parts += [f"{batch.pending:,} to go", *(_pace(batch) or [])]
    return f"Batch {batch.number} is {batch.state}: {', '.join(parts)}."


def until(moment: "datetime", now: "datetime | None" = None) -> str:
    """How long it is until then, as people say it."""
    seconds = max(0, round((moment - (now or datetime.now(UTC))).total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _pace(batch: "Batch") -> list[str]:
    pace = [f"{batch.rate:,.1f} items/s"] if batch.rate else []
    return [*pace, f"done in {until(batch.estimated_completion)}"] if batch.estimated_completion else pace


def _bar() -> Progress:
    return bar_of(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[red]{task.fields[errors]}"),
        TextColumn("{task.fields[pace]}"),
    )


def _follower(bar: Progress, batch: "Batch") -> "Callable[[Batch], None]":
    task = bar.add_task(f"batch {batch.number}", total=batch.count, errors="", pace="")

    def follow(seen: "Batch") -> None:
        errors = f"{seen.errors:,} failed" if seen.errors else ""
        settled = seen.count - seen.pending
        bar.update(task, completed=settled, errors=errors, pace=", ".join(_pace(seen)))

    return follow
