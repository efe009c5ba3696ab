"""move: put items into another folder of their dataset. Bytes stay where they are, and so does the id."""

from collections.abc import Sequence

from stackroom.access import Role
from stackroom.library import folders
from stackroom.operations.collisions import DONE, taken
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Request
from stackroom.operations.run import Look, Run

ROLE = Role.MEMBER
FIRST_NUMBER = 1


def look(run: Run) -> Look:
    collides = (f"a.archived_at IS NULL AND {taken(':target', 'a.name')}", Outcome.COLLIDES)
    return Look(
        verdicts=[("a.folder_id = :target", Outcome.UNCHANGED), *([] if enter_target(run) else [collides])],
        sets={"to_folder_id": "CAST(:target AS bigint)"},
        parameters={"target": run.target_folder_id},
    )


def enter_target(run: Run) -> bool:
    """Make the target folder where it is missing, and keep others out of it until the commit. Whether it is empty:
    then no name is taken there, and ten thousand need not be looked for."""
    request = run.request
    assert request.target_dataset_id is not None
    assert request.target_folder is not None
    run.target_folder_id = folders.enter(
        run.conn, request.target_dataset_id, request.target_folder, now=run.now
    )
    return folders.is_empty(run.conn, run.target_folder_id)


def takes_name(run: Run) -> str | None:
    return "i.archived_at IS NULL"


def apply(run: Run, *, renamed: bool) -> None:
    kept = "AND i.to_name IS NULL" if renamed else ""
    run.execute(
        f"""{run.how.update} asset SET folder_id = :target, updated_at = :now, version = version + 1
            WHERE id IN (SELECT i.asset_id FROM operation_item i WHERE {{items}} AND i.outcome = {DONE} {kept})""",
        target=run.target_folder_id,
    )
    if renamed:
        run.execute(
            f"""{run.how.update} asset
                SET folder_id = :target, name = s.to_name, updated_at = :now, version = version + 1
                FROM (SELECT i.asset_id, i.to_name FROM operation_item i
                    WHERE {{items}} AND i.outcome = {DONE} AND i.to_name IS NOT NULL {run.how.fence}) s
                WHERE asset.id = s.asset_id""",
            target=run.target_folder_id,
        )


def changes(request: Request) -> Sequence[str]:
    return ("folder_id", "name")
