"""Media: assets of every kind as one library, whichever datasets they are in.

Seen is what is live, has its bytes and has not expired. What has expired is gone for everybody at that moment, also
before its rows are.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, bindparam, select, union_all

from stackroom.access import Actor
from stackroom.database.schema import LIVE, asset, asset_media, blob, dataset, folder
from stackroom.errors import NotFound
from stackroom.library import assets
from stackroom.library.names import ROOT, last_part
from stackroom.media.kinds import Kind

AUTO: Final = "auto"


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An asset with what only media have. Lengths are in seconds, rates in bits or samples a second."""

    id: int
    uuid: bytes
    dataset_id: int
    folder_id: int
    folder_uuid: bytes | None
    """None in the root of a dataset, which nobody calls a folder."""
    folder_name: str | None
    original_name: str
    kind: Kind
    blob_id: int
    size: int
    content_type: str
    width: int | None
    height: int | None
    duration: float | None
    metadata: dict[str, Any]
    expires_at: int | None
    created_at: int
    updated_at: int
    version: int
    store_behavior: str
    bitrate: int | None
    sample_rate: int | None
    channels: int | None
    page_count: int | None
    processing: str | None
    processing_error: str | None
    renditions: str | None
    """As `streaming.read_renditions` reads it."""
    hls_prefix: str | None


def visible(actor: Actor, now: int, *, found: bool = False) -> ColumnElement[bool]:
    """The condition that somebody sees an asset. `found` where something else finds it, such as its id."""
    return _visible(actor.organization_id, now, found=found)


def _visible(
    organization_id: int | BindParameter[int], now: int | BindParameter[int], *, found: bool
) -> ColumnElement[bool]:
    mine = assets.belongs_to(organization_id) if found else asset.c.organization_id == organization_id
    return mine & LIVE & (asset.c.state == "finished") & asset.c.blob_id.is_not(None) & assets.unexpired(now)


def find(
    conn: Connection, actor: Actor, uuid: bytes, kind: Kind | None = None, *, now: int, lock: bool = False
) -> Media:
    """By id, and of this kind if one is given. With `lock` nobody else changes it until the commit.

    Raises `NotFound`, for another organization's as for none, and for one of another kind.
    """
    wanted = _find(of_kind=kind is not None, lock=lock)
    row = conn.execute(wanted, {**_as_seen(actor, now), "wanted": uuid, "kind": kind}).first()
    if row is None:
        raise not_found(kind)
    return _from_row(row)


def find_bytes(
    conn: Connection, actor: Actor, uuid: bytes, kind: Kind | None = None, *, now: int
) -> tuple[Media, str, bytes]:
    """`find`, with the key of the stored bytes and their SHA-256."""
    found = find(conn, actor, uuid, kind, now=now)
    row = conn.execute(select(blob.c.storage_key, blob.c.sha256).where(blob.c.id == found.blob_id)).one()
    return found, row.storage_key, row.sha256


def by_uuids(conn: Connection, actor: Actor, uuids: Iterable[bytes], *, now: int) -> dict[bytes, Media]:
    """Those of them that are seen, by id. One statement."""
    wanted = list(uuids)
    rows = conn.execute(_find_all(), {**_as_seen(actor, now), "wanted": wanted}) if wanted else ()
    return {row.uuid: _from_row(row) for row in rows}


def hold(conn: Connection, actor: Actor, uuids: Iterable[bytes], *, now: int) -> set[bytes]:
    """Those of them that are seen. Nobody else changes them until the commit. One statement."""
    return set(conn.scalars(_hold(), {**_as_seen(actor, now), "wanted": list(dict.fromkeys(uuids))}))


def storage_keys(conn: Connection, actor: Actor, uuids: Iterable[bytes], *, now: int) -> dict[bytes, str]:
    """Under which keys the bytes of those of them are that are seen, by id. One statement."""
    wanted = list(dict.fromkeys(uuids))
    if not wanted:
        return {}
    rows = conn.execute(_storage_keys(), {**_as_seen(actor, now), "wanted": wanted})
    return {row.uuid: row.storage_key for row in rows}


