"""Sweeping: removing bytes that nobody needs, after their rows have gone. May be killed at any point and run again."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import msgspec
from sqlalchemy import ColumnElement, Connection, delete

from stackroom import faults
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.schema import upload
from stackroom.database.transaction import Database
from stackroom.errors import StackroomError
from stackroom.library import answers, blobs, prefixes, upload_sessions
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.keys import rendition_prefix

AT_ONCE = 500
LISTED_AT_ONCE = 16
"""Of how many objects it is asked at a time what was made of them: a store that is far away takes its time for each."""


class Swept(msgspec.Struct, frozen=True):
    """What one sweep removed. `prefixes` are those below which all was."""

    uploads: int = 0
    objects: int = 0
    prefixes: int = 0


async def sweep(database: Database, store: BlobStore, now: Clock) -> Swept:
    """Forget what has expired, then remove all loose bytes that are due. Returns when there are none left, or raises
    what the store said of those that it could not remove: they keep nothing else from going."""
    uploads = await database.write(lambda conn: expire(conn, now=now()))
    faults.reach("sweep:after-commit")
    kept: dict[str, StackroomError] = {}
    objects = await _sweep_objects(database, store, now, kept)
    below = await _sweep_prefixes(database, store, now, kept)
    for error in kept.values():
        raise error
    return Swept(uploads, objects, below)


def any_due(conn: Connection, *, now: int) -> bool:
    """Whether there are loose bytes to be removed. Who has deleted something asks this first: of what others have as
    well, or of what was expected to leave something behind, there are none, and a sweep is a write in any case."""
    return bool(blobs.due(conn, now=now, limit=1) or prefixes.due(conn, now=now, limit=1))


async def _sweep_objects(
    database: Database, store: BlobStore, now: Clock, kept: dict[str, StackroomError]
) -> int:
    removed = 0
    while keys := await database.read(lambda conn: blobs.due(conn, now=now(), limit=AT_ONCE, but=kept)):
        kept.update(await asyncio.to_thread(_remove, store, keys))
        faults.reach("sweep:after-remove")
        gone = [each for each in keys if each not in kept]
        await database.write(partial(blobs.strike, keys=gone))
        removed += len(gone)
        if not gone:  # the store cannot be used at all
            break
    return removed


async def _sweep_prefixes(
    database: Database, store: BlobStore, now: Clock, kept: dict[str, StackroomError]
) -> int:
    """Remove all that is due below loose prefixes, one after another: there may be thousands of objects below each."""
    removed = 0
    while due := await database.read(lambda conn: prefixes.due(conn, now=now(), limit=AT_ONCE, but=kept)):
        for prefix in due:
            try:
                await asyncio.to_thread(store.delete_all, prefix)
            except StackroomError as error:
                kept[prefix] = error
            faults.reach("sweep:after-remove")
        gone = [each for each in due if each not in kept]
        await database.write(partial(prefixes.strike, prefixes=gone))
        removed += len(gone)
        if not gone:
            break
    return removed


def expire(conn: Connection, *, now: int) -> int:
    """Forget uploads that nobody has finished in time, and answers past their day."""
    answers.forget_old(conn, now=now)
    upload_sessions.forget_old(conn, now=now)
    # Not one by one: after a night without a server there may be more than a statement can name.
    late = _forget_uploads(conn, upload.c.expires_at <= now, now=now)
    faults.reach("sweep:before-commit")
    return late


def forget_uploads(conn: Connection, upload_ids: list[int], *, now: int) -> None:
    """Drop uploads, and give up their bytes where nothing else uses them."""
    if upload_ids:
        _forget_uploads(conn, upload.c.id.in_(upload_ids), now=now)


def _forget_uploads(conn: Connection, which: ColumnElement[bool], *, now: int) -> int:
    gone = conn.scalars(delete(upload).where(which).returning(upload.c.blob_id)).all()
    held = sorted({blob_id for blob_id in gone if blob_id is not None})
    if held:
        # Bound, not written into the statement, which would be a new one to parse and to keep each time.
        candidates = f"SELECT CAST(value AS bigint) FROM {flavour.of(conn).texts} held"
        blobs.release(
            conn, candidates, {"texts": msgspec.json.encode([str(it) for it in held]).decode()}, now=now
        )
    return len(gone)


def _remove(store: BlobStore, keys: Sequence[str]) -> dict[str, StackroomError]:
    """Remove these objects, and what was made of them; those that cannot be, with the reason."""
    try:
        with ThreadPoolExecutor(LISTED_AT_ONCE) as threads:
            shares = [keys[n::LISTED_AT_ONCE] for n in range(min(LISTED_AT_ONCE, len(keys)))]
            renditions = threads.map(partial(_renditions, store), shares)
            store.delete([*chain.from_iterable(renditions), *keys])
    except StackroomError as error:
        if len(keys) == 1:
            return {keys[0]: error}
        return {name: why for key in keys for name, why in _remove(store, [key]).items()}
    return {}


def _renditions(store: BlobStore, keys: Sequence[str]) -> list[str]:
    return [found.key for key in keys for found in store.objects(rendition_prefix(key))]
