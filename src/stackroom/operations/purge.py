"""purge: remove items for good, with what belongs to them, and the bytes that nothing else uses. Cannot be undone."""

from collections.abc import Sequence

from stackroom.access import Role
from stackroom.library import blobs
from stackroom.operations import belongings, telling
from stackroom.operations.request import Request
from stackroom.operations.run import ITEMS, Look, Run
from stackroom.queue import waiting

ROLE = Role.ADMIN
FIRST_NUMBER = 1
JOBS = ("embed", "transcode")
"""The kinds of jobs that nobody wants done any more for what is gone: those of `processing`."""


def look(run: Run) -> Look:
    return Look()


def takes_name(run: Run) -> str | None:
    return None


def apply(run: Run, *, renamed: bool) -> None:
    remove(run, "i.asset_id", telling.DONE)


def changes(request: Request) -> Sequence[str]:
    return ()


def remove(run: Run, column: str, items: str) -> None:
    """Remove the assets whose ids are `column` of these journal rows `i`. Their bytes become loose, and are swept
    after the commit."""
    telling.tell_of_removal(run, column, items)
    doomed = f"SELECT {column} {items}"
    narrowed = doomed.replace("{items}", ITEMS)
    blobs.release(
        run.conn,
        f"SELECT blob_id FROM asset WHERE id IN ({narrowed})",
        {"op": run.operation_id, "from": run.start},
        doomed=f"asset.id IN ({narrowed})",
        now=run.now,
    )
    belongings.remove(run, doomed)
    bound = {"op": run.operation_id, "from": run.start}
    unwanted = waiting.not_begun_of(run.conn, run.actor.organization_id, narrowed, bound, kinds=JOBS)
    run.execute(f"DELETE FROM asset WHERE id IN ({doomed})")
    # Last, for it holds lanes, which whoever settles a job of one of these assets waits for with the asset held.
    waiting.cancel_all(run.conn, unwanted, now=run.now)
