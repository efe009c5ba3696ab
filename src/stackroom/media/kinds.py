"""What is known of a video, a recording or a document once it has been looked at. Imports no decoder."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What an asset is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


class MediaInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is what it is said to be, and can be read; what its kind has not is None.

    `content_type` is what the bytes are, whatever the file is called. `text` is what a document says, up to
    `documents.MOST_TEXT` characters of it.
    """

    kind: Kind
    content_type: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    bitrate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    page_count: int | None = None
    text: str | None = None
