"""Where an operation's items come from, as SQL: a numbered list of ids beside the assets they name."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from stackroom.access import Actor
from stackroom.database.flavour import POSTGRESQL, statement
from stackroom.database.flavour import of as flavour_of
from stackroom.database.schema import asset, operation_item
from stackroom.errors import Conflict, Invalid
from stackroom.library import listing
from stackroom.operations.outcome import SUCCEEDED
from stackroom.operations.request import FailedOf, Ids, Matching, Selection

# Plain `:name` for parameters: asyncpg's own dialect writes `:name::INTEGER`, which `text` does not know again.
_SPOKEN = {
    "sqlite": SQLiteDialect(paramstyle="named"),
    "postgresql": PGDialect(paramstyle="named"),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this one open
}


class Source(msgspec.Struct, frozen=True):
    """A FROM clause: `rows` r (n, uuid), joined to the asset `a` by `on`. `count` rows, found when it was made.

    `asked` is the expression for how an item was spelled, where that is known and no id; `position` for its place in
    the request.
    """

    rows: str
    on: str
    parameters: dict[str, Any]
    count: int
    asked: str = "NULL"
    position: str = "r.n"

    def joined(self, join: str = "LEFT JOIN") -> str:
        return f"{self.rows} r {join} asset a ON {self.on}"


def resolve(conn: Connection, actor: Actor, selection: Selection, *, now: int | None) -> Source:
    """The items of a selection. A filter leaves out what has expired by `now`, as a listing does.

    Raises `Conflict` (`count_mismatch`) if a filter matches not as many as expected.
    """
    parameters: dict[str, Any] = {"organization": actor.organization_id}
    on = "a.uuid = r.uuid AND a.organization_id = :organization"
    match selection:
        case Ids():
            on += _inside(parameters, selection.dataset_id)
            count = len(selection.asked)
            parameters["packed"] = selection.packed
            if selection.positions:
                parameters["positions"] = msgspec.json.encode(selection.positions).decode()
                return Source(flavour_of(conn).placed, on, parameters, count, position="r.position")
            return Source(flavour_of(conn).packed, on, {**parameters, "count": count}, count)
        case Matching():
            return _matching(conn, selection, parameters, now)
        case FailedOf():
            parameters["failed_of"] = selection.operation_id
            on += _inside(parameters, selection.dataset_id)
            outcomes = ", ".join(str(int(outcome)) for outcome in SUCCEEDED)
            failed = f"operation_id = :failed_of AND outcome NOT IN ({outcomes})"
            rows = f"""(SELECT row_number() OVER (ORDER BY position) - 1 AS n, asset_uuid AS uuid, asked
                FROM operation_item WHERE {failed})"""
            where = operation_item.c.operation_id == selection.operation_id
            failed_count = conn.scalar(
                select(func.count()).where(
                    where, operation_item.c.outcome.not_in([int(o) for o in SUCCEEDED])
                )
            )
            return Source(rows, on, parameters, failed_count or 0, asked="r.asked")


def misspelt(conn: Connection, source: Source) -> tuple[tuple[int, str], ...]:
    """What is no id in a source that says how its items were spelled, as (position, how it was spelled)."""
    query = f"SELECT r.n, {source.asked} FROM {source.rows} r WHERE {source.asked} IS NOT NULL"
    return tuple((n, asked) for n, asked in conn.execute(statement(query), source.parameters))


def within(source: Source, start: int, stop: int) -> Source:
    """The part of a source whose numbers are from `start` up to `stop`."""
    rows = f"(SELECT * FROM {source.rows} q WHERE q.n >= :start AND q.n < :stop)"
    parameters = {**source.parameters, "start": start, "stop": stop}
    return Source(rows, source.on, parameters, stop - start, source.asked, source.position)


def pending(
    operation_id: int, organization_id: int, start: int, stop: int, *, dataset_id: int | None = None
) -> Source:
    """A chunk of a long operation's snapshot: the positions from `start` up to `stop`."""
    rows = (
        "(SELECT position AS n, asset_uuid AS uuid FROM operation_pending WHERE operation_id = :pending_of)"
    )
    on = "a.uuid = r.uuid AND a.organization_id = :organization"
    parameters: dict[str, Any] = {"pending_of": operation_id, "organization": organization_id}
    on += _inside(parameters, dataset_id)
    return within(Source(rows, on, parameters, stop - start), start, stop)


