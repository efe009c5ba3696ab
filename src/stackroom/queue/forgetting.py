"""Jobs of no batch are forgotten some time after they are over. Those of a batch go with it."""

from typing import Final

from stackroom.clock import DAY
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection

KEPT_FOR: Final = 30 * DAY
PORTION: Final = 2_000


_OLDEST: Final = """SELECT id, finished_at FROM job WHERE lane_id = {lane} AND batch_id IS NULL
    ORDER BY id LIMIT {limit}"""


def lanes_to_tidy(conn: Connection, *, now: int) -> list[int]:
    """The lanes whose oldest job is one to forget."""
    first = _OLDEST.format(lane="l.id", limit=1)
    query = f"SELECT l.id FROM lane l WHERE (SELECT finished_at FROM ({first}) oldest) < :old ORDER BY l.id"
    return list(conn.scalars(statement(query), {"old": now - KEPT_FOR}))


def forget(conn: Connection, lane_id: int, *, limit: int = PORTION, now: int) -> bool:
    """Forget old jobs of a lane that are over, looking at its oldest ones; whether there may be more."""
    gone = conn.execute(
        statement(
            f"""DELETE FROM job WHERE id IN (SELECT id FROM ({_OLDEST.format(lane=":lane", limit=":limit")}) oldest
                WHERE finished_at < :old)"""
        ),
        {"lane": lane_id, "limit": limit, "old": now - KEPT_FOR},
    ).rowcount
    return gone >= limit
