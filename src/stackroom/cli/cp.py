"""`stackroom cp`: copy items to a folder of this dataset or another."""

from typing import Annotated

import typer

from stackroom.cli.exits import Refused
from stackroom.cli.options import Dataset, DryRun, Duplicates, Json, OnDuplicates, Server
from stackroom.cli.running import finish
from stackroom.cli.selection import Chosen, select

EXAMPLE = """stackroom cp cars --to /training --status complete --with-annotations

stackroom cp cars --to-dataset cars-2 --all --duplicates skip

stackroom cp cars --to /night --to-dataset cars-2 --tag night --with-annotations"""


def copy(
    dataset: Dataset,
    chosen: Chosen,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PATH",
            help="The folder they go to; created if needed. Default in another dataset: /",
            show_default=False,
        ),
    ] = None,
    to_dataset: Annotated[
        str | None, typer.Option("--to-dataset", metavar="DATASET", help="Another dataset, by name or id.")
    ] = None,
    duplicates: OnDuplicates = Duplicates.RENAME,
    with_annotations: Annotated[
        bool,
        typer.Option(
            "--with-annotations",
            help="Take annotations, tags, split and status along, and classes that the other dataset does not list.",
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Copy items to a folder of their dataset, or of another. Copies share their bytes, and are independent."""
    if to is None and to_dataset is None:
        raise Refused("there is nowhere to copy to", fix="Give --to, --to-dataset or both.")
    run = select(dataset, chosen, dry_run=dry_run)
    with server.connected() as client:
        done = client.operations.copy(
            to or "/",
            to_dataset=to_dataset,
            on_collision=duplicates.value,
            copy_annotations=with_annotations,
            **run,
        )
        finish(client, done, as_json=as_json)
