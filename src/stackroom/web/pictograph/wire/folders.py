"""Folders, which newer clients call directories."""

from collections.abc import Mapping, Sequence

from stackroom.web.pictograph.wire.base import Asked, Given


class FolderPage(Asked, frozen=True, kw_only=True):
    """Without `parent_path`, all folders; with an empty one, those at the root."""

    parent_path: str | None = None


class FolderScope(Asked, frozen=True, kw_only=True):
    """Whether what is below counts as well: in the word of either generation."""

    include_subfolders: bool = True
    include_subdirectories: bool = True


class FolderRename(Asked, frozen=True, kw_only=True):
    new_name: str


class FolderRemoval(Asked, frozen=True, kw_only=True):
    cascade: bool = False


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


class FolderAnswer(Given, frozen=True, kw_only=True):
    data: Folder


class FolderNode(Given, frozen=True, kw_only=True):
    id: str
    name: str
    full_path: str
    directory_path: str
    image_count: int
    nested_image_count: int
    children: "Sequence[FolderNode]"


class FolderStats(Given, frozen=True, kw_only=True):
    total_folders: int
    total_directories: int
    total_images: int
    total_size_bytes: int
    folders_by_status: Mapping[str, int]
    directories_by_status: Mapping[str, int]


class FolderRemoved(Given, frozen=True, kw_only=True):
    """`operation_id` names the move of what was in it, which can be undone."""

    success: bool = True
    folder_id: str
    directory_id: str
    images_moved: int
    operation_id: str | None
