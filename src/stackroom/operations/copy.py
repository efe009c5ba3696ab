"""copy: new assets that share the bytes of others. From then on each is its own; deleting either harms neither."""

from collections.abc import Sequence

from stackroom import ids
from stackroom.access import Role
from stackroom.errors import Conflict
from stackroom.library import folders
from stackroom.operations import belongings
from stackroom.operations.collisions import DONE, taken
from stackroom.operations.move import enter_target
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Collision, Request
from stackroom.operations.run import Look, Run

ROLE = Role.MEMBER
FIRST_NUMBER = 2

# What a copy takes over; its own are id, place, name and time.
SHARED = "original_name, kind, blob_id, size, content_type, width, height, duration, display_name, metadata"

# What comes along only with annotations and tags, and what a copy has without them.
DESCRIBED = "status, split, review_note, annotation_count, min_confidence"
UNDESCRIBED = "'new', NULL, NULL, 0, NULL"


def look(run: Run) -> Look:
    target, own_place = "CAST(:target AS bigint)", "a.folder_id = :target AND a.archived_at IS NULL"
    empty = False
    if run.request.in_place:
        target, own_place = "a.folder_id", "a.archived_at IS NULL"
    else:
        empty = enter_target(run)
    not_ready = ("a.blob_id IS NULL", Outcome.NOT_READY)  # nobody would ever bring the copy its bytes
    itself = [(own_place, Outcome.ITSELF)] if run.request.on_collision is Collision.OVERWRITE else []
    collides = (f"({own_place}) OR {taken(target, 'a.name')}", Outcome.COLLIDES)
    return Look(
        verdicts=[not_ready] if empty else [not_ready, *itself, collides],
        sets={"to_folder_id": target, "new_uuid": run.fresh_ids()},
        parameters={"target": run.target_folder_id, "fresh": ids.new_block(run.count)},
    )


def takes_name(run: Run) -> str | None:
    return "1 = 1"


def apply(run: Run, *, renamed: bool) -> None:
    annotated = run.request.copy_annotations and not run.request.in_place
    described = ", ".join(f"a.{column}" for column in DESCRIBED.split(", ")) if annotated else UNDESCRIBED
    shared = ", ".join(f"a.{column}" for column in SHARED.split(", "))
    dataset, place = "CAST(:dataset AS bigint)", "CAST(:target AS bigint)"
    if run.request.in_place:
        dataset, place = "a.dataset_id", "a.folder_id"
        _hold_places(run)
    # In the order of their originals, which is that of a listing. What is sorted is no more than what it takes.
    called, name = (", i.to_name", "COALESCE(s.to_name, a.name)") if renamed else ("", "a.name")
    run.execute(
        f"""{run.how.insert} INTO asset (uuid, organization_id, dataset_id, folder_id, name, {SHARED},
                {DESCRIBED}, created_at, updated_at, version)
            SELECT s.new_uuid, a.organization_id, {dataset}, {place}, {name}, {shared}, {described},
                CAST(:now AS bigint), CAST(:now AS bigint), 1
            FROM (SELECT i.asset_id, i.new_uuid{called} FROM operation_item i
                WHERE {{items}} AND i.outcome = {DONE} ORDER BY i.asset_id {run.how.fence}) s
            {run.how.probe.format(table="asset", alias="a", where="a.id = s.asset_id")}""",
        dataset=run.request.target_dataset_id,
        target=run.target_folder_id,
    )
    if annotated:
        belongings.carry(run)
    belongings.carry_always(run)


def _hold_places(run: Run) -> None:
    """Keep others from removing the folders that copies are about to be in."""
    if not run.how.lock:
        return
    wanted = run.execute(
        f"SELECT DISTINCT i.to_folder_id FROM operation_item i WHERE {{items}} AND i.outcome = {DONE}"
    )
    if not folders.hold(run.conn, set(wanted.scalars())):
        raise Conflict("a folder of these items was removed meanwhile", hint="Send the request again.")


def changes(request: Request) -> Sequence[str]:
    return ()
