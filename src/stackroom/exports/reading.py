"""The images of a dataset, page by page, each with its annotations and tags as they are when the page is read.

A page is three statements and one moment of the library, whatever it holds. It ends after so many images, or after
so many bytes of annotations: a thousand documents of ten megabytes are not to be in memory at once.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, select

from stackroom.database.schema import LIVE, annotation, asset, blob, folder
from stackroom.library import tags
from stackroom.library.shapes import AnyAnnotation

IMAGES_AT_ONCE = 1000
BYTES_AT_ONCE = 16 * 2**20

_decoder = msgspec.json.Decoder(list[AnyAnnotation])


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to know of an image. `document` is the JSON list of its annotations."""

    id: int
    uuid: bytes
    folder: str
    name: str
    display_name: str | None
    status: str
    split: str | None
    content_type: str
    size: int
    width: int | None
    height: int | None
    metadata: str | None
    review_note: str | None
    annotation_count: int
    created_at: int
    updated_at: int
    storage_key: str | None
    sha256: bytes | None
    document: str
    tags: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it is in its dataset."""
        return f"{self.folder.rstrip('/')}/{self.name}"

    def marks(self, only: tuple[str, ...] | None) -> list[AnyAnnotation]:
        """Its annotations, of these classes if any are given."""
        found = _decoder.decode(self.document)
        return found if only is None else [each for each in found if each.name in only]


class Page(msgspec.Struct, frozen=True):
    """Some images, and after which id the next page begins; None at the end."""

    images: list[Image]
    next: int | None


def newest(conn: Connection, dataset_id: int) -> int:
    """The id of the newest image there is: those that arrive later are left out. 0 in an empty dataset."""
    return conn.scalar(select(func.max(asset.c.id)).where(asset.c.dataset_id == dataset_id)) or 0


def read_page(
    conn: Connection, dataset_id: int, status: str | None, *, after: int, up_to: int, now: int = 0
) -> Page:
    """The live images of a dataset whose ids are above `after` and not above `up_to`, oldest first, without what has
    expired by `now`."""
    wanted = {"wanted_dataset": dataset_id, "after": after, "up_to": up_to, "now": now}
    if status is not None:
        wanted["wanted_status"] = status  # type: ignore[assignment]  # the one text among them
    found = conn.execute(_light(status is not None), wanted).all()
    chosen = found[: _how_many([row.document_size or 0 for row in found])]
    keys = [row.id for row in chosen]
    documents, tagged = _documents(conn, keys), tags.of(conn, keys)
    images = [
        Image(
            **{name: value for name, value in row._mapping.items() if name != "document_size"},
            document=documents.get(row.id, "[]"),
            tags=tuple(tagged.get(row.id, ())),
        )
        for row in chosen
    ]
    is_last = len(chosen) == len(found) < IMAGES_AT_ONCE
    return Page(images, None if is_last or not keys else keys[-1])


def _how_many(sizes: Sequence[int]) -> int:
    """How many of these documents fit into a page: at least one."""
    total = 0
    for count, size in enumerate(sizes):
        if count and size and total + size > BYTES_AT_ONCE:
            return count
        total += size
    return len(sizes)


@cache
def _light(with_status: bool) -> Select[Any]:
    """Everything of a page but its documents."""
    elsewhere = {"folder", "storage_key", "sha256", "document", "tags"}
    columns = [asset.c[name] for name in Image.__struct_fields__ if name not in elsewhere]
    query = (
        select(
            *columns,
            folder.c.path.label("folder"),
            blob.c.storage_key,
            blob.c.sha256,
            func.length(annotation.c.document).label("document_size"),
        )
        .join_from(asset, folder, folder.c.id == asset.c.folder_id)
        .outerjoin(blob, blob.c.id == asset.c.blob_id)
        .outerjoin(annotation, annotation.c.asset_id == asset.c.id)
        .where(
            asset.c.dataset_id == bindparam("wanted_dataset"),
            asset.c.id > bindparam("after"),
            asset.c.id <= bindparam("up_to"),
            asset.c.kind == "image",
            asset.c.blob_id.is_not(None),  # what is still being taken in is no image yet
            LIVE,
            asset.c.expires_at.is_(None) | (asset.c.expires_at > bindparam("now")),
        )
    )
    if with_status:
        query = query.where(asset.c.status == bindparam("wanted_status"))
    return query.order_by(asset.c.id).limit(IMAGES_AT_ONCE)


def _documents(conn: Connection, keys: Sequence[int]) -> dict[int, str]:
    where = annotation.c.asset_id.in_(keys)
    rows = conn.execute(select(annotation.c.asset_id, annotation.c.document).where(where)) if keys else ()
    return {row.asset_id: row.document for row in rows}
