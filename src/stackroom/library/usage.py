"""What is stored: counted from the rows when it is asked for, archived assets too, since their bytes are kept.

Bytes that several assets share count once for each, so that datasets add up to their organization. What was derived
from them, such as thumbnails, has no rows: its size is that of the files.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from stackroom import ids
from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.database.schema import ARCHIVED, LIVE, asset, blob, dataset
from stackroom.database.transaction import Database
from stackroom.storage.blobstore import BlobStore, StoredObject
from stackroom.storage.keys import blob_of, rendition_prefix, renditions_of

AT_ONCE = 5_000


class Usage(msgspec.Struct, frozen=True):
    """How many assets there are, and what they weigh."""

    assets: int
    bytes: int


class Derived(msgspec.Struct, frozen=True):
    """The bytes of what was derived from an organization's assets: in all, and by dataset (its row id).

    In a dataset counts what its assets use, also if another's use it as well.
    """

    bytes: int
    in_datasets: Mapping[int, int]
    counted_at: int


def of_organization(conn: Connection, organization_id: int) -> Usage:
    mine = select(dataset.c.id).where(dataset.c.organization_id == organization_id)
    return _counted(conn, asset.c.dataset_id.in_(mine))


def of_dataset(conn: Connection, dataset_id: int) -> Usage:
    return _counted(conn, asset.c.dataset_id == dataset_id)


def storage_key_of(conn: Connection, blob_id: int | None) -> str | None:
    """Where the bytes of an asset are kept; None of one that has none yet."""
    return conn.scalar(select(blob.c.storage_key).where(blob.c.id == blob_id))


def derived_from(store: BlobStore, storage_key: str) -> int:
    """The bytes of what was derived from one blob. Blocks."""
    return sum(found.size for found in store.objects(rendition_prefix(storage_key)))


async def derived(
    database: Database, store: BlobStore, organization_id: int, organization_uuid: bytes, *, now: int
) -> Derived:
    """All files are looked at, which takes its time; of the rows, only those of what is found, thousands at once."""
    files = store.objects(renditions_of(ids.text(organization_uuid)))
    total, in_datasets = 0, Counter[int]()
    while portion := await asyncio.to_thread(_portion, files):
        total += sum(portion.values())
        found = await database.read(lambda conn, portion=portion: _users(conn, organization_id, portion))  # type: ignore[misc]  # bound at once
        for key, dataset_id in found:
            in_datasets[dataset_id] += portion[key]
    return Derived(total, dict(in_datasets), now)


def _counted(conn: Connection, where: ColumnElement[bool]) -> Usage:
    """Live and archived ones apart, since each have an index of their own."""
    totals = select(func.count(), func.coalesce(func.sum(asset.c.size), 0))
    counted = [conn.execute(totals.where(where, state)).one() for state in (LIVE, ARCHIVED)]
    return Usage(sum(count for count, _ in counted), sum(int(size) for _, size in counted))


def _portion(files: Iterator[StoredObject]) -> dict[str, int]:
    """The next files, added up for each blob that they were made from."""
    found: Counter[str] = Counter()
    for file in files:
        found[blob_of(file.key)] += file.size
        if len(found) == AT_ONCE:
            break
    return found


def _users(conn: Connection, organization_id: int, blobs: Mapping[str, int]) -> list[tuple[str, int]]:
    """Which of these blobs are used in which datasets."""
    how = flavour_of(conn)
    rows = conn.execute(
        statement(f"""SELECT DISTINCT b.storage_key, a.dataset_id
            FROM {how.texts} w CROSS JOIN blob b CROSS JOIN asset a
            WHERE b.storage_key = w.value AND b.organization_id = :organization AND a.blob_id = b.id"""),
        {"organization": organization_id, "texts": msgspec.json.encode(list(blobs)).decode()},
    )
    return [(row.storage_key, row.dataset_id) for row in rows]
