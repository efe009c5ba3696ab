"""What the end of an arrival does to its asset. All of this runs in the transaction that settles the job.

An asset listens to one arrival, the latest: one that was overtaken settles its own item, and leaves the asset alone.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, select, update

from stackroom import clock, faults, ids
from stackroom.access import nobody
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, batch, organization, registration
from stackroom.events import log
from stackroom.events.log import Happening
from stackroom.library import blobs, embeddings, similarity, streaming
from stackroom.library.blobs import Arrival
from stackroom.library.sweep import forget_uploads
from stackroom.queue.jobs import Claimed

NEVER_BEGUN = "The arrival was cancelled before it began."


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an arrival's bytes. They are in the store at `key`; or they were there, and `hold` keeps them.

    `found_out` says that nobody knew their type: what they truly are is what they are registered as from now on.
    """

    kind: str
    content_type: str
    size: int
    found_out: bool = False
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Of sound and video, in seconds."""
    fingerprint: bytes | None = None
    arrival: Arrival | None = None
    key: str = ""
    hold: int | None = None


def ingested(conn: Connection, job: Claimed, kept: Kept, *, now: int) -> None:
    """The asset has its bytes. Those it had before are given up, unless something else uses them.

    Where there is no asset to have them any more, what was stored stays loose.
    """
    row = _listening(conn, job)
    if row is not None:
        faults.reach("ingest:before-register")
        values = {
            "state": "finished",
            "error": None,
            "ingested_at": now,
            "updated_at": now,
            **_bytes(conn, job, kept, now=now),
        }
        conn.execute(_CHANGED, {"id_": row.id, **values})
        if kept.found_out:
            mine = registration.c.asset_id == row.id
            conn.execute(update(registration).where(mine).values(media_type=kept.content_type))
        if row.blob_id not in {None, values.get("blob_id", row.blob_id)}:
            blobs.release(conn, str(int(row.blob_id)), {}, now=now)
            embeddings.remove(conn, row.id)  # it is made anew, of other bytes
            streaming.forget(conn, row.id, now=now)
        said = {"name": row.name, "size": kept.size, "content_type": kept.content_type}
        _record(conn, job, "asset.ingested", row, said, now=now)
    if kept.hold is not None:
        forget_uploads(conn, [kept.hold], now=now)


def failed(conn: Connection, job: Claimed, code: str, reason: str, *, now: int) -> None:
    """The asset says why there is nothing new of it. What it had before stays."""
    row = _listening(conn, job)
    if row is not None:
        values = {"state": "error", "error": reason, "ingested_at": now, "updated_at": now}
        conn.execute(_CHANGED, {"id_": row.id, **values})
        said = {"name": row.name, "code": code, "reason": reason}
        _record(conn, job, "asset.failed", row, said, now=now)


def cancelled(conn: Connection, jobs: Sequence[Claimed], *, now: int) -> None:
    """Assets that had bytes are as they were; the others say why they have none. One statement for any number."""
    how = flavour.of(conn)
    rows = [(job.asset_id, job.id) for job in jobs if job.asset_id is not None]
    if not rows:
        return
    said = flavour.rows(how, "rows", asset_id=int, job_id=int)
    conn.execute(
        statement(f"""{how.update} asset SET state = CASE WHEN blob_id IS NULL THEN 'error' ELSE 'finished' END,
                error = CASE WHEN blob_id IS NULL THEN CAST(:reason AS text) END,
                ingested_at = CAST(:now AS bigint), updated_at = CAST(:now AS bigint), version = version + 1
            FROM {said} r
            WHERE asset.id = r.asset_id AND asset.job_id = r.job_id AND asset.state = 'ingesting'"""),
        {"rows": msgspec.json.encode(rows).decode(), "reason": NEVER_BEGUN, "now": now},
    )


def record_finished(conn: Connection, batch_ids: Sequence[int], *, now: int) -> None:
    """Record the end of batches that have come to it in this transaction. Two statements for any number."""
    if not batch_ids:
        return
    query = select(batch, organization.c.number).join_from(batch, organization)
    for row in conn.execute(query.where(batch.c.id.in_(batch_ids)).order_by(batch.c.id)).all():
        by = nobody(row.organization_id, row.key_id)
        log.record(
            conn, by, "batch.finished", at=now, dataset_id=row.dataset_id, batch_id=row.id, data=_about(row)
        )


def _listening(conn: Connection, job: Claimed) -> Row[Any] | None:
    """The job's asset, held, if it waits for this job and no later one."""
    return conn.execute(_LISTENING, {"asset": job.asset_id, "job": job.id}).first()


def _bytes(conn: Connection, job: Claimed, kept: Kept, *, now: int) -> dict[str, object]:
    """The columns that say what an asset holds."""
    if kept.arrival is None:
        return {}
    blob_id = blobs.adopt(conn, job.organization_id, kept.arrival, kept.key, now=now).id
    if kept.fingerprint is not None:
        similarity.note(conn, {blob_id: kept.fingerprint})
    return {
        "blob_id": blob_id,
        "kind": kept.kind,
        "content_type": kept.content_type,
        "size": kept.size,
        "width": kept.width,
        "height": kept.height,
        "duration": kept.duration,
    }


def _record(
    conn: Connection, job: Claimed, kind: str, row: Row[Any], data: dict[str, object], *, now: int
) -> None:
    happened = Happening(
        kind=kind, dataset_id=row.dataset_id, asset_uuid=bytes(row.uuid), batch_id=job.batch_id, data=data
    )
    log.record_all(conn, nobody(job.organization_id), [happened], at=now)


def _about(row: Row[Any]) -> dict[str, object]:
    """What the event of a finished batch says: first what DLCS receivers know, then the library's own words."""
    return {
        "id": row.id,
        "customer": row.number,
        "count": row._mapping["count"],  # a row has a method of that name
        "completed": row.completed,
        "errors": row.errors,
        "superseded": row.superseded,
        "submitted": _written(row.created_at),
        "finished": _written(row.finished_at),
        "batch_id": ids.text(bytes(row.uuid)),
        "name": row.name,
        "cancelled": row.cancelled,
    }


def _written(moment: int) -> str:
    return clock.to_datetime(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


# Run once for each arrival, and built once for all: building a statement takes longer than running it.
_LISTENING: Select[Any] = (
    select(asset.c.id, asset.c.uuid, asset.c.dataset_id, asset.c.name, asset.c.blob_id)
    .where(asset.c.id == bindparam("asset"), asset.c.job_id == bindparam("job"), asset.c.state == "ingesting")
    .with_for_update()
)
_CHANGED = update(asset).where(asset.c.id == bindparam("id_")).values(version=asset.c.version + 1)
