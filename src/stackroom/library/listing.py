"""Listing: pages of assets, newest first.

A page is found in an index first, ids only, and its rows are read afterwards: sorting a folder of a hundred
thousand then costs what sorting that many integers does.
"""

import msgspec
from sqlalchemy import Connection, ScalarSelect, Select, exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from stackroom.database import flavour
from stackroom.database.schema import ARCHIVED, LIVE, asset, asset_tag, folder, tag
from stackroom.library import assets
from stackroom.library.assets import Asset
from stackroom.library.names import ROOT

TAGGED = asset_tag.alias("tagged")


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which assets of a dataset. None means: whatever it is. `archived`: False live, True archived, None both.

    Of `tags`, clean ones, an asset has all.
    """

    dataset_id: int
    folder: str | None = None
    recursive: bool = False
    status: str | None = None
    split: str | None = None
    kind: str | None = None
    name: str | None = None
    glob: str | None = None
    min_confidence_below: float | None = None
    created_after: int | None = None
    created_before: int | None = None
    tags: tuple[str, ...] = ()
    archived: bool | None = False


def page(
    conn: Connection,
    wanted: Filter,
    *,
    limit: int,
    offset: int = 0,
    before: int | None = None,
    now: int | None = None,
) -> list[Asset]:
    """At most `limit` assets, newest first, after skipping `offset`, or older than the asset with row id `before`.

    Going on with `before` sees each asset once even while others arrive. Given the present moment, what has expired and
    is not gone yet is left out.
    """
    # Read from the tag's own index, in that index's order, the newest need not be looked for among all that have it.
    key = TAGGED.c.asset_id if wanted.tags else asset.c.id
    keys = select(key.label("id")).where(*conditions(conn, wanted), *unexpired(conn, now))
    if before is not None:
        keys = keys.where(key < before)
    chosen = keys.order_by(key.desc()).limit(limit).offset(offset).subquery()
    rows = conn.execute(assets.query().join(chosen, chosen.c.id == asset.c.id).order_by(asset.c.id.desc()))
    return [assets.from_row(row) for row in rows]


def count(conn: Connection, wanted: Filter, *, now: int | None = None) -> int:
    """How many assets there are on all pages."""
    if late := unexpired(conn, now):
        found = select(asset.c.id).where(*conditions(conn, wanted), *late).subquery()
        return conn.scalar(select(func.count()).select_from(found)) or 0
    if wanted == Filter(dataset_id=wanted.dataset_id, tags=wanted.tags):
        # All but the archived: two short indexes say so, where asking for the live ones looks at every row.
        every, hidden = (count(conn, msgspec.structs.replace(wanted, archived=it)) for it in (None, True))
        return every - hidden
    return conn.scalar(select(func.count()).select_from(_counted(conn, wanted).subquery())) or 0


def _counted(conn: Connection, wanted: Filter) -> Select[tuple[int]]:
    """One row for each asset, out of the shortest index that knows."""
    if wanted.tags and wanted == Filter(dataset_id=wanted.dataset_id, tags=wanted.tags, archived=None):
        return select(TAGGED.c.asset_id).where(*_tagged(wanted))
    if wanted.tags and wanted == Filter(dataset_id=wanted.dataset_id, tags=wanted.tags, archived=True):
        tagged = [_has(each, asset.c.id) for each in _tag_ids(wanted)]
        return select(asset.c.id).where(asset.c.dataset_id == wanted.dataset_id, ARCHIVED, *tagged)
    return select(asset.c.id).where(*conditions(conn, wanted))


def unexpired(conn: Connection, now: int | None) -> list[ColumnElement[bool]]:
    """The condition that an asset is still to be kept, where anything has expired that is not gone yet. That is seldom,
    and then only must each asset be looked at for it."""
    if now is None:
        return []
    first = select(asset.c.id).where(asset.c.expires_at <= now).order_by(asset.c.expires_at).limit(1)
    return [] if conn.scalar(first) is None else [assets.unexpired(now)]


def conditions(conn: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    """The WHERE of a filter, over the table `asset`.

    The dataset was found for this caller, so the organization need not be asked for again; and a folder belongs to
    one dataset only. What is left out here is one index less for the planner to choose wrongly.
    """
    exact = {
        asset.c.status: wanted.status,
        asset.c.split: wanted.split,
        asset.c.kind: wanted.kind,
        asset.c.name: wanted.name,
    }
    where = [asset.c.id == TAGGED.c.asset_id, *_tagged(wanted)] if wanted.tags else []
    where += _place(wanted)
    where += [column == value for column, value in exact.items() if value is not None]
    if wanted.archived is not None:
        where.append(ARCHIVED if wanted.archived else LIVE)
    if wanted.glob is not None:
        how = flavour.of(conn)
        operator = how.glob.removesuffix(" :glob")
        where.append(asset.c.name.op(operator, is_comparison=True)(flavour.glob_pattern(how, wanted.glob)))
    if wanted.min_confidence_below is not None:
        where.append(asset.c.min_confidence < wanted.min_confidence_below)
    if wanted.created_after is not None:
        where.append(asset.c.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        where.append(asset.c.created_at < wanted.created_before)
    return where


def _place(wanted: Filter) -> list[ColumnElement[bool]]:
    if wanted.folder is None or (wanted.recursive and wanted.folder == "/"):
        if wanted.name is not None and wanted.archived is False and not wanted.tags:
            # A name is in the index of what each folder holds: asking all folders beats looking at all assets.
            everywhere = select(folder.c.id).where(folder.c.dataset_id == wanted.dataset_id)
            return [asset.c.folder_id.in_(everywhere)]
        return [] if wanted.tags else [asset.c.dataset_id == wanted.dataset_id]
    found = folder_ids(wanted.dataset_id, wanted.folder, recursive=wanted.recursive)
    here = asset.c.folder_id.in_(found) if wanted.recursive else asset.c.folder_id == found.scalar_subquery()
    if wanted.archived is None and not wanted.tags:
        # Each half of a folder is in an index, and the whole in none.
        return [(here & LIVE) | (here & ARCHIVED)]
    return [here]


def _tagged(wanted: Filter) -> list[ColumnElement[bool]]:
    """The conditions that the asset of a row TAGGED has all the tags. A tag belongs to one dataset, too."""
    first, *others = _tag_ids(wanted)
    return [TAGGED.c.tag_id == first, *(_has(each, TAGGED.c.asset_id) for each in others)]


def _has(tag_id: ScalarSelect[int], asset_id: ColumnElement[int]) -> ColumnElement[bool]:
    also = asset_tag.alias()
    return exists().where(also.c.tag_id == tag_id, also.c.asset_id == asset_id)


def _tag_ids(wanted: Filter) -> list[ScalarSelect[int]]:
    here = select(tag.c.id).where(tag.c.dataset_id == wanted.dataset_id)
    return [here.where(tag.c.name == name).scalar_subquery() for name in wanted.tags]


def folder_ids(dataset_id: int, path: str, *, recursive: bool) -> Select[tuple[int]]:
    """The folder at `path`, with all below it if `recursive`."""
    return select(folder.c.id).where(folder.c.dataset_id == dataset_id, _at(path, recursive=recursive))


def _at(path: str, *, recursive: bool) -> ColumnElement[bool]:
    if not recursive:
        return folder.c.path == path
    if path == ROOT:
        return folder.c.removed_from.is_(None)
    # "0" is the character after "/": the range holds exactly the paths that begin with `path/`.
    return (folder.c.path == path) | ((folder.c.path > path + "/") & (folder.c.path < path + "0"))


def folder_counts(
    conn: Connection, dataset_id: int, top: str = ROOT
) -> list[tuple[int, bytes, str, int, int]]:
    """The folder at `top` and all below it as (id, uuid, path, created_at, live assets in exactly this folder), by
    path: all folders of a dataset, unless told otherwise."""
    # Counted folder by folder, each in the index of its names: together they would be counted in the table.
    counted = select(func.count()).where(asset.c.folder_id == folder.c.id, LIVE).scalar_subquery()
    columns = folder.c.id, folder.c.uuid, folder.c.path, folder.c.created_at, counted
    here = folder.c.dataset_id == dataset_id, _at(top, recursive=True)
    rows = conn.execute(select(*columns).where(*here).order_by(folder.c.path))
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


class FolderStats(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a folder and, if asked for, below it. Live assets only."""

    folders: int
    by_status: dict[str, int]
    bytes: int


def folder_stats(conn: Connection, dataset_id: int, path: str, *, recursive: bool) -> FolderStats:
    found = folder_ids(dataset_id, path, recursive=recursive).subquery()
    counted = select(asset.c.status, func.count(), func.coalesce(func.sum(asset.c.size), 0))
    rows = conn.execute(
        counted.join_from(found, asset, asset.c.folder_id == found.c.id).where(LIVE).group_by(asset.c.status)
    ).all()
    return FolderStats(
        folders=conn.scalar(select(func.count()).select_from(found)) or 0,
        by_status={status: count for status, count, _ in rows},
        bytes=sum(int(size) for _, _, size in rows),
    )