def only_dataset(conn: Connection, source: Source) -> int | None:
    """The dataset that all assets of a source are in, or None if it has none. Raises `Invalid` if there are several."""
    found = list(
        conn.scalars(
            statement(f"SELECT DISTINCT a.dataset_id FROM {source.joined('JOIN')} LIMIT 2"), source.parameters
        )
    )
    if len(found) > 1:
        raise Invalid(
            "the items are in several datasets, so their folder is not known",
            code="several_datasets",
            hint="Name one dataset with the ids, or a target dataset to copy to.",
        )
    return found[0] if found else None


def restriction(selected: Selection) -> int | None:
    """The one dataset in which a selection looks, if it names one."""
    match selected:
        case Ids() | FailedOf():
            return selected.dataset_id
        case Matching():
            return selected.filter.dataset_id


def _inside(parameters: dict[str, Any], dataset_id: int | None) -> str:
    """The condition that an asset is in this dataset, if one is given."""
    if dataset_id is None:
        return ""
    parameters["dataset"] = dataset_id
    # Not for an index: PostgreSQL, which knows nothing yet of a dataset that was filled just now, takes it for empty,
    # and would read all of it for each item instead of the one asset with its id.
    return " AND a.dataset_id + 0 = :dataset"


def _matching(conn: Connection, selection: Matching, parameters: dict[str, Any], now: int | None) -> Source:
    where = [*listing.conditions(conn, selection.filter), *listing.unexpired(conn, now)]
    if selection.excepted:
        excepted = text(f"SELECT uuid FROM {flavour_of(conn).packed} excepted").columns(asset.c.uuid)
        where.append(asset.c.uuid.not_in(excepted))
        parameters |= {"packed": b"".join(selection.excepted), "count": len(selection.excepted)}
    resolve_once = _snapshot if flavour_of(conn) is POSTGRESQL else _numbered
    source = resolve_once(conn, where, parameters)
    count = source.count
    if selection.expect_count is not None and count != selection.expect_count:
        raise Conflict(
            f"the filter matches {count} items, not the {selection.expect_count} expected; nothing was changed",
            code="count_mismatch",
            hint="Look at what matches now, then ask again with that number.",
            details={"matched": count, "expected": selection.expect_count},
        )
    return source


def _numbered(conn: Connection, where: Sequence[ColumnElement[bool]], parameters: dict[str, Any]) -> Source:
    """The query itself. SQLite has one writer, so it finds the same again whenever this transaction asks."""
    position = (func.row_number().over(order_by=asset.c.id) - 1).label("n")
    query = select(position, asset.c.uuid.label("uuid"), asset.c.id.label("id")).where(*where)
    rows, parameters = _spoken(conn, query, parameters)
    count = conn.scalar(statement(f"SELECT count(*) FROM {rows} r"), parameters) or 0
    return Source(rows, "a.id = r.id", parameters, count)


def _snapshot(conn: Connection, where: Sequence[ColumnElement[bool]], parameters: dict[str, Any]) -> Source:
    """The ids that match now. Asked again, PostgreSQL would find what others have committed in the meantime."""
    matching, given = _spoken(conn, select(asset.c.id, asset.c.uuid).where(*where), parameters)
    packed = conn.scalar(
        statement(f"SELECT string_agg(uuid, '' ORDER BY id) FROM {matching} matching"), given
    )
    count = len(packed or b"") // 16
    return Source(POSTGRESQL.packed, "a.uuid = r.uuid", {"packed": packed or b"", "count": count}, count)


def _spoken(conn: Connection, query: Select[Any], parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A query as SQL to be put into other SQL, with its parameters and those given."""
    compiled = query.compile(dialect=_SPOKEN[conn.dialect.name])
    return f"({compiled})", {**compiled.params, **parameters}
