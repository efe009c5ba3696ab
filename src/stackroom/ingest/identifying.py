"""What a file that was fetched truly is: by its bytes, whatever anybody says of it.

What is registered to be seen as a picture must decode as one. Sound, video and documents are kept as they came,
with what can be said of them. What only is to be handed out as a file may be anything that is not a web page in
disguise.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from stackroom.errors import Invalid, TooLarge, UnsupportedMedia
from stackroom.ingest.keeping import kind_of
from stackroom.ingest.settling import Kept
from stackroom.library.blobs import Arrival
from stackroom.library.channels import AS_FILE, IIIF_IMAGE, THUMBS, Channel
from stackroom.media.examined import THUMBNAIL_SIZES, Converted, Examined, Probe
from stackroom.media.formats import HEAD_SIZE, format_of, sniff
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.studio import Studio
from stackroom.storage.staging import Staged

UNKNOWN_IMAGE: Final = "image/unknown"
"""What something is registered as of which nobody knew more than that."""
ANYTHING: Final = "application/octet-stream"
_VAGUE = {"application/zip", "application/gzip", "text/plain", None}
"""What many types look like from inside: then who says more knows more."""


class Registered(msgspec.Struct, frozen=True):
    """What was said of an asset that matters here."""

    media_type: str | None
    channels: Sequence[Channel] = ()

    @property
    def as_picture(self) -> bool:
        """Somebody knew that it is one, and it is to be seen as one."""
        said = (self.media_type or UNKNOWN_IMAGE).startswith("image/") and self.media_type != UNKNOWN_IMAGE
        return said and any(it.channel in {IIIF_IMAGE, THUMBS} for it in self.channels)

    @property
    def as_file(self) -> bool:
        """It is to be handed out as it came, and in no other way."""
        return bool(self.channels) and all(it.channel == AS_FILE for it in self.channels)


class Source(msgspec.Struct, frozen=True):
    """The file to keep: the one that came, or what it was converted to."""

    path: Path
    size: int
    sha256: bytes


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the library keeps. `examined` is there if it is a picture, `played` if it is sound or video that a
    player would play."""

    kind: str
    content_type: str
    examined: Examined | None = None
    played: MediaInfo | None = None

    @property
    def width(self) -> int | None:
        return None if self._shape is None else self._shape.width

    @property
    def height(self) -> int | None:
        return None if self._shape is None else self._shape.height

    @property
    def _shape(self) -> Converted | Probe | MediaInfo | None:
        return self.played if self.examined is None else self.examined.converted or self.examined.probe

    def source(self, staged: Staged) -> Source:
        if self.examined is not None and self.examined.converted is not None:
            made = self.examined.converted
            return Source(made.path, made.size, made.sha256)
        return Source(staged.path, staged.size, staged.sha256)

    def kept(self, arrival: Arrival, key: str, hold: int | None) -> Kept:
        return Kept(
            kind=self.kind,
            content_type=self.content_type,
            size=arrival.size,
            width=self.width,
            height=self.height,
            duration=None if self.played is None else self.played.duration,
            fingerprint=None if self.examined is None else self.examined.fingerprint,
            arrival=arrival,
            key=key,
            hold=hold,
        )


async def examine(
    studio: Studio, staged: Staged, registered: Registered, told: str | None, workspace: Path
) -> Seen:
    """Look at a file. `told` is the type that its origin gave. What is made of a picture is left in `workspace`.

    Raises `UnsupportedMedia` for what is not kept, `Invalid` for an empty file, and what `Studio.examine` raises.
    """
    with staged.path.open("rb") as file:
        true = sniff(file.read(HEAD_SIZE))
    if format_of(true) is not None:
        return await _picture(studio, staged, registered, true or "", workspace)
    _refuse(true, registered, staged)
    said = registered.media_type if registered.media_type != UNKNOWN_IMAGE else None
    said = _sendable(said) or _sendable(told)
    content_type = (said if true in _VAGUE else true) or true or ANYTHING
    kind = _kind(content_type)
    return Seen(kind=kind, content_type=content_type, played=await _played(studio, kind, staged.path))


async def _played(studio: Studio, kind: str, path: Path) -> MediaInfo | None:
    """What is known of sound and video. What no player here plays is kept all the same: others may."""
    if kind not in {Kind.VIDEO, Kind.AUDIO}:
        return None
    with suppress(UnsupportedMedia, TooLarge):
        return await studio.examine_media(Kind(kind), path)
    return None


async def _picture(
    studio: Studio, staged: Staged, registered: Registered, true: str, workspace: Path
) -> Seen:
    try:
        seen = await studio.examine(staged.path, workspace, thumbnail_sizes=THUMBNAIL_SIZES)
    except UnsupportedMedia:
        if registered.as_file:
            return Seen(kind="document", content_type=true)
        raise
    if seen.converted is not None and registered.as_file:  # who wants the file wants the one that came
        return Seen(kind="document", content_type=true)
    return Seen(kind="image", content_type=(seen.converted or seen.probe).content_type, examined=seen)


def _sendable(said: str | None) -> str | None:
    """What somebody says of the type, unless it can stand in no header: then whoever gets the file is not told so."""
    return said if said is not None and said.isascii() and said.isprintable() else None


def _refuse(true: str | None, registered: Registered, staged: Staged) -> None:
    """Raise `UnsupportedMedia` for what is no picture and should be one, and for what nobody can vouch for;
    `Invalid` for nothing at all."""
    if staged.size == 0:
        raise Invalid("The origin sent an empty file.", code="empty_file")
    if true == "text/html" and not (registered.as_file and registered.media_type == "text/html"):
        raise UnsupportedMedia(
            "The origin sent a web page, and not the file itself.",
            code="web_page",
            hint="Open the address in a browser that is not signed in, to see what it says.",
        )
    if true is not None and true.startswith("image/") and not registered.as_file:
        raise UnsupportedMedia(
            f"{true} is not among the image formats that are kept.",
            code="unsupported_format",
            hint="Offer it as JPEG, PNG, TIFF or WebP; or register it for the file channel only, to keep it as it is.",
        )
    if registered.as_picture:
        raise UnsupportedMedia(
            f"It was registered as {registered.media_type}, and the origin sent {true or 'something unknown'}.",
            code="not_an_image",
            hint="Look at what the origin sends, or register it with its true media type.",
        )
    if true is None and not registered.as_file:
        raise UnsupportedMedia(
            "Nobody knows what kind of file the origin sent.",
            code="unknown_format",
            hint="Register it with its media type and for the file channel only, to keep it as it is.",
        )


def _kind(content_type: str) -> str:
    """An image that is kept as a file is not one that anybody could look at."""
    kind = kind_of(content_type)
    return "document" if kind == "image" else kind
