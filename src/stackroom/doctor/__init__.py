"""The doctor: checks on a live library what the design promises, and changes nothing.

    inventory   what the store holds, beside what the database says it holds
    questions   what the database can be asked, a statement for each promise

It works beside a running server: SQLite is opened for reading only, and bytes that come or go meanwhile are
not taken for a loss. It repairs nothing; each finding says what to do.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from stackroom import clock
from stackroom.clock import Clock
from stackroom.database.connect import database_for
from stackroom.database.migrate import NEWEST, revision
from stackroom.database.transaction import Database
from stackroom.doctor.finding import SAMPLES, Finding
from stackroom.doctor.inventory import Inventory, with_users
from stackroom.doctor.questions import QUESTIONS, ask, check_journals
from stackroom.errors import NotFound
from stackroom.settings import Settings
from stackroom.storage.opening import store_of

__all__ = ["SAMPLES", "Finding", "check_up", "examine", "opened_to_read"]

Progress = Callable[[str], None]
_FORGOTTEN_AFTER = 3600.0
_LEFT_AFTER = 25 * 3600.0
"""When nobody is still copying what lies half-copied in the store, and whoever starts has removed it."""


def examine(settings: Settings, *, deep: bool = False, now: Clock = clock.now) -> list[Finding]:
    """What is wrong with a library: an empty list if nothing is. Raises `NotFound` if there is no library."""
    return [each for each in asyncio.run(check_up(settings, deep=deep, now=now)) if each.problems]


async def check_up(
    settings: Settings,
    *,
    deep: bool = False,
    most: int = SAMPLES,
    now: Clock = clock.now,
    progress: Progress = lambda _doing: None,
) -> list[Finding]:
    """Every check, also those that found nothing. `deep` reads all stored bytes and compares their hashes; `most` is
    how many places each finding names.

    A library whose tables are of another version is only told so.
    """
    async with opened_to_read(settings) as database:
        progress("the tables")
        schema = await database.read(_check_schema)
        if schema.problems:
            return [schema]
        findings = [schema]
        for question in QUESTIONS:
            progress(question.title)
            findings.append(await ask(database, question, most=most, now=now()))
        findings.append(await check_journals(database, most=most))
        with Inventory(most) as inventory:
            findings += await _check_bytes(settings, database, inventory, progress, deep=deep)
    return [*findings, await asyncio.to_thread(_check_temporary_files, settings, most)]


@asynccontextmanager
async def opened_to_read(settings: Settings) -> AsyncIterator[Database]:
    _refuse_nothing(settings)
    database = database_for(settings.database, read_only=True)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


def _refuse_nothing(settings: Settings) -> None:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise NotFound(
            f"there is no library at {url.database}",
            code="no_library",
            hint="Check --data-dir; `stackroom serve` makes a library.",
        )


def _check_schema(conn: Connection) -> Finding:
    found = revision(conn)
    samples = (
        [] if found == NEWEST else [f"the library is at {found or 'no version'}, this program at {NEWEST}"]
    )
    return Finding(
        check="schema",
        title="The tables are of this program's version",
        problems=len(samples),
        samples=samples,
        advice="Run `stackroom migrate`, or the version of Stackroom that this library belongs to.",
    )


async def _check_bytes(
    settings: Settings, database: Database, inventory: Inventory, progress: Progress, *, deep: bool
) -> list[Finding]:
    store = store_of(settings)
    progress("what the database says is stored")
    await database.read(inventory.note_known)
    progress("what is stored")
    await asyncio.to_thread(inventory.list_store, store)
    await database.read(inventory.note_known_later)
    findings = await asyncio.to_thread(inventory.compare, store)
    if deep:
        progress("the hashes of all stored bytes")
        findings.append(await asyncio.to_thread(inventory.hash_all, store))
    return await database.read(lambda conn: [with_users(conn, each) for each in findings])


def _check_temporary_files(settings: Settings, most: int) -> Finding:
    # Who is not alone with a library leaves the others' files alone for a day, when he starts.
    alone = make_url(settings.database).get_backend_name() == "sqlite"
    folders = [
        (settings.staging_dir, _FORGOTTEN_AFTER if alone else _LEFT_AFTER),
        (settings.worker_staging_dir, _LEFT_AFTER),
        # No key begins with a dot, so what lies in such a folder of the store is on its way.
        *((each, _LEFT_AFTER) for each in settings.storage_dir.glob(".*")),
    ]
    now = time.time()
    old = [
        entry.path
        for folder, after in folders
        if folder.is_dir()
        for entry in os.scandir(folder)
        if _older(entry, now - after)
    ]
    return Finding(
        check="temporary_files",
        title="No temporary file was left behind",
        problems=len(old),
        samples=sorted(old)[:most],
        advice="Restart the server, or the worker, which removes what killed processes have left.",
    )


def _older(entry: "os.DirEntry[str]", limit: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_mtime < limit
    except FileNotFoundError:  # it was not forgotten
        return False
