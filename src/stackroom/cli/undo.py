"""`stackroom undo`: put back what an operation changed."""

from typing import Annotated

import typer

from stackroom.cli.options import DryRun, Json, Server
from stackroom.cli.running import finish

EXAMPLE = """stackroom undo 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 --dry-run

stackroom ops list    # names the operations"""


def undo(
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="The operation's id.")],
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Put back what an operation changed, except for items that have changed since.

    An undo is itself an operation, with an outcome for each item, and can be undone. A purge cannot.
    """
    with server.connected() as client:
        finish(client, client.operations.undo(operation, dry_run=dry_run), as_json=as_json)
