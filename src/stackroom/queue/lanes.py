"""Whose turn it is.

A lane holds the jobs of one kind, one priority and one organization. Claims take from the lane of the lowest
`(priority, turn)`, and what they take is added to its turn: so organizations take turns, however much each has
submitted. A lane that becomes active begins where the least of the active ones is, and can neither save up turns
while it is idle nor be made to wait for what it has not used.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection

_ACTIVE = "SELECT min(o.turn) FROM lane o WHERE o.kind = lane.kind AND (o.ready OR o.running > 0)"


class Change(msgspec.Struct):
    """What happens to a lane's numbers. `woken`: it has got jobs that are ready."""

    running: int = 0
    unfinished: int = 0
    woken: bool = False


class Changes(defaultdict[int, Change]):
    """The changes of several lanes, by id."""

    def __init__(self) -> None:
        super().__init__(Change)


def ensure(conn: Connection, *, organization_id: int, kind: str, priority: int) -> int:
    """The id of a lane, which is made if there is none yet."""
    which = {"organization": organization_id, "kind": kind, "priority": priority}
    find = """SELECT id FROM lane
        WHERE kind = :kind AND priority = :priority AND organization_id = :organization"""
    found: int | None = conn.scalar(statement(find), which)
    if found is None:
        make = """INSERT INTO lane (kind, priority, organization_id) VALUES (:kind, :priority, :organization)
            ON CONFLICT (kind, priority, organization_id) DO NOTHING"""
        conn.execute(statement(make), which)
        found = conn.scalar(statement(find), which)
        assert found is not None
    return found


def change(conn: Connection, changes: Changes) -> None:
    """Move the numbers of these lanes. They are held from here to the commit, in the order of their ids."""
    if not changes:
        return
    hold(conn, "lane", changes)
    how = flavour.of(conn)
    said = flavour.rows(how, "lanes", id=int, running=int, unfinished=int, woken=int)
    conn.execute(
        statement(
            f"""{how.update} lane SET running = lane.running + r.running,
                unfinished = lane.unfinished + r.unfinished,
                turn = CASE WHEN r.woken = 1 AND NOT lane.ready AND lane.running = 0
                    THEN {how.greatest}(lane.turn, COALESCE(({_ACTIVE}), 0)) ELSE lane.turn END,
                ready = (lane.ready OR r.woken = 1)
            FROM {said} r WHERE lane.id = r.id"""
        ),
        {
            "lanes": _json(
                [(id_, it.running, it.unfinished, int(it.woken)) for id_, it in sorted(changes.items())]
            )
        },
    )


def hold(conn: Connection, table: str, ids: Iterable[int]) -> None:
    """Keep these rows for ourselves until the commit, in the order of their ids: two that did so in orders of their
    own could wait for each other for ever. Who changes a single row holds it by that."""
    wanted = list(ids)
    how = flavour.of(conn)
    if how is flavour.POSTGRESQL and len(wanted) > 1:
        conn.execute(
            statement(
                f"SELECT id FROM {table} WHERE id {how.among.format(name='ids')} ORDER BY id {how.lock}"
            ),
            {"ids": _json(wanted)},
        )


def mend(conn: Connection) -> int:
    """Wake the lanes that have ready jobs and do not say so; how many there were. There should be none: this is for
    what nobody has foreseen, and for jobs that somebody held just as a claim passed by."""
    changes = Changes()
    for lane_id in asleep(conn):
        changes[lane_id].woken = True
    change(conn, changes)
    return len(changes)


def asleep(conn: Connection) -> list[int]:
    """The lanes that `mend` would wake."""
    query = """SELECT id FROM lane WHERE NOT ready AND unfinished > running
        AND EXISTS (SELECT 1 FROM job WHERE job.lane_id = lane.id AND job.state = 0)"""
    return list(conn.scalars(statement(query)))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
