"""Names that are taken where an item goes, and what the policy makes of it. Serves every verb that gives names.

When this begins, the journal says of each item DONE, or COLLIDES because a live asset has its name. Items that can
keep their name keep it; the others are named after them, in the order of the request.
"""

import msgspec

from stackroom.errors import Conflict
from stackroom.library import numbering
from stackroom.operations import purge
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Collision
from stackroom.operations.run import Run
from stackroom.operations.tally import Glance

DONE, COLLIDES = int(Outcome.DONE), int(Outcome.COLLIDES)
FOLDER = "COALESCE(i.to_folder_id, i.folder_id)"
NAME = "COALESCE(i.to_name, i.name)"


def taken(folder: str, name: str) -> str:
    """The condition that a live asset other than `a` has this name in this folder."""
    return f"""EXISTS (SELECT 1 FROM asset x WHERE x.folder_id = {folder} AND x.name = {name}
        AND x.archived_at IS NULL AND x.id <> a.id)"""


def settle(run: Run, seen: Glance, takes_name: str, first_number: int) -> bool:
    """Give every COLLIDES item its outcome. Whether any item now has another than what was `seen`."""
    repeated = not _surely_differ(run, seen) and _mark_repeats(run, takes_name)
    if not repeated and seen.least is not Outcome.COLLIDES:
        return False
    colliding = _colliding(run)
    if not colliding:
        return repeated
    match run.request.on_collision:
        case Collision.RENAME:
            given = [] if _none_keeps_its_name(run, seen) else _brought_along(run, takes_name)
            _rename(run, numbering.free_names(run.conn, colliding, given, first_number))
        case Collision.SKIP:
            _end(run, Outcome.SKIPPED)
        case Collision.OVERWRITE:
            _overwrite(run)
        case Collision.FAIL:
            _refuse(colliding)
    return True


def _surely_differ(run: Run, seen: Glance) -> bool:
    """Whether no two items can want one name, so that theirs need not be compared: one item, or all go from one folder
    to another, live; or none keeps its name, of those that are to be renamed."""
    if seen.items == 1 or _none_keeps_its_name(run, seen):
        return True
    go = run.target_folder_id is not None and seen.all_done
    return go and seen.folder_id is not None and not seen.archived


def _none_keeps_its_name(run: Run, seen: Glance) -> bool:
    renames = run.request.on_collision is Collision.RENAME
    return renames and seen.least is seen.greatest is Outcome.COLLIDES


def _mark_repeats(run: Run, takes_name: str) -> bool:
    """Mark the items that want a name which an earlier item of the same request takes. Whether there are any.

    Nothing that this request puts there may be overwritten by it either, so under that policy the outcome is final,
    and the names that items will get by overwriting are taken as well.
    """
    overwrites = run.request.on_collision is Collision.OVERWRITE
    outcome = Outcome.NAME_TAKEN if overwrites else Outcome.COLLIDES
    takers = f"{DONE}, {COLLIDES}" if overwrites else f"{DONE}"
    those = f"FROM operation_item i WHERE {{items}} AND i.outcome IN ({takers}) AND {takes_name}"
    # Where the names differ so do the places, which take longer to compare.
    places = [NAME] if run.target_folder_id is not None else [NAME, f"{FOLDER} || '/' || {NAME}"]
    if any(_all_differ(run, place, those) for place in places):
        return False
    run.execute(f"""{run.how.update} operation_item AS i SET outcome = {int(outcome)}
        WHERE {{items}} AND i.outcome IN ({takers}) AND {takes_name}
        AND i.position NOT IN (SELECT min(i.position) {those} GROUP BY {places[-1]})""")
    return True


def _all_differ(run: Run, value: str, those: str) -> bool:
    gathered = run.execute(f"SELECT {run.how.gathered.format(value=value)} {those}").scalar()
    values = msgspec.json.decode(gathered or "[]")
    return len(set(values)) == len(values)


def _colliding(run: Run) -> list[tuple[int, int, str]]:
    rows = run.execute(f"""SELECT i.line, {FOLDER}, {NAME} FROM operation_item i
        WHERE {{items}} AND i.outcome = {COLLIDES} ORDER BY i.position""")
    return [(line, folder, name) for line, folder, name in rows]


def _brought_along(run: Run, takes_name: str) -> list[tuple[int, str]]:
    """The (folder, name) of items that keep their names where they go."""
    rows = run.execute(
        f"""SELECT {FOLDER}, {NAME} FROM operation_item i
            WHERE {{items}} AND i.outcome = {DONE} AND {takes_name}"""
    )
    return [(folder, name) for folder, name in rows]


def _rename(run: Run, planned: list[tuple[int, str]]) -> None:
    # Not by `{items}`: its range of lines is what SQLite from 3.46 on would look through for each of the names.
    run.execute(
        f"""{run.how.update} operation_item AS i SET to_name = s.value, outcome = {DONE} FROM {run.how.pairs} s
            WHERE i.operation_id = :op AND i.line = s.position""",
        pairs=_json(planned),
    )


def _overwrite(run: Run) -> None:
    """Purge what has the names, but nothing that this same request is about, or has made in an earlier chunk."""
    holder = f"FROM asset x WHERE x.folder_id = {FOLDER} AND x.name = {NAME} AND x.archived_at IS NULL"
    spared = """SELECT j.asset_uuid FROM operation_item j WHERE j.operation_id = :op
        UNION ALL SELECT j.new_uuid FROM operation_item j WHERE j.operation_id = :op AND j.new_uuid IS NOT NULL
        UNION ALL SELECT p.asset_uuid FROM operation_pending p WHERE p.operation_id = :op"""
    run.execute(f"""{run.how.update} operation_item AS i SET overwrote = (SELECT x.uuid {holder}),
            outcome = CASE WHEN EXISTS (SELECT 1 {holder} AND x.uuid IN ({spared}))
                THEN {int(Outcome.NAME_TAKEN)} ELSE {COLLIDES} END
        WHERE {{items}} AND i.outcome = {COLLIDES}""")
    those = f"""FROM operation_item i CROSS JOIN asset x
        WHERE {{items}} AND i.outcome = {COLLIDES} AND x.uuid = i.overwrote"""
    if run.how.lock:
        _hold_overwritten(run, those, holder)
    purge.remove(run, "x.id", those)
    _end(run, Outcome.DONE)


def _hold_overwritten(run: Run, those: str, holder: str) -> None:
    """Wait for whoever is changing what is to be overwritten. What has another place now, or is archived, is spared;
    and what was given to the others meanwhile goes with them."""
    run.execute(f"SELECT count(*) FROM (SELECT x.id {those} ORDER BY x.id {run.how.lock} OF x) held")
    run.execute(f"""{run.how.update} operation_item AS i SET overwrote = NULL
        WHERE {{items}} AND i.outcome = {COLLIDES} AND NOT EXISTS (SELECT 1 {holder} AND x.uuid = i.overwrote)""")


def _end(run: Run, outcome: Outcome) -> None:
    run.execute(f"""{run.how.update} operation_item AS i SET outcome = {int(outcome)}
        WHERE {{items}} AND i.outcome = {COLLIDES}""")


def _refuse(colliding: list[tuple[int, int, str]]) -> None:
    names = [name for _, _, name in colliding]
    raise Conflict(
        f"{len(names)} of the names already exist in the target folder, such as {names[0]!r}; nothing was changed",
        code="name_taken",
        hint="Ask for on_collision rename, skip or overwrite, or choose another folder.",
        details={"count": len(names), "names": names[:10]},
    )


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
