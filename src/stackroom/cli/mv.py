"""`stackroom mv`: move items to another folder of their dataset."""

from typing import Annotated

import typer

from stackroom.cli.options import Dataset, DryRun, Duplicates, Json, OnDuplicates, Server
from stackroom.cli.running import finish
from stackroom.cli.selection import Chosen, select

EXAMPLE = """stackroom mv cars --to /sorted/red --folder /incoming --name 'red-*'

stackroom mv cars --to /done --from-file ids.txt --dry-run"""


def move(
    dataset: Dataset,
    chosen: Chosen,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="PATH", help="The folder they go to; created if needed.")
    ],
    duplicates: OnDuplicates = Duplicates.RENAME,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Move items to another folder of their dataset. No bytes are touched, so any number is quick."""
    run = select(dataset, chosen, dry_run=dry_run)
    with server.connected() as client:
        done = client.operations.move(to, on_collision=duplicates.value, **run)
        finish(client, done, as_json=as_json)
