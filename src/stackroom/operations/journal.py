"""The journal: one row per operation, one per item. The work table, the report, the audit and undo's memory in one."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.database.schema import (
    dataset,
    folder,
    operation,
    operation_item,
    operation_pending,
    operation_tag,
    tag,
)
from stackroom.errors import NotFound
from stackroom.operations import tally as tallies
from stackroom.operations.outcome import FAILED, SUCCEEDED, Outcome, reason
from stackroom.operations.request import AT_ONCE, FailedOf, Ids, Request, Verb
from stackroom.operations.selection import restriction
from stackroom.operations.tally import Tally

FINISHED = "finished"
RUNNING = "running"
PAUSED = "paused"
CANCELLED = "cancelled"
FORGOTTEN = "forgotten"
"""Some of its items are gone, and the rest follow: it is found by nobody. See `forgetting`."""
_OPTIONAL = ("status", "display_name", "split", "archived_at")


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it stands. The outcomes are counted from the items' rows; `pending` have none yet."""

    id: int
    uuid: bytes
    verb: Verb
    state: str
    request: Request
    dataset_uuid: bytes | None
    dataset_name: str | None
    total: int
    outcomes: dict[Outcome, int]
    total_bytes: int
    undo_of: bytes | None
    undone_by: bytes | None
    error: str | None
    created_at: int
    finished_at: int | None
    tally: Tally | None = None
    """For whoever has just carried it out: what was found then about its items, so that nobody need look again."""

    @property
    def succeeded(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome in SUCCEEDED)

    @property
    def failed(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome in FAILED)

    @property
    def pending(self) -> int:
        return self.total - self.succeeded - self.failed

    @property
    def undoable(self) -> bool:
        done = self.outcomes.get(Outcome.DONE, 0) > 0
        return done and not self.is_final and self.finished_at is not None and self.undone_by is None

    @property
    def is_final(self) -> bool:
        """Whether it removes for good: a purge, or the undo of a copy."""
        return self.verb is Verb.PURGE or (self.verb is Verb.UNDO and self.request.undoes is Verb.COPY)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one item: as it was (`before`), as it became (`after`), and the asset a copy made.

    Of tags, `after` has those that the item got and lost: `added_tags`, `removed_tags`.
    """

    position: int
    asked: str
    outcome: Outcome
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    new_uuid: bytes | None


class Created(msgspec.Struct, frozen=True):
    """What a copy made, as a database gives it soonest: of all its items the positions, the new ids and the names."""

    positions: str
    uuids: bytes
    names: str

    def each(self) -> list[tuple[int, str, str]]:
        """Position of the source, id and name of the new asset, in the order of the request."""
        positions, names = msgspec.json.decode(self.positions), msgspec.json.decode(self.names)
        made = zip(positions, ids.texts(self.uuids), names, strict=True)
        return sorted(made, key=itemgetter(0))  # by their texts as well it would take twice as long


def begin(
    conn: Connection,
    actor: Actor,
    request: Request,
    *,
    dataset_id: int | None,
    total: int,
    undo_of: int | None = None,
    now: int,
) -> int:
    """Write an operation's row; its id."""
    # What was asked of ten thousand ids one by one stands in the items; keeping the list twice helps nobody.
    kept = request
    if isinstance(request.selection, Ids):
        kept = msgspec.structs.replace(request, selection=request.selection.without_ids())
    values = {
        "uuid": ids.new(),
        "organization_id": actor.organization_id,
        "dataset_id": dataset_id,
        "verb": request.verb.value,
        "state": RUNNING,
        "request": msgspec.json.encode(kept).decode(),
        "total": total,
        "undo_of": undo_of,
        "key_id": actor.key_id,
        "actor": msgspec.json.encode(actor).decode(),
        "created_at": now,
    }
    made = conn.execute(insert(operation), values).inserted_primary_key
    assert made is not None
    return int(made[0])


def note_malformed(
    conn: Connection, operation_id: int, selection: Ids | FailedOf, start: int, stop: int
) -> None:
    """Keep the spelling of what was no id, for the report: of the lines from `start` up to `stop`."""
    spelled = [each for each in selection.misspelt if start <= each[0] < stop]
    if spelled:
        how = flavour_of(conn)
        conn.execute(
            statement(f"""{how.update} operation_item SET asked = s.value FROM {how.pairs} s
                WHERE operation_item.operation_id = :op AND operation_item.line = s.position"""),
            {"op": operation_id, "pairs": msgspec.json.encode(spelled).decode()},
        )


