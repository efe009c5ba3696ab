"""The bytes of files that come in pieces: each is stored as it comes, and in the end they are one file."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from stackroom import faults
from stackroom.access import Actor
from stackroom.clock import Clock
from stackroom.database.transaction import Database
from stackroom.errors import Invalid, TooLarge
from stackroom.ingest.gathering import PIECE, gathered
from stackroom.library import upload_sessions
from stackroom.library.upload_sessions import Chunk
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.staging import Arrival, Staging


class Pieces:
    """Takes pieces in. They land in `staging` first, so that a piece is there whole or not at all."""

    def __init__(self, database: Database, store: BlobStore, staging: Staging, now: Clock) -> None:
        self._database = database
        self._store = store
        self._staging = staging
        self._now = now

    async def receive(
        self, actor: Actor, session: bytes, position: int, stream: AsyncIterator[bytes]
    ) -> None:
        """Take one piece. Sending it again replaces it.

        Raises `NotFound` for a session that is unknown or has expired, `Invalid` for a piece that the file has not or
        that is not as long as it must be, and `Conflict` for a session that is over. Then nothing is kept.
        """
        found, key = await self._database.write(
            lambda conn: upload_sessions.announce(conn, actor, session, position, now=self._now())
        )
        length = found.length(position)
        with self._staging.receive(length) as arrival:
            try:
                async for piece in gathered(stream):
                    await asyncio.to_thread(arrival.write, piece)
            except TooLarge as error:
                raise _wrong_length(position, length) from error
            staged = arrival.finish()
            if staged.size != length:
                raise _wrong_length(position, length)
            await asyncio.to_thread(self._store.put, key, staged.path)
        faults.reach("upload:after-store")
        chunk = Chunk(position, length, key)
        await self._database.write(
            lambda conn: upload_sessions.attach(conn, actor, session, chunk, now=self._now())
        )

    async def assemble(self, chunks: Sequence[Chunk], arrival: Arrival) -> None:
        """Write all pieces into an arrival, one after the other. Raises `MissingBytes` where one is gone."""
        for each in chunks:
            await asyncio.to_thread(self._copy, each.storage_key, arrival)

    def _copy(self, key: str, arrival: Arrival) -> None:
        with self._store.open_local(key) as path, path.open("rb") as file:
            while piece := file.read(PIECE):
                arrival.write(piece)


def _wrong_length(position: int, length: int) -> Invalid:
    return Invalid(f"chunk {position}: it must have exactly {length} bytes", code="wrong_chunk_length")
