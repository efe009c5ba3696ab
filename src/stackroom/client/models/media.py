"""Media of all kinds, as the organization has them: one library, whatever dataset each is in."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from .base import Moment, OpenEnum

Store = Literal["0", "1", "auto"]
"""Kept for a day, for good, or as the server is set up."""


class MediaKind(OpenEnum):
    """What one is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


class MediaVariant(Struct, frozen=True, kw_only=True):
    """A rendition of a video that a player may choose."""

    name: str
    resolution: str
    bitrate: int
    width: int
    height: int
    playlist_path: str


class Media(Struct, frozen=True, kw_only=True):
    """One medium. What its kind does not have, or what is not known yet, is None.

    `processing_status` of a video is `pending`, `processing`, `completed` or `failed`; `hls_url` is where players find
    it once it is completed.
    """

    id: str
    media_type: MediaKind
    filename: str
    content_type: str
    file_size: int
    uploaded_at: Moment
    url: str | None = None
    store_behavior: str = "auto"
    store_permanently: bool = True
    expires_at: Moment | None = None
    folder_id: str | None = None
    folder_name: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    processing_status: str | None = None
    hls_url: str | None = None
    variants: list[MediaVariant] | None = None
    bitrate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    page_count: int | None = None


class MediaDeleted(Struct, frozen=True, kw_only=True):
    """What became of one that was to be deleted: 204, or why not."""

    id: str
    status: int
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.status < 300


class MediaCopied(Struct, frozen=True, kw_only=True):
    """What became of one that was to be copied: 201 and the id of the copy, or why not."""

    source_id: str
    status: int
    new_id: str | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.status < 300


class MediaMetadata(Struct, frozen=True, kw_only=True):
    """What its owners say of one."""

    user: dict[str, Any] = msgspec.field(default_factory=dict)
