"""The same contest on PostgreSQL (`--postgres`): a library and its floor in two databases of one server."""

import asyncio
import re
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from bench.choosing import Chosen
from bench.floor import STATEMENTS
from bench.library import Library, made
from stackroom import clock, ids
from stackroom.testing.postgres import RunningPostgres, start_postgres

T = TypeVar("T")
_PARAMETER = re.compile(r":(now|folder|status|title)\b")


class Rows(list[Any]):
    """What a query found, as `sqlite3` would give it."""

    def fetchone(self) -> Any:
        return self[0] if self else None

    def fetchall(self) -> "Rows":
        return self


class Connection:
    """One connection to PostgreSQL, with the one method that is used of `sqlite3`'s."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self.raw = self.run(asyncpg.connect(url))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def execute(self, sql: str) -> Rows:
        return Rows(self.run(self.raw.fetch(sql)))

    def close(self) -> None:
        self.run(self.raw.close())
        self._loop.close()


class PostgresFloor:
    """`Floor`, in a database of PostgreSQL. Its checkpoints come when it likes, for both sides."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self._connection.execute(
            "CREATE TEMP TABLE chosen (id bigint PRIMARY KEY, folder_id bigint, blob_id bigint, fresh bytea)"
        )

    def change(self, verb: str, chosen: Chosen, folder: int, status: str, title: str) -> float:
        """Make the change in one transaction; the seconds it took."""
        values = {
            "now": str(clock.now()),
            "folder": str(folder),
            "status": f"'{status}'",
            "title": f"'{title}'",
        }
        statements = [_spelled(statement, values) for statement in STATEMENTS[verb]]
        self._connection.run(self._stand_by(chosen))
        began = time.perf_counter()
        self._connection.run(self._transact(statements))
        return time.perf_counter() - began

    def change_and_fold(self, verb: str, chosen: Chosen, folder: int) -> float:
        return self.change(verb, chosen, folder, "", "")

    def make_folder(self, path: str) -> int:
        """The row id of an empty folder for what is moved and copied, in the one dataset there is."""
        made_one = self._connection.execute(
            f"""INSERT INTO folder (uuid, dataset_id, parent_id, path, created_at)
                SELECT '\\x{ids.new().hex()}', dataset_id, id, '{path}', {clock.now()} FROM folder WHERE path = '/'
                RETURNING id"""
        )
        number: int = made_one.fetchone()[0]
        return number

    def close(self) -> None:
        self._connection.close()

    async def _transact(self, statements: list[str]) -> None:
        async with self._connection.raw.transaction():
            for statement in statements:
                await self._connection.raw.execute(statement)

    async def _stand_by(self, chosen: Chosen) -> None:
        fresh = ids.new_block(len(chosen.rows))
        rows = [(*row, fresh[16 * n : 16 * n + 16]) for n, row in enumerate(sorted(chosen.rows))]
        await self._connection.raw.execute("TRUNCATE chosen")
        await self._connection.raw.copy_records_to_table("chosen", records=rows)
        await self._connection.raw.execute("ANALYZE chosen")


def two_libraries(assets: int, workplace: Path) -> tuple[RunningPostgres, Library, str, str]:
    """A new server with a library and its copy: the server, the library, and the two URLs."""
    server = start_postgres(workplace / "postgres")
    ours = server.create("served")
    library = made(workplace / "files", assets, ours)
    return server, library, ours, server.create("floor", template="served")


def _spelled(statement: str, values: dict[str, str]) -> str:
    for ours, theirs in ((" OR ROLLBACK", ""), ("temp.", ""), (" LIMIT -1", "")):
        statement = statement.replace(ours, theirs)
    return _PARAMETER.sub(lambda found: values[found[1]], statement)
