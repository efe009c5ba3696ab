"""Groups of files, in the words of the protocol."""

from typing import Annotated
from uuid import UUID

from stackroom.web.mindia.wire.base import AN_ID, Asked, Given, Moment, like


class NewGroup(Asked, frozen=True, kw_only=True):
    files: Annotated[list[str], like([AN_ID])]


class Group(Given, frozen=True, kw_only=True):
    id: UUID
    created_at: Moment
    file_count: int


class File(Given, frozen=True, kw_only=True):
    id: UUID
    url: str
    filename: str
    content_type: str
    file_size: int
    media_type: str


class GroupWithFiles(Given, frozen=True, kw_only=True):
    id: UUID
    created_at: Moment
    files: list[File]
