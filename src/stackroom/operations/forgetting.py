"""Journals are forgotten a month after their operation is over. The row of an operation says so before the first of its
items goes, and goes with the last: whoever asks meanwhile finds it no more, and never with a part of its items."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from stackroom import clock
from stackroom.database.schema import operation, operation_item, operation_tag
from stackroom.operations.journal import FORGOTTEN

KEPT_FOR: Final = 30 * clock.DAY
PORTION: Final = 5_000
"""How many items go in one transaction: others want to write between two."""
OPERATIONS: Final = 500
"""And how many operations: most have one item, and each is named to the database."""


def are_due(conn: Connection, *, now: int) -> bool:
    """Whether there is any journal to forget."""
    return conn.scalar(select(operation.c.id).where(_due(now)).limit(1)) is not None


def forget(conn: Connection, *, now: int) -> bool:
    """Forget a portion of the journals that are due; whether there may be more. Repeating it goes on where it ended;
    what another server has in hand, or is about to be undone, is left to the next time."""
    due = select(operation.c.id, operation.c.total).where(_due(now)).order_by(operation.c.id)
    found = conn.execute(due.limit(OPERATIONS).with_for_update(skip_locked=True)).all()
    whole, items = list[int](), 0
    for row in found:
        items += row.total
        if items > PORTION:
            break
        whole.append(row.id)
    if whole:
        _forget_items(conn, operation_item.c.operation_id.in_(whole), operation_tag.c.operation_id.in_(whole))
        conn.execute(delete(operation).where(operation.c.id.in_(whole)))
    elif found:
        _forget_some(conn, found[0].id)
    return bool(found)


def _forget_some(conn: Connection, operation_id: int) -> None:
    mine, tags = operation_item.c.operation_id == operation_id, operation_tag.c.operation_id == operation_id
    line = operation_item.c.line
    last = conn.scalar(select(line).where(mine).order_by(line).offset(PORTION - 1).limit(1))
    if last is None:
        _forget_items(conn, mine, tags)
        conn.execute(delete(operation).where(operation.c.id == operation_id))
    else:
        conn.execute(update(operation).where(operation.c.id == operation_id).values(state=FORGOTTEN))
        _forget_items(conn, mine & (line <= last), tags & (operation_tag.c.line <= last))


def _forget_items(conn: Connection, which: ColumnElement[bool], tags: ColumnElement[bool]) -> None:
    conn.execute(delete(operation_tag).where(tags))
    conn.execute(delete(operation_item).where(which))


def _due(now: int) -> ColumnElement[bool]:
    undoing = operation.alias()
    # A large one, which may be paused, reads what it has to put back until its end.
    read = exists().where(undoing.c.undo_of == operation.c.id, undoing.c.finished_at.is_(None))
    return (operation.c.finished_at <= now - KEPT_FOR) & operation.c.finished_at.is_not(None) & ~read
