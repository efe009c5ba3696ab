"""`stackroom restore`: bring archived items back."""

from stackroom.cli.options import Dataset, DryRun, Duplicates, Json, OnDuplicates, Server
from stackroom.cli.running import finish
from stackroom.cli.selection import Chosen, select

EXAMPLE = "stackroom restore cars --folder /rejected"


def restore(
    dataset: Dataset,
    chosen: Chosen,
    *,
    duplicates: OnDuplicates = Duplicates.RENAME,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Bring archived items back to where they were. A filter looks among the archived."""
    run = select(dataset, chosen, dry_run=dry_run, archived=True)
    with server.connected() as client:
        done = client.operations.restore(on_collision=duplicates.value, **run)
        finish(client, done, as_json=as_json)