def failed_of(found: Operation) -> FailedOf:
    """The selection of what `found` failed with. It looks where `found` looked: what was elsewhere stays unknown."""
    moved_in = found.request.target_dataset_id if found.verb is Verb.MOVE else None
    return FailedOf(found.id, restriction(found.request.selection) or moved_in)


def add_up(conn: Connection, operation_id: int, tally: Tally) -> None:
    """Add what a long operation's chunk came to, so that who follows it need not have all counted."""
    mine = operation.c.id == operation_id
    before = conn.execute(select(operation.c.outcomes, operation.c.bytes).where(mine)).one()
    total = Counter(_outcomes(before.outcomes or "{}")) + Counter(tally.outcomes)
    values = {"outcomes": _written(total), "bytes": before.bytes + tally.total_bytes, "error": None}
    conn.execute(update(operation).where(mine).values(values))


def note_trouble(conn: Connection, operation_id: int, why: str) -> None:
    """Say of a running operation why it does not go on at the moment. Its next chunk takes that back."""
    running = (operation.c.id == operation_id) & operation.c.finished_at.is_(None)
    conn.execute(update(operation).where(running).values(error=why))


def finish(conn: Connection, operation_id: int, tally: Tally, *, state: str = FINISHED, now: int) -> None:
    """Close an operation: this is what it came to, for good."""
    conn.execute(
        statement("""UPDATE operation SET state = :state, outcomes = :outcomes, bytes = :bytes, error = NULL,
            finished_at = :now WHERE id = :op"""),
        {
            "op": operation_id,
            "state": state,
            "outcomes": _written(tally.outcomes),
            "bytes": tally.total_bytes,
            "now": now,
        },
    )


def _outcomes(written: str) -> dict[Outcome, int]:
    return {Outcome(int(code)): count for code, count in msgspec.json.decode(written).items()}


def _written(outcomes: Mapping[Outcome, int]) -> str:
    return msgspec.json.encode({str(int(outcome)): count for outcome, count in outcomes.items()}).decode()


def get(conn: Connection, actor: Actor, reference: str) -> Operation:
    """By id. Raises `NotFound`, for another organization's operation as for none."""
    raw = ids.parse(reference)
    found = _first(conn, actor, operation.c.uuid == raw) if raw else None
    if found is None:
        raise NotFound(f"operation {reference!r} not found", hint="Journals are kept for 30 days.")
    return found


def hold(conn: Connection, actor: Actor, reference: str) -> Operation:
    """`get`, once the chunk that may be at work on it has ended; nobody takes it further until the commit."""
    found = get(conn, actor, reference)
    lock = flavour_of(conn).lock
    if lock:
        conn.execute(statement(f"SELECT id FROM operation WHERE id = :id {lock}"), {"id": found.id})
    return get(conn, actor, reference)  # which may have been forgotten meanwhile


def by_id(conn: Connection, actor: Actor, operation_id: int) -> Operation:
    row = conn.execute(_by_id(), {"organization": actor.organization_id, "wanted": operation_id}).one()
    return _from_row(conn, row)


def page(conn: Connection, actor: Actor, *, limit: int, before: Operation | None = None) -> list[Operation]:
    """Operations, newest first."""
    where = [operation.c.organization_id == actor.organization_id]
    if before is not None:
        where.append(operation.c.id < before.id)
    rows = conn.execute(_query().where(*where).order_by(operation.c.id.desc()).limit(limit))
    return [_from_row(conn, row) for row in rows.all()]


def items(
    conn: Connection,
    found: Operation,
    *,
    outcomes: Sequence[Outcome] | None = None,
    after: int = -1,
    limit: int = 1000,
) -> list[Item]:
    """Items by position, from the one behind `after`; only those with one of `outcomes`, if given."""
    # What ran in chunks has its lines by position, and only there are they too many to be put in order for each page.
    place = operation_item.c.position if found.total <= AT_ONCE else operation_item.c.line
    query = _items().where(place > after).order_by(place)
    if outcomes is not None:
        query = query.where(operation_item.c.outcome.in_([int(outcome) for outcome in outcomes]))
    rows = conn.execute(query.limit(limit), {"operation": found.id}).all()
    tagged = _tags(conn, found, [row.line for row in rows])
    return [_item(found, row, tagged.get(row.line, {})) for row in rows]


