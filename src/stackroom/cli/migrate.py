"""`stackroom migrate`: bring a library's tables up to date."""

import asyncio
from typing import TYPE_CHECKING

from stackroom.cli.console import print_json, say
from stackroom.cli.options import Json, Library

if TYPE_CHECKING:
    from stackroom.settings import Settings

EXAMPLE = "stackroom migrate --database-url postgresql://stackroom@db.example.org/stackroom"


def migrate(*, as_json: Json = False, library: Library) -> None:
    """Bring a library's tables up to this program's version, or create them.

    `serve` does the same when it starts. Repeating it changes nothing. The whole migration is one transaction.
    """
    version = asyncio.run(_migrated(library.settings()))
    if as_json:
        print_json({"version": version})
    else:
        say(f"The tables are at version {version}.")


async def _migrated(settings: "Settings") -> str | None:
    from stackroom.database.connect import connect
    from stackroom.database.migrate import revision

    database = await connect(settings.database)
    try:
        return await database.read(revision)
    finally:
        await database.close()
