"""undo: put back what an operation changed, item by item, where nothing has changed it since.

An undo is an operation itself: it has a journal, and can be undone. A copy is undone by purging the new assets,
which is final. A purge cannot be undone.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from stackroom.access import Role
from stackroom.errors import Conflict, Invalid
from stackroom.operations import belongings, places, purge, tagging
from stackroom.operations.collisions import DONE, taken
from stackroom.operations.journal import Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Request, Verb
from stackroom.operations.run import FIELDS, Look, Run
from stackroom.operations.selection import Source

ROLE = Role.MEMBER
FIRST_NUMBER = 1


# A comment is no change of what it is about, and would be lost with it: a copy is made without any.
_TALKED_ABOUT = "EXISTS (SELECT 1 FROM annotation_comment c WHERE c.asset_id = a.id AND c.deleted_at IS NULL)"


def check(found: Operation) -> None:
    """Raise unless `found` is an operation that can be undone now."""
    if found.is_final:
        raise Invalid(
            f"{_called(found)} cannot be undone: the images are gone",
            code="irreversible",
            hint="Archive instead of purging where you may change your mind.",
        )
    if found.finished_at is None:
        raise Conflict(
            f"{_called(found)} is still running",
            code="still_running",
            hint="Wait for it, or cancel it first.",
        )
    if found.undone_by is not None:
        raise Conflict(
            f"{_called(found)} has been undone already", code="already_undone", hint="Undo the undo instead."
        )


def _called(found: Operation) -> str:
    undone = f" of a {found.request.undoes.value}" if found.request.undoes else ""
    return f"this {found.verb.value}{undone}"


def source(conn: Connection, found: Operation) -> Source:
    """The items that `found` changed, each at its old line: rows r with what stood before, joined to what there is
    now."""
    # What a copy made is known by its id alone; anything else is found quicker by the number of its row.
    uuid, row = ("new_uuid", "") if found.verb is Verb.COPY else ("asset_uuid", "a.id = r.asset_id AND ")
    moved = found.verb is Verb.MOVE or "folder_id" in found.request.undone_fields
    astray = moved and places.may_be_gone(conn, found.id)
    was, became = (places.of_today(it) if astray else f"j.{it}" for it in ("folder_id", "to_folder_id"))
    rows = f"""(SELECT j.line AS n, j.position, j.{uuid} AS uuid, j.asset_id, {was} AS folder_id, j.name,
            j.status, j.display_name, j.split, j.archived_at, {became} AS to_folder_id, j.to_name, j.to_status,
            j.to_display_name, j.to_split, j.to_archived_at, j.overwrote
        FROM operation_item j {places.JOINED if astray else ""}
        WHERE j.operation_id = :undone AND j.outcome = {DONE})"""
    on = f"{row}a.uuid = r.uuid AND a.organization_id = :organization"
    done = found.outcomes.get(Outcome.DONE, 0)
    return Source(rows, on, {"undone": found.id}, done, position="r.position")


def look(run: Run) -> Look:
    if run.request.undoes is Verb.COPY:
        return Look(
            verdicts=[
                ("r.overwrote IS NOT NULL", Outcome.IRREVERSIBLE),
                (f"a.version <> 1 OR {_TALKED_ABOUT}", Outcome.CHANGED_SINCE),
            ]
        )
    fields = _fields(run.request)
    if "folder_id" in fields:
        places.make_ready(run)
    same = run.how.same
    still_as_set = [f"a.{field} {same} {_as_set(field)}" for field in fields]
    if tagging.is_asked(run.request):
        still_as_set.append(tagging.as_set())
    verdicts = [(f"NOT ({' AND '.join(still_as_set)})", Outcome.CHANGED_SINCE)]
    if "name" in fields:
        folder = "r.folder_id" if "folder_id" in fields else "a.folder_id"
        verdicts.append(
            (f"{_comes_live(fields, 'a.', 'r.')} AND {taken(folder, 'r.name')}", Outcome.COLLIDES)
        )
    return Look(verdicts=verdicts, sets={f"to_{field}": f"r.{field}" for field in fields})


def takes_name(run: Run) -> str | None:
    fields = _fields(run.request)
    return _comes_live(fields, "i.", "i.to_") if "name" in fields else None


def apply(run: Run, *, renamed: bool) -> None:
    if run.request.undoes is Verb.COPY:
        purge.apply(run, renamed=False)
        return
    if tagging.is_asked(run.request):
        tagging.put_back(run)
    fields = _fields(run.request)
    assignments = "".join(f"{field} = s.to_{field}, " for field in fields)
    columns = "".join(f", i.to_{field}" for field in fields)
    run.execute(f"""{run.how.update} asset SET {assignments}updated_at = :now, version = version + 1
        FROM (SELECT i.asset_id{columns} FROM operation_item i
            WHERE {{items}} AND i.outcome = {DONE} {run.how.fence}) s
        WHERE asset.id = s.asset_id""")
    if "display_name" in fields:
        belongings.forget_words(run)


def changes(request: Request) -> Sequence[str]:
    return request.undone_fields


def _fields(request: Request) -> list[str]:
    """Those of the asset's own fields that the undone operation has set."""
    return [field for field in request.undone_fields if field in FIELDS]


def _as_set(field: str) -> str:
    """What the undone operation left in a field. A name it did not give is the name there was."""
    return "COALESCE(r.to_name, r.name)" if field == "name" else f"r.to_{field}"


def _comes_live(fields: Sequence[str], now: str, then: str) -> str:
    """Whether an item will hold a live name that it does not hold now, given the columns it has and will have."""
    if "archived_at" in fields:
        return f"{now}archived_at IS NOT NULL AND {then}archived_at IS NULL"
    return f"{now}archived_at IS NULL"
