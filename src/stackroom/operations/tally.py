"""What the items of an operation have come to: found in one pass over them where all ended alike, else in two."""

import msgspec
from sqlalchemy import Connection

from stackroom.database.flavour import statement
from stackroom.operations.outcome import SUCCEEDED, Outcome

_MINE = "FROM operation_item WHERE operation_id = :op AND line >= :from"
_TOGETHER = f"""SELECT min(outcome) AS least, max(outcome) AS greatest, count(*) AS items, sum(size) AS size,
    min(folder_id) AS one_folder, max(folder_id) AS other_folder, count(archived_at) AS archived,
    count(to_name) AS named {_MINE}"""
_OTHERS = f"SELECT outcome, count(*), sum(size) {_MINE} AND outcome <> :least GROUP BY outcome"


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of all items together."""

    least: Outcome | None
    greatest: Outcome | None
    items: int
    size: int
    folder_id: int | None
    """The one folder that all of them were in, as far as they are known; None if they were in several."""
    archived: int
    named: int

    @property
    def all_done(self) -> bool:
        return self.least is self.greatest is Outcome.DONE


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: dict[Outcome, int]
    total_bytes: int
    """Of those that succeeded."""
    folder_id: int | None
    """As in `Glance`."""
    named: int
    """How many the operation gives a name of its own."""


def glance(conn: Connection, operation_id: int, start: int = 0) -> Glance:
    """At the items from the line `start` on."""
    row = conn.execute(statement(_TOGETHER), {"op": operation_id, "from": start}).one()
    return Glance(
        least=None if row.least is None else Outcome(row.least),
        greatest=None if row.greatest is None else Outcome(row.greatest),
        items=row.items,
        size=int(row.size or 0),
        folder_id=row.one_folder if row.one_folder == row.other_folder else None,
        archived=row.archived,
        named=row.named,
    )


def count(conn: Connection, operation_id: int, start: int = 0, *, seen: Glance | None = None) -> Tally:
    """The items from the line `start` on; what has been `seen` of them, if that is still true, is not looked for
    again."""
    seen = seen or glance(conn, operation_id, start)
    found: dict[Outcome, tuple[int, int]] = {}
    if seen.least is not seen.greatest:  # of ten thousand as a rule only few have to be sorted
        others = {"op": operation_id, "from": start, "least": seen.least}
        rows = conn.execute(statement(_OTHERS), others)
        found = {Outcome(outcome): (items, int(size or 0)) for outcome, items, size in rows}
    if seen.least is not None:
        rest = seen.items - sum(items for items, _ in found.values())
        found[seen.least] = rest, seen.size - sum(size for _, size in found.values())
    return Tally(
        outcomes={outcome: items for outcome, (items, _) in sorted(found.items())},
        total_bytes=sum(size for outcome, (_, size) in found.items() if outcome in SUCCEEDED),
        folder_id=seen.folder_id,
        named=seen.named,
    )
