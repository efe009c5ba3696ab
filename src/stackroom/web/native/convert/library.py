"""Datasets, folders and assets, in the native protocol's words."""

from collections.abc import Callable, Sequence

from stackroom import ids
from stackroom.library import tags
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset, Totals
from stackroom.library.listing import Filter
from stackroom.library.names import ROOT, clean_path, last_part, parent
from stackroom.web.native.convert.base import moment, moment_out
from stackroom.web.native.wire import library as wire


def listing(asked: wire.AssetsQuery, dataset_id: int) -> Filter:
    return Filter(
        dataset_id=dataset_id,
        folder=None if asked.folder is None else clean_path(asked.folder),
        recursive=asked.recursive,
        status=asked.status,
        kind=asked.kind,
        glob=asked.name,
        tags=tags.clean(asked.tags),
        archived={"false": False, "true": True, "all": None}[asked.archived],
    )


def dataset(found: Dataset, totals: Totals) -> wire.Dataset:
    return wire.Dataset(
        id=ids.text(found.uuid),
        name=found.name,
        description=found.description,
        asset_count=totals.assets,
        archived_count=totals.archived,
        bytes=totals.bytes,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def folders(rows: Sequence[tuple[int, bytes, str, int, int]], below: str | None) -> list[wire.Folder]:
    """Folders by path, from (id, uuid, path, created, assets); only the children of `below`, if given."""
    trees: dict[str, int] = {}
    for _, _, path, _, count in rows:
        while True:
            trees[path] = trees.get(path, 0) + count
            if path == ROOT:
                break
            path = parent(path)  # noqa: PLW2901 - climbs from the folder to the root
    return [
        wire.Folder(
            id=ids.text(uuid),
            path=path,
            name=last_part(path),
            asset_count=count,
            tree_asset_count=trees[path],
        )
        for _, uuid, path, _, count in rows
        if below is None or (path != ROOT and parent(path) == below)
    ]


Link = Callable[[str], str]
"""Signs a path for a download, and makes it an address."""


def asset(
    found: Asset, dataset_uuid: bytes, link: Link, paths: tuple[str, str], tagged: list[str]
) -> wire.Asset:
    """An asset, with signed addresses made of `paths`: its own and its thumbnail's."""
    return wire.Asset(
        id=ids.text(found.uuid),
        dataset_id=ids.text(dataset_uuid),
        folder=found.folder_path,
        name=found.name,
        original_name=found.original_name,
        display_name=found.display_name,
        kind=found.kind,  # type: ignore[arg-type]  # closed where assets are made
        status=found.status,  # type: ignore[arg-type]  # closed where assets are changed
        split=found.split,  # type: ignore[arg-type]  # closed where assets are changed
        content_type=found.content_type,
        size=found.size,
        width=found.width,
        height=found.height,
        annotation_count=found.annotation_count,
        tags=tagged,
        archived_at=moment_out(found.archived_at),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        version=found.version,
        url=link(paths[0]),
        thumbnail_url=link(paths[1]) if found.kind == "image" else None,
    )
