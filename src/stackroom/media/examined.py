"""What is known of an image once it has been looked at. Plain values; the server may import them freely."""

from pathlib import Path

import msgspec

from stackroom.media.formats import Format

MAX_PIXELS = 16_384 * 16_384
"""How many pixels of an image may have to be held at once. What is decoded line by line may have more."""
THUMBNAIL_SIZES = (100, 200, 400, 1024)


def within(width: int, height: int, box: int) -> tuple[int, int]:
    """The size at which a picture fits into a square: never enlarged, and as `info.json` can say without looking."""
    scale = min(1.0, box / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class Probe(msgspec.Struct, frozen=True):
    """What the headers of an image say. Sizes are as seen: after the EXIF orientation has been applied."""

    format: Format
    width: int
    height: int
    frames: int  # pictures of an animation, pages of a TIFF
    has_alpha: bool

    @property
    def content_type(self) -> str:
        return self.format.content_type


class Thumbnail(msgspec.Struct, frozen=True):
    """A small picture: sRGB, upright, without metadata. JPEG, or WebP where the original has transparency."""

    path: Path
    box: int  # the side of the square it was asked to fit in
    content_type: str
    width: int
    height: int
    size: int


class Converted(msgspec.Struct, frozen=True):
    """A file to keep in place of the one that arrived (HEIC and HEIF become PNG)."""

    path: Path
    content_type: str
    width: int
    height: int
    size: int
    sha256: bytes


class Examined(msgspec.Struct, frozen=True):
    """An image that decodes from its first byte to its last."""

    probe: Probe  # of the file that arrived
    converted: Converted | None  # store this instead, if there is one
    thumbnails: tuple[Thumbnail, ...]  # in the order asked for
    fingerprint: bytes  # see `fingerprint`


class VideoInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a video that can be played. Sizes are as seen: upright, with square pixels.

    `content_type` is what the bytes are, whatever the file is called; `duration` is in seconds, `bitrate` that of the
    whole file in bits per second; `held` is for how many seconds its sound goes on after its last picture.
    """

    content_type: str
    duration: float
    width: int
    height: int
    codec: str
    has_audio: bool
    bitrate: int
    held: float = 0.0
