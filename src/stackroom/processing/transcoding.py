"""Transcoding: jobs of kind `transcode`, of which players get what they can play of a video."""

from typing import Final

import msgspec

from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue.jobs import DEFAULT, NewJob
from stackroom.queue.submit import submit_one

KIND: Final = "transcode"


class Task(msgspec.Struct, frozen=True):
    """Which video: by its id, for the number of one that is gone may be given again."""

    asset: str

    @property
    def uuid(self) -> bytes:
        return bytes.fromhex(self.asset)


def submit_transcode(conn: Connection, organization_id: int, asset_id: int, uuid: bytes, *, now: int) -> int:
    """Have a video made ready for players, and say that it is `pending`; the number of the job.

    Call it last (see `queue.submit`), after the row of `asset_media` was made if anything else is to be in it. A
    video for which there is an unfinished job already gets no other: that one's number is returned. What a video has
    for players stays until there is something new.
    """
    task = msgspec.json.encode(Task(uuid.hex())).decode()
    said = {"asset": asset_id, "task": task, "kind": KIND}
    known: int | None = conn.scalar(statement(_UNFINISHED), said)
    if known is not None:
        return known
    conn.execute(statement(_PENDING), {"asset": asset_id})
    job = NewJob(task=task, asset_id=asset_id)
    return submit_one(conn, organization_id=organization_id, kind=KIND, priority=DEFAULT, job=job, now=now)


_UNFINISHED = """SELECT max(j.id) FROM job j JOIN lane l ON l.id = j.lane_id
    WHERE j.asset_id = :asset AND j.state IN (0, 1, 5) AND j.task = :task AND l.kind = :kind"""
_PENDING = """INSERT INTO asset_media (asset_id, processing) VALUES (:asset, 'pending')
    ON CONFLICT (asset_id) DO UPDATE SET processing = 'pending', processing_error = NULL"""
