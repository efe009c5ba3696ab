"""Streaming: what a player asks for of a video, found by the names that its playlists use.

    master.m3u8                     the renditions there are
    <rendition>/index.m3u8          the segments of one
    <rendition>/segment_<n>.ts      a few seconds of it

All of it stands under one prefix that is this asset's alone (`asset_media.hls_prefix`), made by one attempt and never
changed: an attempt that succeeds gets a prefix of its own, and the one before is swept. Nothing but these names leads
there.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, select, update

from stackroom.access import Actor
from stackroom.database.schema import asset, asset_media
from stackroom.errors import Invalid, NotFound
from stackroom.library import media, prefixes
from stackroom.media.kinds import Kind

MASTER: Final = "master.m3u8"
INDEX: Final = "index.m3u8"
PLAYLIST: Final = "application/vnd.apple.mpegurl"
SEGMENT: Final = "video/mp2t"

Processing = Literal["pending", "processing", "completed", "failed"]
"""Where a video is on its way to players."""

_OF_BYTES: Final = [
    column.name for column in asset_media.c if column.name not in {"asset_id", "store_behavior"}
]
_SEGMENT_NAME: Final = re.compile(r"segment_(\d{3,9})\.ts", re.ASCII)


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """A size of a video that players may choose. `bitrate` is that of the pictures, in kilobits per second."""

    name: str
    width: int
    height: int
    bitrate: int
    segments: int

    @property
    def resolution(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def playlist_path(self) -> str:
        return f"{self.name}/{INDEX}"


class Streamed(msgspec.Struct, frozen=True):
    """Where the bytes are that were asked for, and what they are. They never change, as long as they are there."""

    key: str
    content_type: str


def stream(conn: Connection, actor: Actor, uuid: bytes, name: str, *, now: int) -> Streamed:
    """A playlist or a segment of a video, by the name under which a playlist has it.

    Raises `NotFound`: for a video that is not there, or not seen, or another organization's; `not_processed` while
    there is nothing to play of it; `variant_not_found`; `segment_not_found`. `Invalid` (`invalid_segment`) for what
    cannot be the name of a segment. The bytes may be gone all the same where they are swept at this moment: whoever
    reads them hears of `MissingBytes`, and answers as for a segment that is not there.
    """
    row = conn.execute(
        select(asset_media.c.hls_prefix, asset_media.c.renditions)
        .join_from(asset, asset_media, asset_media.c.asset_id == asset.c.id, isouter=True)
        .where(media.visible(actor, now), asset.c.uuid == uuid, asset.c.kind == Kind.VIDEO.value)
    ).first()
    if row is None:
        raise media.not_found(Kind.VIDEO)
    if row.hls_prefix is None:
        raise NotFound(
            "Video is still processing or failed",
            code="not_processed",
            hint="Ask for the video itself to see which; try again once it is completed.",
        )
    return Streamed(row.hls_prefix + name, _type_of(name, read_renditions(row.renditions)))


def forget(conn: Connection, asset_id: int, *, now: int) -> None:
    """An asset has got other bytes: what was found in those it had, and made of them, is not its own any more."""
    mine = asset_media.c.asset_id == asset_id
    prefix = conn.scalar(select(asset_media.c.hls_prefix).where(mine))
    if prefix is not None:
        prefixes.give_up(conn, prefix, now=now)
    conn.execute(update(asset_media).where(mine).values(dict.fromkeys(_OF_BYTES)))
    conn.execute(update(asset).where(asset.c.id == asset_id).values(duration=None))


def read_renditions(said: str | None) -> tuple[Rendition, ...]:
    """The renditions that `asset_media.renditions` lists; of a video that has none, none."""
    return () if said is None else msgspec.json.decode(said, type=tuple[Rendition, ...])


def write_renditions(renditions: Sequence[Rendition]) -> str:
    """What `read_renditions` reads."""
    return msgspec.json.encode(renditions).decode()


def _type_of(name: str, renditions: Sequence[Rendition]) -> str:
    """What stands under this name; raises as `stream` does where nothing can."""
    if name == MASTER:
        return PLAYLIST
    variant, _, rest = name.partition("/")
    found = next((each for each in renditions if each.name == variant), None)
    if rest != INDEX and (not rest or ".." in rest or "/" in rest or "\\" in rest):
        raise Invalid(
            "Invalid segment name",
            code="invalid_segment",
            hint="Ask for the names that the playlist lists, one after another.",
        )
    if found is None:
        raise NotFound(
            "Variant not found", code="variant_not_found", hint="The master playlist lists those there are."
        )
    if rest == INDEX:
        return PLAYLIST
    said = _SEGMENT_NAME.fullmatch(rest)
    if said is None or int(said[1]) >= found.segments:
        raise segment_not_found()
    return SEGMENT


def segment_not_found() -> NotFound:
    """What is said of a segment that is not there, or not any more."""
    return NotFound(
        "Segment not found",
        code="segment_not_found",
        hint="The playlist may have changed: ask for it again.",
    )
