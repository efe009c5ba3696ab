"""Fingerprints of images that came in before there were any. New ones get theirs when they are verified.

Runs once beside a server, from the first such blob to the last, one picture at a time: uploads hardly notice. What is
done is kept, so that the next start goes on where this one ended.
"""

from functools import partial

import structlog

from stackroom.database.transaction import Database
from stackroom.errors import TooLarge, UnsupportedMedia
from stackroom.library import similarity
from stackroom.media.studio import Studio
from stackroom.storage.blobstore import BlobStore, MissingBytes

log = structlog.get_logger(__name__)
AT_ONCE = 100


async def fill(database: Database, store: BlobStore, studio: Studio) -> int:
    """Take the fingerprints that are missing, and say how many. May be cancelled at any point and run again.

    What does not decode is noted, and not tried again; of bytes that are not there, `stackroom doctor` speaks.
    """
    taken, after = 0, 0
    while waiting := await database.read(partial(similarity.missing, after=after, limit=AT_ONCE)):
        looked_at = {key: await _look(store, studio, key) for _, key in waiting}
        seen = {key: found for key, found in looked_at.items() if found is not None}
        await database.write(partial(similarity.note_later, fingerprints=seen))
        taken, after = taken + len(seen), waiting[-1][0]
    if taken:
        log.info("fingerprints.taken", blobs=taken)
    return taken


async def _look(store: BlobStore, studio: Studio, key: str) -> bytes | None:
    """None where there is nothing to look at."""
    try:
        with store.open_local(key) as path:
            return await studio.fingerprint(path)
    except (UnsupportedMedia, TooLarge):
        return similarity.NONE
    except MissingBytes:
        return None
