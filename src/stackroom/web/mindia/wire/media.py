"""Media on the wire. What a kind has not is left out; what it has and nobody knows is null."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import AN_ID, Asked, Given, Moment, like


class Variant(Given, frozen=True, kw_only=True):
    """What a player may choose. The path is relative to the master playlist."""

    name: str
    resolution: str
    bitrate: int
    width: int
    height: int
    playlist_path: str


class Media(Given, frozen=True, kw_only=True):
    """Fields stand in the order in which clients have always seen them."""

    id: UUID
    media_type: str
    filename: str
    original_filename: str
    url: str
    content_type: str
    file_size: int
    duration: float | UnsetType | None = UNSET
    width: int | UnsetType | None = UNSET
    height: int | UnsetType | None = UNSET
    bitrate: int | UnsetType = UNSET
    sample_rate: int | UnsetType = UNSET
    channels: int | UnsetType = UNSET
    page_count: int | UnsetType | None = UNSET
    processing_status: str | UnsetType | None = UNSET
    hls_url: str | UnsetType | None = UNSET
    variants: list[Variant] | UnsetType | None = UNSET
    uploaded_at: Moment
    store_behavior: str
    store_permanently: bool
    expires_at: Moment | UnsetType | None = UNSET
    folder_id: UUID | UnsetType = UNSET
    folder_name: str | UnsetType = UNSET


class FromUrl(Given, frozen=True, kw_only=True):
    message: str
    image: Media


class Start(Asked, frozen=True, kw_only=True):
    filename: Annotated[str, like("harbour.jpg")]
    content_type: Annotated[str, like("image/jpeg")]
    file_size: Annotated[int, like(8_388_608)]
    media_type: Annotated[str, like("image")]
    chunk_size: Annotated[int, like(4_194_304)]
    store: str = "auto"
    metadata: dict[str, Any] | None = None
    folder_id: str | None = None


class ChunkUrl(Given, frozen=True, kw_only=True):
    index: int
    url: str
    s3_key: str


class Started(Given, frozen=True, kw_only=True):
    session_id: UUID
    chunk_count: int
    chunk_size: int
    chunk_urls: list[ChunkUrl]


class Chunk(Asked, frozen=True, kw_only=True):
    chunk_index: Annotated[int, like(0)]


class Progress(Given, frozen=True, kw_only=True):
    session_id: UUID
    total_size: int
    uploaded_size: int
    chunks_uploaded: int
    total_chunks: int
    progress_percent: float
    status: str
    missing_chunks: list[int]


class Complete(Asked, frozen=True, kw_only=True):
    upload_id: Annotated[str, like(AN_ID)]
    metadata: dict[str, Any] | None = None


class Completed(Given, frozen=True, kw_only=True):
    id: UUID
    url: str
    content_type: str
    file_size: int
    uploaded_at: Moment


class NewMetadata(Asked, frozen=True, kw_only=True):
    metadata: Annotated[dict[str, Any], like({"camera": "roof"})]


class Document(Given, frozen=True, kw_only=True):
    """What is kept of an item in words: its user's, and that of plugins, of which there are none."""

    user: dict[str, Any]
    plugins: dict[str, Any]


class Metadata(Given, frozen=True, kw_only=True):
    id: UUID
    metadata: Document


class PartOfMetadata(Given, frozen=True, kw_only=True):
    """The same where one part of the document may have been asked for."""

    id: UUID
    metadata: dict[str, Any]


class Batch(Asked, frozen=True, kw_only=True):
    ids: Annotated[list[str], like([AN_ID])]


class Deleted(Given, frozen=True, kw_only=True):
    id: UUID
    status: int
    error: str | UnsetType = UNSET


class Copied(Given, frozen=True, kw_only=True):
    source_id: UUID
    new_id: UUID | None
    status: int
    error: str | UnsetType = UNSET


class Deletions(Given, frozen=True, kw_only=True):
    results: list[Deleted]


class Copies(Given, frozen=True, kw_only=True):
    results: list[Copied]
