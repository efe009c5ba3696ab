"""From a database URL to a started, migrated `Database`."""

import asyncio
import re
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from stackroom.database.migrate import upgrade
from stackroom.database.postgresql import POOL, PostgresqlDatabase
from stackroom.database.sqlite import READERS, SqliteDatabase
from stackroom.database.transaction import Database
from stackroom.errors import Invalid

_PASSWORD = re.compile(r"(?<=:)[^:/@]+(?=@)")


def database_for(url: str, *, read_only: bool = False) -> Database:
    """The database `url` names: `sqlite:///path/to/file` or `postgresql://user@host/name`. Nothing is opened yet."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        parsed = None
    match parsed.get_backend_name() if parsed is not None else "":
        case "sqlite" if parsed is not None and parsed.database:
            return SqliteDatabase(Path(parsed.database), read_only=read_only)
        case "postgresql" if parsed is not None and (parsed.port or 0) < 2**16:
            return PostgresqlDatabase(parsed)
        case _:
            raise Invalid(
                f"{_PASSWORD.sub(r'***', url)!r} is not a database this library can use",
                code="bad_database_url",
                hint="Use sqlite:////absolute/path/library.db or postgresql://user:password@host/name.",
            )


def most_connections(url: str) -> int:
    """How many connections one server has to this database at most."""
    return 2 * POOL if url.startswith("postgresql") else READERS + 1


async def connect(url: str) -> Database:
    """Open the library's database and bring its tables up to date."""
    database = database_for(url)
    await database.start()
    try:
        await database.write(upgrade)
    except BaseException:
        await database.close()
        raise
    return database


def migrate(url: str) -> None:
    """Open the database at `url`, bring it up to date and close it again."""

    async def run() -> None:
        await (await connect(url)).close()

    asyncio.run(run())
