"""`stackroom ingest`: a folder or a manifest, taken in by the server in the background."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli import arriving
from stackroom.cli.console import counted, print_json, say
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import Json, Server
from stackroom.cli.upload import dataset_id

if TYPE_CHECKING:
    from stackroom import Arrival, Batch, Client

EXAMPLE = """stackroom ingest /scans/2026 --dataset newspapers --watch

stackroom ingest volumes.csv --dataset books --priority --name 'volumes 1 to 12'"""


def ingest(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|MANIFEST", help="A folder, a .csv or a .jsonl.", show_default=False),
    ],
    *,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", "-d", metavar="DATASET", help="The dataset it goes to; created if missing."
        ),
    ],
    folder: Annotated[
        str, typer.Option("--folder", "-f", metavar="PATH", help="The folder it goes to.")
    ] = "/",
    name: Annotated[str | None, typer.Option("--name", help="The name of the batch.")] = None,
    priority: Annotated[
        bool, typer.Option("--priority", help="Go ahead of everything that waits without --priority.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Wait until it is done, and show progress.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Have the server fetch a folder that it can read, or everything that a manifest lists.

    Nothing is sent from here: the server reads the files itself, from folders among its --origin-roots, or fetches
    what a manifest names. To send files from this machine, use `stackroom upload`. Each batch holds up to 100,000.
    Of a folder, hidden files and folders are left out.

    A manifest is CSV with a header, or JSON lines; its fields are origin, name, folder, key, media_type and tags.
    """
    arrivals = _arrivals(source, folder)
    with server.connected() as client:
        batches = _submitted(client, dataset, arrivals, folder, name, priority=priority)
        if watch:
            batches = [arriving.watch(client, each) for each in batches]
        if as_json:
            print_json({"batches": batches})
        else:
            _say(client, batches, watched=watch)
    if watch and not all(each.success for each in batches):
        raise typer.Exit(ExitCode.SOME_FAILED)


def _arrivals(source: Path, folder: str) -> "list[Arrival]":
    from stackroom.client.arrivals import from_folder, from_manifest

    if not source.exists():
        raise Refused(f"{source} does not exist")
    found = from_folder(source, into=folder) if source.is_dir() else from_manifest(source)
    if not found:
        raise Refused(f"there is nothing to take in in {source}")
    return found


def _submitted(
    client: "Client",
    dataset: str,
    arrivals: "Sequence[Arrival]",
    folder: str,
    name: str | None,
    *,
    priority: bool,
) -> "list[Batch]":
    from stackroom.client.arrivals import MAX_ARRIVALS

    portions = [arrivals[at : at + MAX_ARRIVALS] for at in range(0, len(arrivals), MAX_ARRIVALS)]
    target = dataset_id(client, dataset)
    return [
        client.ingest.submit(target, portion, folder=folder, name=name, priority=priority)
        for portion in portions
    ]


def _say(client: "Client", batches: "Sequence[Batch]", *, watched: bool) -> None:
    for each in batches:
        if watched:
            arriving.show(client, each)
        else:
            say(f"Batch {each.number}: {counted(each.count, 'item')} accepted.")
            say(f"[dim]Follow it with: stackroom batches watch {each.number}[/]")
