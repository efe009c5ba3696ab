"""`stackroom rm`: archive items, or remove them for good."""

from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.console import size
from stackroom.cli.exits import Refused
from stackroom.cli.options import Dataset, DryRun, Json, Server, Yes
from stackroom.cli.running import finish
from stackroom.cli.selection import Chosen, select

if TYPE_CHECKING:
    from stackroom import Client, Operation, Run

EXAMPLE = """stackroom rm cars --folder /rejected

stackroom rm cars --permanent --archived --all"""


def remove(
    dataset: Dataset,
    chosen: Chosen,
    *,
    permanent: Annotated[
        bool, typer.Option("--permanent", help="Remove them and their bytes for good. Asks first.")
    ] = False,
    archived: Annotated[
        bool, typer.Option("--archived", help="With --permanent: filter among what is archived.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Archive items: they are hidden, keep their bytes, and `stackroom restore` brings them back.

    With --permanent they are removed for good: a dry run first says what that means, and exactly that is removed.
    """
    if archived and not permanent:
        raise Refused("--archived is for --permanent: what is archived is hidden already")
    run = select(dataset, chosen, dry_run=dry_run, archived=archived)
    with server.connected() as client:
        if not permanent:
            done = client.operations.archive(**run)
        elif dry_run or yes:
            done = client.operations.purge(**run)
        else:
            done = _confirmed(client, run)
        finish(client, done, as_json=as_json)


def _confirmed(client: "Client", run: "Run") -> "Operation":
    """Purge what a dry run has found, once the user has seen how much that is."""
    probe: Run = {**run, "dry_run": True}
    seen = client.operations.purge(**probe)
    if not seen.succeeded:
        return seen
    kept = f" ({seen.failed} cannot be found)" if seen.failed else ""
    question = f"Remove {seen.succeeded} items, {size(seen.bytes)}, for good?{kept} This cannot be undone."
    typer.confirm(question, abort=True, err=True)
    return client.operations.purge(**({**run, "plan": seen.plan} if seen.plan else run))
