"""Rows that go into a statement column by column come out of it as they were."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from stackroom import ids
from stackroom.database import flavour
from stackroom.database.columns import columns, take_numbers
from stackroom.database.flavour import statement
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database
NUMBERS: dict[str, Sequence[int | None]] = {
    "the same": [7, 7, 7],
    "nothing": [None, None, None],
    "upwards": [5, 6, 7],
    "a range": range(5, 8),
    "downwards": [7, 6, 5],
    "some upwards": [5, 9, 7],
    "some": [None, 2**62, 3],
}
TEXTS: dict[str, Sequence[str | None]] = {
    "the same": ["a", "a", "a"],
    "some": ["é\"'", None, ""],
    "nothing": [None, None, None],
}


def selected(library: Library, count: int, **given: Any) -> list[tuple[Any, ...]]:
    def work(conn: Connection) -> list[tuple[Any, ...]]:
        said, parameters = columns(flavour.of(conn), "rows", count, **given)
        named = ", ".join(f"r.{each}" for kind in given.values() for each in kind)
        return [tuple(row) for row in conn.execute(statement(f"SELECT {named} FROM {said} r"), parameters)]

    return library.read(work)


@pytest.mark.parametrize("texts", TEXTS)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_rows_come_out_as_they_were(library: Library, numbers: str, texts: str) -> None:
    given = NUMBERS[numbers], TEXTS[texts]
    found = selected(library, 3, numbers={"key": given[0]}, texts={"name": given[1]})
    assert found == list(zip(*given, strict=True))


@pytest.mark.parametrize("count", [1, 2, 300])
def test_ids_go_with_their_rows(library: Library, count: int) -> None:
    packed = ids.new_block(count)
    found = selected(library, count, numbers={"n": range(count)}, uuids={"uuid": packed})
    assert [(n, bytes(raw)) for n, raw in found] == [(n, packed[16 * n : 16 * n + 16]) for n in range(count)]


@pytest.mark.parametrize("table", ["asset", "job"])
def test_numbers_are_taken_in_order_and_of_none_none(library: Library, table: str) -> None:
    taken = library.write(lambda conn: take_numbers(conn, table, 3))
    assert len(set(taken)) == 3
    assert list(taken) == sorted(taken)
    assert not library.write(lambda conn: take_numbers(conn, table, 0))
