"""Folders, in the words of the protocol."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import AN_ID, Asked, Given, Moment, like


class NewFolder(Asked, frozen=True, kw_only=True):
    name: Annotated[str, like("Spring")]
    parent_id: str | None = None


class FolderChanges(Asked, frozen=True, kw_only=True):
    """What is absent stays; a parent that is null is the root."""

    name: Annotated[str | UnsetType | None, like("Summer")] = UNSET
    parent_id: str | UnsetType | None = UNSET


class Placement(Asked, frozen=True, kw_only=True):
    folder_id: Annotated[str | None, like(AN_ID)] = None


class Folder(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    parent_id: UUID | None
    created_at: Moment
    updated_at: Moment
    media_count: int | None = None
    subfolder_count: int | None = None


class Node(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    parent_id: UUID | None
    created_at: Moment
    updated_at: Moment
    media_count: int
    children: list["Node"]
