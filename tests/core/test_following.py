"""Following what happens: nothing is passed over, though somebody else was quicker."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, func, select

from stackroom import ids
from stackroom.database.schema import event
from stackroom.errors import Unavailable
from stackroom.events import following, log, reading
from stackroom.events.following import horizon
from stackroom.events.reading import Filters
from stackroom.testing.builders import Library, a_library

WRITE = """INSERT INTO event (uuid, organization_id, type, at, data) VALUES ($1, $2, 'asset.reviewed', 0, '{}')
    RETURNING id"""


def test_where_one_writes_after_the_other_the_record_is_always_complete(sqlite_library: Library) -> None:
    assert sqlite_library.do(horizon(sqlite_library.database)) is None


def test_an_event_that_was_numbered_before_others_and_seen_after_them_is_not_passed_over(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_library(postgres_url) as library:
        actor = library.an_actor()
        before = library.read(lambda conn: conn.scalar(select(func.max(event.c.id)))) or 0

        def page(upto: int | None) -> list[int]:
            seen = library.read(
                lambda conn: reading.page(conn, actor, Filters(), after=before, upto=upto, limit=9)
            )
            return [each.id for each in seen]

        looked, look = asyncio.Event(), following._look

        def noted(conn: Connection) -> tuple[int | None, frozenset[str]]:
            found = look(conn)
            looked.set()
            return found

        monkeypatch.setattr(following, "_look", noted)

        async def scenario() -> tuple[int, int | None]:
            slow = await asyncpg.connect(postgres_url)
            late = slow.transaction()
            await late.start()
            number = await slow.fetchval(WRITE, ids.new(), actor.organization_id)
            await library.database.write(lambda conn: log.record(conn, actor, "comment.created", at=1))
            asking = asyncio.create_task(horizon(library.database))
            await looked.wait()
            other = await asyncpg.connect(postgres_url)
            later = other.transaction()
            await later.start()  # who begins now is not waited for
            await other.fetchval(WRITE, ids.new(), actor.organization_id)
            await late.commit()
            upto = await asyncio.wait_for(asking, 30)
            await later.commit()
            await slow.close()
            await other.close()
            return number, upto

        number, upto = library.do(scenario())
        assert upto == number + 1
        assert page(upto) == [number, number + 1]
        assert page(None) == [number, number + 1, number + 2]


def test_who_writes_for_too_long_is_not_waited_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0)
    with a_library(postgres_url) as library:
        actor = library.an_actor()

        async def scenario() -> Any:
            slow = await asyncpg.connect(postgres_url)
            await slow.execute("BEGIN")
            await slow.fetchval(WRITE, ids.new(), actor.organization_id)
            try:
                await horizon(library.database)
            finally:
                await slow.close()

        with pytest.raises(Unavailable, match="too long") as refused:
            library.do(scenario())
        assert refused.value.code == "record_busy"
