"""Folders, which newer clients call directories."""

from collections.abc import Sequence

from stackroom.web.pictograph.wire.base import Asked, Given


class FolderPage(Asked, frozen=True, kw_only=True):
    """Without `parent_path`, all folders; with an empty one, those at the root."""

    parent_path: str | None = None


class Folder(Given, frozen=True, kw_only=True):
    id: str
    project_id: str
    dataset_id: str
    organization_id: str
    name: str
    parent_folder_id: str | None
    parent_directory_id: str | None
    full_path: str
    directory_path: str
    image_count: int
    nested_image_count: int
    created_by: str | None
    created_at: str
    updated_at: str | None


class FolderNode(Given, frozen=True, kw_only=True):
    id: str
    name: str
    full_path: str
    directory_path: str
    image_count: int
    nested_image_count: int
    children: "Sequence[FolderNode]"
