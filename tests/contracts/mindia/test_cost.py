"""What a request may cost: one write transaction each, and in it as many statements for fifty items as for one."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, event, select

from stackroom.database import schema
from stackroom.testing.processes import wait_until
from stackroom.web.shared import requests

from .house import House
from .shelf import Shelf, on_both_databases

pytestmark = on_both_databases
_MARK = re.compile(r"\$\d+(::\w+)?")
_BOUND = re.compile(r"\(\?(, \?)*\)")
"""Values of a statement, however many: it is the same one."""
MOST = 22
"""Statements of one transaction. A copy on PostgreSQL has most of them: some hold what it needs."""


class Written:
    """The write transactions that requests make meanwhile, as the statements of each. What goes on in the background is
    not counted."""

    def __init__(self, house: House, patch: pytest.MonkeyPatch) -> None:
        self.transactions: list[list[str]] = []
        database = house.services.database
        write = database.write

        async def counted(work: Callable[[Connection], Any]) -> Any:
            where = getattr(work, "func", work).__module__
            # That a key is used is noted beside the first request with it.
            of_request = where.startswith("stackroom.web") and where != requests.__name__
            return await write(self._listening(work) if of_request else work)

        patch.setattr(database, "write", counted)

    def _listening(self, work: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        def listening(conn: Connection) -> Any:
            sent: list[str] = []

            def note(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
                sent.append(_BOUND.sub("(?)", _MARK.sub("?", sql)))

            self.transactions.append(sent)
            event.listen(conn, "before_cursor_execute", note)
            try:
                return work(conn)
            finally:
                event.remove(conn, "before_cursor_execute", note)

        return listening

    def by(self, ask: Callable[[], httpx.Response]) -> list[str]:
        """What one request sent. Jobs of what is deleted are looked for only while any waits, which may be at any
        moment: that one statement is left out."""
        self.transactions.clear()
        answer = ask()
        assert answer.status_code < 300, answer.text
        [sent] = self.transactions
        return [each for each in sent if not each.startswith("WITH gone (id) AS")]


def rested(house: House, shelf: Shelf) -> None:
    """Wait until all that is made of an image in the background is: it goes with it, in statements of its own."""
    assert shelf.a1
    mine = schema.lane.c.organization_id == shelf.a.organization.id
    busy = select(schema.lane.c.id).where(mine, schema.lane.c.unfinished > 0)
    assert wait_until(lambda: not house.read(lambda conn: conn.scalars(busy).all()), seconds=20)


@pytest.fixture
def written(house: House, monkeypatch: pytest.MonkeyPatch) -> Written:
    return Written(house, monkeypatch)


def test_fifty_are_copied_and_deleted_in_as_many_statements_as_one(
    house: House, shelf: Shelf, written: Written
) -> None:
    def key(name: str) -> dict[str, Any]:
        return {"headers": {**shelf.a.bearer, "Idempotency-Key": name}}

    rested(house, shelf)
    house.batch_copy([shelf.a1], shelf.a)  # the first of its name is another matter: it is not numbered yet
    one = written.by(lambda: house.batch_copy([shelf.a1], shelf.a, **key("copies one")))
    many = written.by(lambda: house.batch_copy([shelf.a1] * 50, shelf.a, **key("copies fifty")))
    assert many == one
    rested(house, shelf)
    copies = [each["id"] for each in house.get("/images?limit=100", shelf.a).json() if each["id"] != shelf.a1]
    copies = [each for each in copies if each not in {shelf.a5, shelf.unknown}][:51]
    few = written.by(lambda: house.batch_delete(copies[:1], shelf.a, **key("deletes one")))
    lots = written.by(lambda: house.batch_delete(copies[1:], shelf.a, **key("deletes fifty")))
    assert lots == few
    assert max(len(one), len(few)) <= MOST, (len(one), len(few))


def test_one_is_deleted_in_one_transaction_that_is_no_longer(
    house: House, shelf: Shelf, written: Written
) -> None:
    rested(house, shelf)
    one, other = house.copied(shelf.a1, shelf.a), house.copied(shelf.a1, shelf.a)
    sent = written.by(lambda: house.delete(f"/media/{one}", shelf.a))
    assert written.by(lambda: house.delete(f"/media/{other}", shelf.a)) == sent
    assert len(sent) <= MOST


def test_a_repeat_is_one_transaction_and_looks_for_its_answer_only(
    house: House, shelf: Shelf, written: Written
) -> None:
    headers = {**shelf.a.bearer, "Idempotency-Key": "again"}
    first = house.batch_copy([shelf.a1] * 5, shelf.a, headers=headers)
    [looked] = written.by(lambda: house.batch_copy([shelf.a1] * 5, shelf.a, headers=headers))
    assert looked.startswith("SELECT answer.")
    again = house.batch_copy([shelf.a1] * 5, shelf.a, headers=headers)
    assert again.content == first.content