def page(
    conn: Connection,
    actor: Actor,
    *,
    kind: Kind | None = None,
    in_folder: bytes | None = None,
    unfiled: bool = False,
    limit: int,
    offset: int = 0,
    now: int,
) -> list[Media]:
    """Newest first, in the order in which they came.

    `in_folder` is the id of a folder, and means exactly that one; in one that does not exist there is nothing.
    `unfiled` are those in no folder.
    """
    where = [visible(actor, now)]
    if in_folder is not None:
        here = select(folder.c.id).where(folder.c.uuid == in_folder).scalar_subquery()
        where.append(asset.c.folder_id == here)
    if unfiled:
        roots = select(folder.c.id).join_from(folder, dataset, dataset.c.id == folder.c.dataset_id)
        mine = dataset.c.organization_id == actor.organization_id
        where.append(asset.c.folder_id.in_(roots.where(mine, folder.c.path == ROOT)))
    # Each kind's newest stand together in an index; those of all kinds do not.
    newest = [
        select(asset.c.id)
        .where(asset.c.kind == each, *where)
        .order_by(asset.c.id.desc())
        .limit(limit + offset)
        .subquery()
        for each in ([kind] if kind else Kind)
    ]
    together = union_all(*(select(each.c.id) for each in newest)).subquery()
    chosen = select(together.c.id).order_by(together.c.id.desc()).limit(limit).offset(offset).subquery()
    rows = conn.execute(_query().where(asset.c.id.in_(select(chosen.c.id))).order_by(asset.c.id.desc()))
    return [_from_row(row) for row in rows]


def not_found(kind: Kind | None = None) -> NotFound:
    """What is said of media that are not there, and of those that are not seen."""
    return NotFound(
        f"{(kind.value if kind else 'media').capitalize()} not found", hint="Verify the resource ID exists"
    )


# Each is built once: that takes longer than running it.
_SEEN = _visible(bindparam("organization"), bindparam("now"), found=True)
_WANTED = asset.c.uuid.in_(bindparam("wanted", expanding=True))


def _as_seen(actor: Actor, now: int) -> dict[str, Any]:
    """The values of `_SEEN`."""
    return {"organization": actor.organization_id, "now": now}


@cache
def _find(*, of_kind: bool, lock: bool) -> Select[Any]:
    found = _query().where(_SEEN, asset.c.uuid == bindparam("wanted"))
    if of_kind:
        found = found.where(asset.c.kind == bindparam("kind"))
    return found.with_for_update(key_share=True, of=asset) if lock else found


@cache
def _find_all() -> Select[Any]:
    return _query().where(_WANTED, _SEEN)


@cache
def _hold() -> Select[Any]:
    found = select(asset.c.uuid).where(_WANTED, _SEEN)
    return found.order_by(asset.c.id).with_for_update(key_share=True)


@cache
def _storage_keys() -> Select[Any]:
    keys = select(asset.c.uuid, blob.c.storage_key).join_from(asset, blob, blob.c.id == asset.c.blob_id)
    return keys.where(_WANTED, _SEEN)


@cache
def _query() -> Select[Any]:
    of_asset = [
        asset.c[field] for field in Media.__struct_fields__ if field in asset.c and field not in _OF_MEDIA
    ]
    of_media = [asset_media.c[field] for field in _OF_MEDIA]
    return (
        select(*of_asset, *of_media, folder.c.uuid.label("folder_uuid"), folder.c.path.label("folder_path"))
        .join_from(asset, folder, folder.c.id == asset.c.folder_id)
        .outerjoin(asset_media, asset_media.c.asset_id == asset.c.id)
    )


_OF_MEDIA: Final = (
    "store_behavior",
    "bitrate",
    "sample_rate",
    "channels",
    "page_count",
    "processing",
    "processing_error",
    "renditions",
    "hls_prefix",
)


def _from_row(row: Row[Any]) -> Media:
    values: dict[str, Any] = dict(row._mapping)
    path = values.pop("folder_path")
    if path == ROOT:
        values["folder_uuid"] = None
    values["folder_name"] = None if path == ROOT else last_part(path)
    values["metadata"] = msgspec.json.decode(values["metadata"] or "{}")
    values["store_behavior"] = values["store_behavior"] or AUTO
    values["kind"] = Kind(values["kind"])
    return Media(**values)
