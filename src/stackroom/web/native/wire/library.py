"""Datasets, their folders, and the assets in them."""

from typing import Annotated, Literal

from msgspec import Meta

from stackroom.web.native.wire.base import (
    Asked,
    Given,
    Glob,
    Id,
    Kind,
    Moment,
    PageQuery,
    Path,
    Reference,
    Split,
    Status,
)


class NewDataset(Asked, frozen=True, kw_only=True):
    name: str
    description: Annotated[str, Meta(max_length=10_000)] | None = None


class FoldersQuery(Asked, frozen=True, kw_only=True):
    parent: Path | None = None


class AssetsQuery(PageQuery, frozen=True, kw_only=True):
    dataset: Reference
    folder: Path | None = None
    recursive: bool = False
    status: Status | None = None
    kind: Kind | None = None
    name: Glob | None = None
    tags: tuple[str, ...] = ()
    archived: Literal["false", "true", "all"] = "false"


class Dataset(Given, frozen=True, kw_only=True):
    id: Id
    name: str
    description: str | None
    asset_count: int
    archived_count: int
    bytes: int
    created_at: Moment
    updated_at: Moment


class Datasets(Given, frozen=True, kw_only=True):
    datasets: list[Dataset]
    next: str | None


class Folder(Given, frozen=True, kw_only=True):
    """`asset_count` counts live assets in exactly this folder, `tree_asset_count` those below it as well."""

    id: Id
    path: Path
    name: str
    asset_count: int
    tree_asset_count: int


class Folders(Given, frozen=True, kw_only=True):
    folders: list[Folder]


class Asset(Given, frozen=True, kw_only=True):
    id: Id
    dataset_id: Id
    folder: Path
    name: str
    original_name: str
    display_name: str | None
    kind: Kind
    status: Status
    split: Split | None
    content_type: str
    size: int
    width: int | None
    height: int | None
    annotation_count: int
    tags: list[str]
    archived_at: Moment | None
    created_at: Moment
    updated_at: Moment
    version: int
    url: str
    thumbnail_url: str | None


class Assets(Given, frozen=True, kw_only=True):
    assets: list[Asset]
    next: str | None
