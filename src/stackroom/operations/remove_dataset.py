"""Removing a dataset with everything in it, for good: a constant number of statements, whatever it holds."""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from stackroom.access import Actor, Role, require
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, dataset, dataset_export, folder, loose_bytes, operation, upload
from stackroom.errors import Conflict
from stackroom.events import log
from stackroom.library import blobs, datasets
from stackroom.library.datasets import Dataset
from stackroom.operations import purge
from stackroom.operations.request import Matching, Request
from stackroom.queue import waiting

BLOBS = """SELECT blob_id FROM asset WHERE dataset_id = :dataset
    UNION SELECT blob_id FROM upload WHERE dataset_id = :dataset"""

_ASSETS = "SELECT id FROM asset WHERE dataset_id = :dataset"
_COMMENTS = f"annotation_comment WHERE asset_id IN ({_ASSETS})"
BELONGINGS = (
    f"DELETE FROM annotation WHERE asset_id IN ({_ASSETS})",
    "DELETE FROM annotation_class WHERE dataset_id = :dataset",
    f"DELETE FROM comment_reaction WHERE comment_id IN (SELECT id FROM {_COMMENTS})",
    f"DELETE FROM {_COMMENTS}",
    "DELETE FROM asset_tag WHERE tag_id IN (SELECT id FROM tag WHERE dataset_id = :dataset)",
    "DELETE FROM tag WHERE dataset_id = :dataset",
    f"DELETE FROM registration WHERE asset_id IN ({_ASSETS})",
    f"DELETE FROM asset_manifest WHERE asset_id IN ({_ASSETS})",
    "DELETE FROM delivery_default WHERE dataset_id = :dataset",
    f"""INSERT INTO loose_prefix (prefix, due_at) SELECT hls_prefix, CAST(:now AS bigint) FROM asset_media
        WHERE asset_id IN ({_ASSETS}) AND hls_prefix IS NOT NULL ON CONFLICT DO NOTHING""",
    f"DELETE FROM asset_media WHERE asset_id IN ({_ASSETS})",
    f"DELETE FROM embedding WHERE asset_id IN ({_ASSETS})",
    f"DELETE FROM file_group_member WHERE asset_id IN ({_ASSETS})",
)


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset held. `blobs_kept` are used by other datasets as well."""

    dataset: Dataset
    assets: int
    folders: int
    blobs: int
    blobs_kept: int


def remove_dataset(conn: Connection, actor: Actor, reference: str, *, now: int) -> Removed:
    """Purge a dataset. Its bytes become loose, and are swept after the commit. Cannot be undone.

    Raises `Conflict` (`operation_running`) while an operation is at work on it. Journals of finished ones stay.
    """
    require(actor, Role.ADMIN, "deleting a dataset")
    found = datasets.find(conn, actor, reference)
    _refuse_while_at_work(conn, actor, found)
    parameters = {"dataset": found.id}
    held = (
        conn.scalar(statement(f"SELECT count(*) FROM ({BLOBS}) held WHERE blob_id IS NOT NULL"), parameters)
        or 0
    )
    # By dataset and not by a list of ids: PostgreSQL would compare a million of those with each other.
    inside = {"doomed": "asset.dataset_id = :dataset", "doomed_uploads": "upload.dataset_id = :dataset"}
    gone = blobs.release(conn, BLOBS, parameters, **inside, now=now)
    for belonging in BELONGINGS:
        conn.execute(statement(belonging), {**parameters, "now": now} if ":now" in belonging else parameters)
    unwanted = waiting.not_begun_of(conn, found.organization_id, _ASSETS, parameters, kinds=purge.JOBS)
    _remove_exports(conn, found, now=now)
    conn.execute(delete(upload).where(upload.c.dataset_id == found.id))
    assets = conn.execute(delete(asset).where(asset.c.dataset_id == found.id)).rowcount
    here = folder.c.dataset_id == found.id
    conn.execute(delete(folder).where(here, folder.c.removed_from.is_not(None)))
    folders = conn.execute(delete(folder).where(here)).rowcount
    conn.execute(update(operation).where(operation.c.dataset_id == found.id).values(dataset_id=None))
    conn.execute(delete(dataset).where(dataset.c.id == found.id))
    conn.execute(
        statement("""INSERT INTO spent_number (organization_id, number) VALUES (:organization, :number)
            ON CONFLICT DO NOTHING"""),
        {"organization": found.organization_id, "number": found.number},
    )
    waiting.cancel_all(conn, unwanted, now=now)
    log.record(conn, actor, "dataset.deleted", at=now, data={"name": found.name, "assets": assets})
    but_the_root = folders - 1
    return Removed(dataset=found, assets=assets, folders=but_the_root, blobs=gone, blobs_kept=held - gone)


def _remove_exports(conn: Connection, found: Dataset, *, now: int) -> None:
    """Where their bytes are is asked of each row as it goes: one that is just being made may be finished before."""
    removing = delete(dataset_export).where(dataset_export.c.dataset_id == found.id)
    keys = conn.scalars(removing.returning(dataset_export.c.storage_key)).all()
    loose = [{"storage_key": key, "due_at": now} for key in keys if key is not None]
    if loose:
        conn.execute(insert(loose_bytes), loose)


def _refuse_while_at_work(conn: Connection, actor: Actor, found: Dataset) -> None:
    mine = operation.c.organization_id == actor.organization_id
    unfinished = select(operation.c.dataset_id, operation.c.request).where(
        mine, operation.c.finished_at.is_(None)
    )
    for row in conn.execute(unfinished):
        request = msgspec.json.decode(row.request, type=Request)
        places = {row.dataset_id, request.target_dataset_id}
        if isinstance(request.selection, Matching):
            places.add(request.selection.filter.dataset_id)
        if found.id in places:
            raise Conflict(
                f"a large {request.verb.value} is still at work on {found.name!r}",
                code="operation_running",
                hint="Wait for it, or cancel it first.",
            )
