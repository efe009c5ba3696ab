"""Giving tags to items and taking them away: what an update, and the undo of one, does beside setting fields.

The journal keeps for each item only the tags that it got or lost, so that an undo takes back no more than that.
"""

import msgspec

from stackroom.operations.collisions import DONE
from stackroom.operations.request import Changes, Request
from stackroom.operations.run import Run

TAGS = "tags"
"""What stands among the fields that an operation changes, if it is about tags."""

# Without the sign SQLite concludes that `o.line` begins where `i.line` does, and reads on from there for each.
SAME = "+i.line"
ITS_TAG = "SELECT 1 FROM asset_tag x WHERE x.asset_id = a.id AND x.tag_id"


def is_asked(request: Request) -> bool:
    changes = request.changes
    return bool(changes.add_tags or changes.remove_tags) or TAGS in request.undone_fields


def unchanged(run: Run) -> list[str]:
    """The conditions that asset `a` has already what is to be given, and nothing of what is to be taken."""
    changes = run.request.changes
    theirs = "FROM asset_tag x JOIN tag t ON t.id = x.tag_id WHERE x.asset_id = a.id AND t.name IN"
    named = f"(SELECT w.value FROM {run.how.pairs} w WHERE w.position = "
    conditions = []
    if changes.add_tags:
        conditions.append(f"(SELECT count(*) {theirs} {named} 1)) = {len(changes.add_tags)}")
    if changes.remove_tags:
        conditions.append(f"NOT EXISTS (SELECT 1 {theirs} {named} 0))")
    return conditions


def parameters(changes: Changes) -> dict[str, object]:
    """What `unchanged` binds: the tags to give with a 1, the tags to take with a 0."""
    if not (changes.add_tags or changes.remove_tags):
        return {}
    wanted = [*((1, name) for name in changes.add_tags), *((0, name) for name in changes.remove_tags)]
    return {"pairs": msgspec.json.encode(wanted).decode()}


def apply(run: Run) -> None:
    """Give and take the tags of every item that is DONE. Tags that the dataset does not know yet are made."""
    changes = run.request.changes
    wanted = parameters(changes)
    if changes.add_tags:
        run.execute(
            f"""INSERT INTO tag (dataset_id, name) SELECT d.dataset_id, w.value
                FROM (SELECT DISTINCT a.dataset_id FROM operation_item i CROSS JOIN asset a
                    WHERE {{items}} AND i.outcome = {DONE} AND a.id = i.asset_id) d
                CROSS JOIN {run.how.pairs} w WHERE w.position = 1 ON CONFLICT DO NOTHING""",
            **wanted,
        )
    run.execute(
        f"""INSERT INTO operation_tag (operation_id, line, tag_id, added)
            SELECT i.operation_id, i.line, t.id, w.position = 1
            FROM operation_item i CROSS JOIN asset a CROSS JOIN {run.how.pairs} w CROSS JOIN tag t
            WHERE {{items}} AND i.outcome = {DONE} AND a.id = i.asset_id
            AND t.dataset_id = a.dataset_id AND t.name = w.value AND (w.position = 1) <> EXISTS ({ITS_TAG} = t.id)""",
        **wanted,
    )
    _perform(run, gives=bool(changes.add_tags), takes=bool(changes.remove_tags))


def as_set() -> str:
    """The condition that asset `a` still has the tags that the undone operation gave row `r`, and lacks those taken."""
    return f"""NOT EXISTS (SELECT 1 FROM operation_tag o WHERE o.operation_id = :undone AND o.line = r.n
        AND o.added <> EXISTS ({ITS_TAG} = o.tag_id))"""


def put_back(run: Run) -> None:
    """Take from every item that is DONE the tags that the undone operation gave it, and give those that it took."""
    run.execute(f"""INSERT INTO operation_tag (operation_id, line, tag_id, added)
        SELECT i.operation_id, i.line, o.tag_id, NOT o.added FROM operation_item i CROSS JOIN operation_tag o
        WHERE {{items}} AND i.outcome = {DONE} AND o.line = {SAME}
        AND o.operation_id = (SELECT undo_of FROM operation WHERE id = :op)""")
    _perform(run, gives=True, takes=True)


def _perform(run: Run, *, gives: bool, takes: bool) -> None:
    """Make the tags of the items what the journal says."""
    noted = f"""SELECT o.tag_id, i.asset_id FROM operation_item i CROSS JOIN operation_tag o
        WHERE {{items}} AND i.outcome = {DONE} AND o.operation_id = i.operation_id AND o.line = {SAME}"""
    if gives:
        run.execute(
            f"INSERT INTO asset_tag (tag_id, asset_id) {noted} AND o.added ORDER BY o.tag_id, i.asset_id"
        )
    if takes:
        run.execute(f"DELETE FROM asset_tag WHERE (tag_id, asset_id) IN ({noted} AND NOT o.added)")
