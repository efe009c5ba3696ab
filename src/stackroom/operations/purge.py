"""purge: remove items for good, with what belongs to them, and the bytes that nothing else uses. Cannot be undone."""

from collections.abc import Sequence

from stackroom.access import Role
from stackroom.library import blobs
from stackroom.operations import belongings
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Request
from stackroom.operations.run import ITEMS, Look, Run

ROLE = Role.ADMIN
FIRST_NUMBER = 1


def look(run: Run) -> Look:
    return Look()


def takes_name(run: Run) -> str | None:
    return None


def apply(run: Run, *, renamed: bool) -> None:
    remove(
        run, f"SELECT i.asset_id FROM operation_item i WHERE {{items}} AND i.outcome = {int(Outcome.DONE)}"
    )


def changes(request: Request) -> Sequence[str]:
    return ()


def remove(run: Run, doomed: str) -> None:
    """Remove the assets whose ids `doomed` selects. Their bytes become loose, and are swept after the commit."""
    narrowed = doomed.replace("{items}", ITEMS)
    blobs.release(
        run.conn,
        f"SELECT blob_id FROM asset WHERE id IN ({narrowed})",
        {"op": run.operation_id, "from": run.start},
        doomed=f"asset.id IN ({narrowed})",
        now=run.now,
    )
    belongings.remove(run, doomed)
    run.execute(f"DELETE FROM asset WHERE id IN ({doomed})")
