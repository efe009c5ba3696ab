"""Originals that came with the request itself: an arrival takes them from the store, by an origin of our own.

`stored:SHA256` names content of the caller's organization and nobody else's, wherever this server is reached. The
content is there as long as something uses it; an asset whose original was converted has what it became.
"""

import asyncio
import re

from sqlalchemy import Connection, select

from stackroom.access import Actor
from stackroom.clock import Clock
from stackroom.database.schema import asset
from stackroom.database.transaction import Database
from stackroom.ingest.gathering import PIECE
from stackroom.ingest.keeping import put_again
from stackroom.ingest.origins import Fail, Fetched
from stackroom.ingest.uploads import hold
from stackroom.library import blobs
from stackroom.library.blobs import Blob
from stackroom.queue.jobs import Claimed
from stackroom.storage import staging
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.staging import Staged

_ORIGIN = re.compile(r"stored:([0-9a-f]{64})")


def origin_of(sha256: bytes) -> str:
    return f"stored:{sha256.hex()}"


def sha256_of(origin: str) -> bytes | None:
    """What an origin of ours names; None for any other."""
    found = _ORIGIN.fullmatch(origin)
    return None if found is None else bytes.fromhex(found[1])


async def keep(
    database: Database,
    store: BlobStore,
    actor: Actor,
    staged: Staged,
    *,
    dataset_id: int,
    content_type: str,
    now: Clock,
) -> int:
    """Store a file of the caller's. What is given back keeps it there until an asset does, for an hour at most: it is
    an upload, to be given up with `forget_uploads`. Content that is here already is not stored again."""
    arrival = blobs.Arrival(sha256=staged.sha256, size=staged.size, content_type=content_type)
    mine = actor.organization_id

    def place(conn: Connection) -> tuple[str, int | None]:
        known = blobs.find(conn, mine, staged.sha256)
        if known is not None:
            return known.storage_key, hold(conn, mine, dataset_id, known.id, now=now())
        return blobs.announce(conn, actor.organization_uuid, staged.sha256, now=now()), None

    def adopt(conn: Connection) -> int:
        return hold(conn, mine, dataset_id, blobs.adopt(conn, mine, arrival, key, now=now()).id, now=now())

    key, held = await database.write(place)
    if held is not None:
        await asyncio.to_thread(put_again, store, key, staged.path)
        return held
    await asyncio.to_thread(store.put, key, staged.path)
    return await database.write(adopt)


async def fetch(
    database: Database, store: BlobStore, job: Claimed, sha256: bytes, arrival: staging.Arrival
) -> Fetched:
    """Bring stored content to an arrival. Raises `Fail` (`no_longer_stored`)."""
    found = await database.read(lambda conn: _find(conn, job, sha256))
    if found is None:
        raise Fail(
            "The file that was sent with the image is no longer here; send it again.", code="no_longer_stored"
        )
    await asyncio.to_thread(_copy, store, found.storage_key, arrival)
    return Fetched(size=found.size, content_type=found.content_type, name=None)


def _find(conn: Connection, job: Claimed, sha256: bytes) -> Blob | None:
    """The content itself, or else what the asset has of it."""
    found = blobs.find(conn, job.organization_id, sha256)
    if found is None:
        held = conn.scalar(select(asset.c.blob_id).where(asset.c.id == job.asset_id))
        found = None if held is None else blobs.get(conn, held)
    return found


def _copy(store: BlobStore, key: str, arrival: staging.Arrival) -> None:
    with store.open_local(key) as path, path.open("rb") as file:
        while piece := file.read(PIECE):
            arrival.write(piece)
