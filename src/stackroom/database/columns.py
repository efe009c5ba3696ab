"""Many rows on their way into one statement, column by column.

Rows as lists of everything in them are read several times over by SQLite, once for each element. But most columns of
many rows are not worth listing: all their values are the same, or count upwards. Those are bound once.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from stackroom.database import flavour
from stackroom.database.flavour import SQLITE, Flavour, statement

Numbers = Sequence[int | None]
Texts = Sequence[str | None]


class _Source(msgspec.Struct, kw_only=True):
    """How each column is spelled, which have to be listed, and what is bound."""

    name: str
    count: int
    uuids: Mapping[str, bytes]
    spelled: dict[str, str] = {}
    listed: dict[str, tuple[str, Sequence[Any]]] = {}
    bound: dict[str, Any] = {}

    def bind(self, column: str, sql: str, value: object) -> None:
        self.spelled[column] = sql
        self.bound[f"{self.name}_{column}"] = value


def columns(
    how: Flavour,
    name: str,
    count: int,
    *,
    numbers: Mapping[str, Numbers] | None = None,
    texts: Mapping[str, Texts] | None = None,
    uuids: Mapping[str, bytes] | None = None,
) -> tuple[str, dict[str, Any]]:
    """A table source of `count` rows, in this order, and its parameters, all of whose names begin with `name`.

    `uuids` are laid end to end. One statement takes them all, whatever the count; `count` must not be 0.
    """
    place, spell = ("key", _sqlite) if how is SQLITE else ("(place - 1)", _postgresql)
    made = _Source(count=count, name=name, uuids=uuids or {})
    for kind, given in (("bigint", numbers or {}), ("text", texts or {})):
        for column, values in given.items():
            first = f"CAST(:{name}_{column} AS {kind})"
            if values.count(values[0]) == count:
                made.bind(column, first, values[0])
            elif kind == "bigint" and _counts_upwards(values):
                made.bind(column, f"{first} + {place}", values[0])
            else:
                made.listed[column] = kind, values
    source = spell(made)
    spelled = ", ".join(f"{sql} AS {column}" for column, sql in made.spelled.items())
    return f"(SELECT {spelled} FROM {source})", made.bound


def take_numbers(conn: Connection, table: str, count: int) -> Sequence[int]:
    """`count` row ids of `table`, ascending, that nobody else gets. On SQLite that holds as long as this
    transaction."""
    if not count:
        return ()
    found = conn.scalar(statement(flavour.of(conn).numbers.format(table=table)), {"count": count})
    # One writer has all that follow the last.
    return range(found + 1, found + 1 + count) if isinstance(found, int) else sorted(found or ())


def _counts_upwards(values: Sequence[Any]) -> bool:
    first, last = values[0], values[-1]
    if first is None or last is None or last - first + 1 != len(values):
        return False
    upwards = range(first, last + 1)
    return values == upwards if isinstance(values, range) else list(values) == list(upwards)


def _sqlite(made: _Source) -> str:
    for column, packed in made.uuids.items():
        made.bind(column, SQLITE.slice.format(name=f"{made.name}_{column}", n="key"), packed)
    lists = [values for _, values in made.listed.values()]
    for n, column in enumerate(made.listed):
        # A list of one column needs no lists in it, which is three times as fast.
        made.spelled[column] = SQLITE.string.format(n=n) if len(lists) > 1 else "value"
    rows = list(zip(*lists, strict=True)) if len(lists) > 1 else lists[0] if lists else [0] * made.count
    made.bound[made.name] = msgspec.json.encode(rows).decode()
    return SQLITE.elements.format(name=made.name)


def _postgresql(made: _Source) -> str:
    for column, packed in made.uuids.items():
        made.listed[column] = "bytea", struct.unpack("16s" * made.count, packed)
    for column, (_, values) in made.listed.items():
        made.bind(column, f"given.{column}", list(values))
    if made.listed:
        arrays = ", ".join(f"CAST(:{made.name}_{it} AS {kind}[])" for it, (kind, _) in made.listed.items())
        return f"unnest({arrays}) WITH ORDINALITY AS given({', '.join(made.listed)}, place)"
    made.bound[made.name] = made.count
    return f"generate_series(1, CAST(:{made.name} AS integer)) AS place"