@cache  # see `_by_id`
def _items() -> Select[Any]:
    before_folder, after_folder = folder.alias(), folder.alias()
    was, became = (
        func.coalesce(each.c.removed_from, each.c.path).label(label)
        for each, label in ((before_folder, "folder"), (after_folder, "to_folder"))
    )
    return (
        select(operation_item, was, became)
        .outerjoin(before_folder, before_folder.c.id == operation_item.c.folder_id)
        .outerjoin(after_folder, after_folder.c.id == operation_item.c.to_folder_id)
        .where(operation_item.c.operation_id == bindparam("operation"))
    )


def _tags(conn: Connection, found: Operation, lines: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    """The tags that the items of these lines, and of those between them, got and lost, by line."""
    changes = found.request.changes
    if not lines or not (changes.add_tags or changes.remove_tags or "tags" in found.request.undone_fields):
        return {}
    between = operation_tag.c.line.between(min(lines), max(lines))
    mine = (operation_tag.c.operation_id == found.id) & between
    query = select(operation_tag.c.line, operation_tag.c.added, tag.c.name)
    tagged: dict[int, dict[str, list[str]]] = {}
    for line, added, name in conn.execute(
        query.join_from(operation_tag, tag, tag.c.id == operation_tag.c.tag_id)
        .where(mine)
        .order_by(tag.c.name)
    ):
        of_item = tagged.setdefault(line, {})
        of_item.setdefault("added_tags" if added else "removed_tags", []).append(name)
    return tagged


def failures(conn: Connection, operation_id: int) -> list[tuple[int, Outcome, str | None]]:
    """Items that did not succeed: position, outcome, and the asset's name where there is one."""
    rows = conn.execute(
        select(operation_item.c.position, operation_item.c.outcome, operation_item.c.name)
        .where(
            operation_item.c.operation_id == operation_id,
            operation_item.c.outcome.not_in([int(outcome) for outcome in SUCCEEDED]),
        )
        .order_by(operation_item.c.position)
    )
    return [(position, Outcome(outcome), name) for position, outcome, name in rows]


def source_folders(conn: Connection, found: Operation) -> list[str]:
    """The folders the succeeding items were in, in order of first appearance."""
    if not found.succeeded:
        return []
    one = _tally(conn, found).folder_id
    if one is not None:  # no need to look through ten thousand rows for the first of each
        return list(conn.scalars(select(folder.c.path).where(folder.c.id == one)))
    succeeded = ", ".join(str(int(outcome)) for outcome in SUCCEEDED)
    mine = f"operation_item WHERE operation_id = :op AND outcome IN ({succeeded})"
    positions, folder_ids = _gathered(conn, ["position", "folder_id"], mine, op=found.id)
    first: dict[int, int] = {}
    for position, each in zip(positions, folder_ids, strict=True):
        first[each] = min(position, first.get(each, position))
    wanted = sorted(first, key=first.__getitem__)
    named = f"{flavour_of(conn).texts} wanted CROSS JOIN folder f WHERE f.id = CAST(wanted.value AS bigint)"
    texts = msgspec.json.encode([str(each) for each in wanted]).decode()
    path_of = dict(zip(*_gathered(conn, ["f.id", "f.path"], named, texts=texts), strict=True))
    return [path_of[each] for each in wanted if each in path_of]


def created(conn: Connection, operation_uuid: bytes) -> Created:
    """What a copy made, and kept, whatever has become of it since."""
    how = flavour_of(conn)
    numbers, uuids, names = conn.execute(
        statement(f"""SELECT {how.gathered.format(value="position")}, {how.end_to_end.format(value="new_uuid")},
                {how.gathered.format(value="COALESCE(to_name, name)")} FROM operation_item
            WHERE operation_id = (SELECT id FROM operation WHERE uuid = :uuid)
            AND outcome = {int(Outcome.DONE)} AND new_uuid IS NOT NULL"""),
        {"uuid": operation_uuid},
    ).one()
    return Created(numbers or "[]", uuids or b"", names or "[]")


def _gathered(conn: Connection, columns: Sequence[str], source: str, **parameters: Any) -> list[list[Any]]:
    """Columns of what may be thousands of rows, each column as a list."""
    gathered = ", ".join(flavour_of(conn).gathered.format(value=each) for each in columns)
    row = conn.execute(statement(f"SELECT {gathered} FROM {source}"), parameters).one()
    return [msgspec.json.decode(column or "[]") for column in row]


def count_renamed(conn: Connection, found: Operation) -> int:
    """How many items of a move or a copy got a numbered name."""
    return _tally(conn, found).named


def _tally(conn: Connection, found: Operation) -> Tally:
    return found.tally or tallies.count(conn, found.id)


def first_pending(conn: Connection, operation_id: int) -> int | None:
    where = operation_pending.c.operation_id == operation_id
    position: int | None = conn.scalar(select(func.min(operation_pending.c.position)).where(where))
    return position


@cache  # every operation is read when it is done, and building this takes longer than running it
def _by_id() -> Any:
    mine = operation.c.organization_id == bindparam("organization")
    return _query().where(mine, operation.c.id == bindparam("wanted"))


@cache
def _query() -> Any:
    undone, undoing = operation.alias(), operation.alias()
    # One that found everything changed has put nothing back: it may be tried again when that has been seen to.
    counts = undone.c.finished_at.is_(None) | undone.c.outcomes.contains(f'"{int(Outcome.DONE)}":')
    later = (
        select(undone.c.uuid)
        .where(undone.c.undo_of == operation.c.id, undone.c.state != CANCELLED, counts)
        .order_by(undone.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            operation,
            dataset.c.uuid.label("dataset_uuid"),
            dataset.c.name.label("dataset_name"),
            undoing.c.uuid.label("undo_of_uuid"),
            later.label("undone_by"),
        )
        .outerjoin(dataset, dataset.c.id == operation.c.dataset_id)
        .outerjoin(undoing, undoing.c.id == operation.c.undo_of)
        .where(operation.c.state != FORGOTTEN)
    )


def _first(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> Operation | None:
    row = conn.execute(_query().where(operation.c.organization_id == actor.organization_id, where)).first()
    return None if row is None else _from_row(conn, row)


def _from_row(conn: Connection, row: Row[Any]) -> Operation:
    if row.outcomes is None:
        so_far = tallies.count(conn, row.id)
        outcomes, size = so_far.outcomes, so_far.total_bytes
    else:
        outcomes, size = _outcomes(row.outcomes), row.bytes
    return Operation(
        id=row.id,
        uuid=row.uuid,
        verb=Verb(row.verb),
        state=row.state,
        request=msgspec.json.decode(row.request, type=Request),
        dataset_uuid=row.dataset_uuid,
        dataset_name=row.dataset_name,
        total=row.total,
        outcomes=outcomes,
        total_bytes=size,
        undo_of=row.undo_of_uuid,
        undone_by=row.undone_by,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _item(found: Operation, row: Row[Any], tagged: dict[str, list[str]]) -> Item:
    outcome = Outcome(row.outcome)
    before = after = None
    if row.asset_id is not None:
        before = {"folder": row.folder, "name": row.name} | _present(row, "")
    if outcome is Outcome.DONE:
        after = {"folder": row.to_folder, "name": row.to_name}
        after = {key: value for key, value in after.items() if value is not None}
        after = (after | dict.fromkeys(_fields_set(found.request)) | _present(row, "to_") | tagged) or None
    asked = row.asked or ids.text(row.asset_uuid or bytes(16))
    return Item(
        position=row.position,
        asked=asked,
        outcome=outcome,
        reason=reason(outcome, row.name),
        before=before,
        after=after,
        new_uuid=row.new_uuid,
    )


def _fields_set(request: Request) -> list[str]:
    """The fields that a request sets whatever their value: what it clears is part of the story, too."""
    if request.verb is Verb.UNDO:
        return [field for field in request.undone_fields if field in _OPTIONAL]
    given = msgspec.to_builtins(request.changes)  # without what was left out
    archived = ["archived_at"] if "archived" in given else []
    return [*(field for field in given if field in _OPTIONAL), *archived]


def _present(row: Row[Any], prefix: str) -> dict[str, Any]:
    values = {field: getattr(row, prefix + field) for field in _OPTIONAL}
    return {field: value for field, value in values.items() if value is not None}


def all_items(
    conn: Connection, found: Operation, outcomes: Sequence[Outcome] | None = None
) -> Iterator[Item]:
    """Every item, a page at a time."""
    after = -1
    while page_of_items := items(conn, found, outcomes=outcomes, after=after, limit=AT_ONCE):
        yield from page_of_items
        after = page_of_items[-1].position
