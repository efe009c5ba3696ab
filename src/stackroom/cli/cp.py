"""`stackroom cp`: copy items to a folder of this dataset or another."""

from typing import Annotated

import typer

from stackroom.cli.options import Dataset, DryRun, Duplicates, Json, OnDuplicates, Server
from stackroom.cli.running import finish
from stackroom.cli.selection import Chosen, select

EXAMPLE = """stackroom cp cars --to /training --status complete --with-annotations

stackroom cp cars --to / --to-dataset cars-2 --all --duplicates skip"""


def copy(
    dataset: Dataset,
    chosen: Chosen,
    *,
    to: Annotated[str, typer.Option("--to", metavar="PATH", help="The folder they go to; made if need be.")],
    to_dataset: Annotated[
        str | None, typer.Option("--to-dataset", metavar="DATASET", help="Another dataset, by name or id.")
    ] = None,
    duplicates: OnDuplicates = Duplicates.RENAME,
    with_annotations: Annotated[
        bool, typer.Option("--with-annotations", help="Take annotations and status along.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Copy items to a folder of their dataset, or of another. Copies share their bytes, and are independent."""
    run = select(dataset, chosen, dry_run=dry_run)
    with server.connected() as client:
        done = client.operations.copy(
            to,
            to_dataset=to_dataset,
            on_collision=duplicates.value,
            copy_annotations=with_annotations,
            **run,
        )
        finish(client, done, as_json=as_json)
