"""Loose prefixes: all that stands below one is on its way in or on its way out, and is nobody's.

    in     note the prefix as loose → put the bytes → say whose they are and strike it, in one transaction
    out    forget whose they are and note the prefix as loose, in one transaction → remove the bytes → strike it

As `blobs` does for single bytes. A prefix is never used again, and what is below one is swept when it is due: so
whoever brings bytes in must take it over well before that, or renew it, and has lost it otherwise.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from stackroom import clock
from stackroom.database.flavour import statement
from stackroom.database.schema import loose_prefix

ARRIVAL_GRACE: Final = clock.HOUR
MARGIN: Final = 60 * clock.SECOND
"""How far clocks may be apart: what is due so soon may be swept by another already."""


def announce(conn: Connection, prefix: str, *, now: int, due_at: int | None = None) -> None:
    """Before the first byte is put below it: from `due_at`, or in an hour, it is swept unless it is taken over."""
    conn.execute(insert(loose_prefix).values(prefix=prefix, due_at=due_at or now + ARRIVAL_GRACE))


def renew(conn: Connection, prefix: str, *, now: int, due_at: int | None = None) -> bool:
    """Give an arrival more time; False if it has lost its prefix, which may be swept already."""
    mine = loose_prefix.c.prefix == prefix, loose_prefix.c.due_at > now + MARGIN
    renewed = conn.execute(update(loose_prefix).where(*mine).values(due_at=due_at or now + ARRIVAL_GRACE))
    return renewed.rowcount == 1


def take_over(conn: Connection, prefix: str, *, now: int) -> bool:
    """What stands below it is somebody's from this transaction on; False if it is lost, as in `renew`."""
    mine = loose_prefix.c.prefix == prefix, loose_prefix.c.due_at > now + MARGIN
    return conn.execute(delete(loose_prefix).where(*mine)).rowcount == 1


def hurry(conn: Connection, prefix: str, *, now: int) -> None:
    """What stands below a prefix that was announced is not going to be anybody's, and is swept at the next round."""
    conn.execute(update(loose_prefix).where(loose_prefix.c.prefix == prefix).values(due_at=now))


def give_up(conn: Connection, prefix: str, *, now: int) -> None:
    """What stands below it was somebody's and is nobody's any more, and swept at the next round. Repeating it changes
    nothing."""
    conn.execute(
        statement("""INSERT INTO loose_prefix (prefix, due_at) VALUES (:prefix, :now)
            ON CONFLICT (prefix) DO UPDATE SET due_at = excluded.due_at"""),
        {"prefix": prefix, "now": now},
    )


def due(conn: Connection, *, now: int, limit: int, but: Collection[str] = ()) -> list[str]:
    """Prefixes whose time has come, without these."""
    query = select(loose_prefix.c.prefix).where(loose_prefix.c.due_at <= now).order_by(loose_prefix.c.due_at)
    if but:
        query = query.where(loose_prefix.c.prefix.not_in(but))
    return list(conn.scalars(query.limit(limit)))


def strike(conn: Connection, prefixes: Sequence[str]) -> None:
    """There is nothing left below them."""
    conn.execute(delete(loose_prefix).where(loose_prefix.c.prefix.in_(prefixes)))
