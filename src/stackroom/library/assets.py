"""Assets: the items a user can name, move and describe."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, bindparam, insert, select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.database.schema import ARCHIVED, LIVE, asset, blob, folder
from stackroom.errors import NotFound
from stackroom.library import datasets
from stackroom.library.names import compose

STATUSES = ("new", "annotate", "review", "complete")
SPLITS = ("train", "val", "test")


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    dataset_id: int
    folder_id: int
    folder_path: str
    name: str
    original_name: str
    kind: str
    blob_id: int | None
    size: int
    content_type: str
    width: int | None
    height: int | None
    status: str
    split: str | None
    display_name: str | None
    annotation_count: int
    min_confidence: float | None
    review_note: str | None
    archived_at: int | None
    created_at: int
    updated_at: int
    version: int
    expires_at: int | None = None


class NewAsset(msgspec.Struct, frozen=True, kw_only=True):
    """What an arrival becomes. `name` is clean and free in its folder."""

    uuid: bytes
    folder_id: int
    name: str
    original_name: str
    blob_id: int
    size: int
    content_type: str
    width: int | None
    height: int | None
    kind: str = "image"
    duration: float | None = None
    metadata: str | None = None
    expires_at: int | None = None


@cache  # building a statement takes longer than running it, and this one is in every listing and every download
def query() -> Select[Any]:
    """Selects assets with the path of their folder: the base of every listing."""
    columns = [asset.c[field] for field in Asset.__struct_fields__ if field != "folder_path"]
    return select(*columns, folder.c.path.label("folder_path")).join_from(
        asset, folder, folder.c.id == asset.c.folder_id
    )


def from_row(row: Row[Any]) -> Asset:
    return Asset(**row._mapping)


def find(conn: Connection, actor: Actor, reference: str) -> Asset:
    """By id, archived or not. Raises `NotFound`, for another organization's asset as for none."""
    raw = ids.parse(reference)
    row = None
    if raw is not None:
        row = conn.execute(query().where(asset.c.uuid == raw, *_mine(actor))).first()
    if row is None:
        raise NotFound(
            f"image {reference!r} not found", hint="It may have been deleted for good, or the id is wrong."
        )
    return from_row(row)


def at(conn: Connection, actor: Actor, dataset_reference: str, path: str) -> Asset:
    """By dataset (name or id) and path in it. Of several the live one, else the one archived last.

    Raises `NotFound`, for another organization's dataset as for none.
    """
    found = datasets.find(conn, actor, dataset_reference)
    folder_path, _, name = compose(path).rpartition("/")
    here = folder.c.dataset_id == found.id, folder.c.path == "/" + folder_path.strip("/")
    folder_id = select(folder.c.id).where(*here).scalar_subquery()
    named = query().where(asset.c.folder_id == folder_id, asset.c.name == name)
    newest = named.where(ARCHIVED).order_by(asset.c.archived_at.desc(), asset.c.id.desc()).limit(1)
    # One after the other: each of them has an index that holds only what it looks for.
    row = conn.execute(named.where(LIVE)).first() or conn.execute(newest).first()
    if row is None:
        raise NotFound(
            f"image {path!r} not found in {found.name!r}",
            hint="Give its path in the dataset, such as cars/red/1.jpg; case counts.",
        )
    return from_row(row)


def by_uuids(conn: Connection, actor: Actor, uuids: Sequence[bytes]) -> dict[bytes, Asset]:
    """Those of the assets that exist, by id."""
    rows = conn.execute(query().where(asset.c.uuid.in_(uuids), *_mine(actor))) if uuids else ()
    return {row.uuid: from_row(row) for row in rows}


def with_bytes(conn: Connection, reference: str) -> tuple[Asset, str, bytes]:
    """An asset of any organization, for a caller whose signed URL names it: with its storage key and SHA-256.

    Raises `NotFound`; with code `not_ready`, if it has no bytes yet.
    """
    raw = ids.parse(reference)
    row = None
    if raw is not None:
        row = conn.execute(_with_bytes(), {"wanted": raw}).first()
    if row is None:
        if raw is not None and conn.scalar(select(asset.c.id).where(asset.c.uuid == raw)) is not None:
            raise _not_ready(reference)
        raise NotFound(f"image {reference!r} not found", hint="It has been deleted for good.")
    values = dict(row._mapping)
    key, sha256 = values.pop("storage_key"), values.pop("sha256")
    return Asset(**values), key, sha256


@cache
def _with_bytes() -> Select[Any]:
    joined = query().add_columns(blob.c.storage_key, blob.c.sha256).join(blob, blob.c.id == asset.c.blob_id)
    return joined.where(asset.c.uuid == bindparam("wanted"))


def bytes_of(conn: Connection, found: Asset) -> tuple[str, bytes]:
    """Where an asset's bytes are kept, and their SHA-256. Raises `NotFound` (`not_ready`) while there are none."""
    row = conn.execute(select(blob.c.storage_key, blob.c.sha256).where(blob.c.id == found.blob_id)).first()
    if row is None:
        raise _not_ready(ids.text(found.uuid))
    return row.storage_key, row.sha256


def _not_ready(reference: str) -> NotFound:
    return NotFound(
        f"image {reference!r} has no bytes yet",
        code="not_ready",
        hint="It is still being taken in, or could not be: its batch says which.",
    )


def taken_names(conn: Connection, folder_id: int, names: Iterable[str]) -> set[str]:
    """Those of `names` that a live asset of the folder holds."""
    rows = conn.execute(
        statement(f"""SELECT a.name FROM {flavour_of(conn).texts} wanted CROSS JOIN asset a
            WHERE a.folder_id = :folder AND a.name = wanted.value AND a.archived_at IS NULL"""),
        {"folder": folder_id, "texts": msgspec.json.encode(list(names)).decode()},
    )
    return {row.name for row in rows}


def is_taken(conn: Connection, folder_id: int, name: str) -> bool:
    where = (asset.c.folder_id == folder_id, asset.c.name == name, LIVE)
    return conn.scalar(select(asset.c.id).where(*where)) is not None


def add(conn: Connection, actor: Actor, dataset_id: int, arrivals: Sequence[NewAsset], *, now: int) -> None:
    """Insert assets, in one statement. Their names were checked in this same transaction."""
    common = {
        "organization_id": actor.organization_id,
        "dataset_id": dataset_id,
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(asset), [{**msgspec.structs.asdict(each), **common} for each in arrivals])


def unexpired(now: int | BindParameter[int]) -> ColumnElement[bool]:
    """The condition that an asset is still to be kept. Those that are not are soon gone (`operations.expiring`), and
    must not be seen until then."""
    return asset.c.expires_at.is_(None) | (asset.c.expires_at > now)


def belongs_to(organization_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """The condition that an asset which something else finds, such as its id, is an organization's. Not for an index:
    for three ids SQLite would go through all that the organization has."""
    return asset.c.organization_id + 0 == organization_id


def refuse_expired(expires_at: int | None, now: int, reference: str) -> None:
    """Raise `NotFound` for what is no longer to be kept, and has not yet gone."""
    if expires_at is not None and expires_at <= now:
        raise NotFound(
            f"image {reference!r} not found", hint="It was to be kept only for a while, and that is over."
        )


def _mine(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return (asset.c.organization_id == actor.organization_id,)
