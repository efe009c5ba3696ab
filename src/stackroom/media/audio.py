"""Sound: what a recording says about itself, once it has been read from end to end and its beginning decoded.

The container is told to the demuxer, and only those kept here are ever tried: left to guess, it would also read
playlists, which lead elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import av
import msgspec
from av.container import InputContainer

from stackroom.errors import Invalid, StackroomError, UnsupportedMedia
from stackroom.media.formats import HEAD_SIZE, sniff
from stackroom.media.kinds import Kind, MediaInfo

DECODED: Final = 30.0
"""Seconds of the beginning that are decoded, so that what nobody can play is refused."""
MISSING: Final = 0.9
"""Less than this share of what a file says it holds is one that ends too early."""
_OPEN: Final = 0x7FFF_0000
_MOST_BITS: Final = 2**31 - 1
_KEPT: Final = "MP3, M4A, WAV, FLAC and Ogg"


class _Container(msgspec.Struct, frozen=True):
    """`demuxer` reads it. `exact`: it says itself how long it is, and not only how much of it there is."""

    content_type: str
    demuxer: str
    exact: bool


# A recording in an MP4 that does not say it is one has the brand of a video.
_M4A: Final = _Container("audio/mp4", "mp4", exact=True)
_CONTAINERS: Final = MappingProxyType(
    {
        "audio/mpeg": _Container("audio/mpeg", "mp3", exact=False),
        "audio/mp4": _M4A,
        "video/mp4": _M4A,
        "audio/wav": _Container("audio/wav", "wav", exact=True),
        "audio/flac": _Container("audio/flac", "flac", exact=True),
        "audio/ogg": _Container("audio/ogg", "ogg", exact=False),
    }
)


class _Heard(msgspec.Struct):
    """What reading a recording from end to end has found: seconds that there are, and of them decoded ones. `junk` is
    how many of the `tried` packets could not be decoded."""

    packets: int = 0
    tried: int = 0
    junk: int = 0
    seconds: float = 0.0
    decoded: float = 0.0


def examine(path: Path) -> MediaInfo:
    """Look at a recording.

    Raises Invalid `empty_file`; UnsupportedMedia `not_audio` (another kind of file), `damaged_audio` (it cannot be
    read, or ends too early) or `silent_audio` (it has no length).
    """
    container = _recognised(path)
    if container.demuxer == "wav":
        _check_length_of_wav(path)
    elif container.demuxer == "ogg":
        _check_last_page(path)
    with _damage_explained():
        # Nothing but the file itself, whatever it says of others.
        options = {"protocol_whitelist": "file"}
        with av.open(
            str(path), format=container.demuxer, options=options, metadata_errors="ignore"
        ) as opened:
            return _examined(opened, container, path.stat().st_size)


def _check_length_of_wav(path: Path) -> None:
    # A WAV that ends too early is read as a shorter one. Who writes while recording leaves the length open.
    with path.open("rb") as file:
        head = file.read(28)
    # One that may be larger than four gigabytes says how large in a part of its own, which comes first.
    length = head[4:8] if head[:4] == b"RIFF" else head[20:28]
    declared = int.from_bytes(length, "little")
    if declared < _OPEN and path.stat().st_size < declared * MISSING:
        raise _damaged()


def _check_last_page(path: Path) -> None:
    # An Ogg does not say how long it is; but of a page that is cut off, seconds long, the demuxer says nothing.
    size = path.stat().st_size
    with path.open("rb") as file:
        while (head := file.read(27))[:4] == b"OggS":
            if len(head) < 27 or file.seek(sum(file.read(head[26])), 1) > size:
                raise _damaged()


def _examined(opened: InputContainer, container: _Container, size: int) -> MediaInfo:
    stream = _sound_of(opened, container.content_type)
    context = stream.codec_context
    declared = opened.duration / av.time_base if opened.duration and opened.duration > 0 else None
    heard = _hear(opened, stream)
    if not heard.packets or heard.seconds <= 0:
        raise _silent()
    # Between the frames of an MP3, and behind them, is much that is none: players pass over it.
    most_junk = 0 if container.exact else heard.tried * (1 - MISSING)
    if heard.decoded <= 0 or heard.junk > most_junk:
        raise _damaged()
    if container.exact and declared is not None and heard.seconds < declared * MISSING - 1:
        raise _damaged()
    duration = declared if container.exact and declared is not None else heard.seconds
    return MediaInfo(
        kind=Kind.AUDIO,
        content_type=container.content_type,
        duration=round(duration, 6),
        bitrate=_bitrate(stream.bit_rate or context.bit_rate, size * 8 / duration),
        sample_rate=context.sample_rate,
        channels=context.layout.nb_channels,
    )


def _bitrate(declared: int | None, at_most: float) -> int:
    """As the file says, if that can be: no stream has more bits than the file it is in."""
    believed = declared if declared and declared <= 2 * at_most else round(at_most)
    return min(believed, _MOST_BITS)


def _sound_of(opened: InputContainer, content_type: str) -> Any:
    """The first stream of sound. A picture of the cover is no film."""
    if any(not each.disposition & each.disposition.attached_pic for each in opened.streams.video):
        raise _refused("video/mp4" if content_type == "audio/mp4" else content_type)
    if not opened.streams.audio:
        raise _damaged()
    return opened.streams.audio[0]


def _hear(opened: InputContainer, stream: Any) -> _Heard:
    """Read all there is of a stream, and decode its beginning."""
    heard = _Heard()
    first: int | None = None
    for packet in opened.demux(stream):
        if packet.size == 0:  # the end
            continue
        heard.packets += 1
        base = packet.time_base or Fraction(1, 1)
        if packet.pts is not None:
            first = packet.pts if first is None else first
            heard.seconds = max(heard.seconds, float((packet.pts - first + (packet.duration or 0)) * base))
        if heard.decoded < DECODED:
            heard.tried += 1
            try:
                heard.decoded += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            except av.InvalidDataError:
                heard.junk += 1
    return heard


def _recognised(path: Path) -> _Container:
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    if not head:
        raise Invalid("The file is empty.", code="empty_file", hint="Choose a file with something in it.")
    content_type = sniff(head)
    container = _CONTAINERS.get(content_type or "")
    if container is None:
        raise _refused(content_type)
    return container


@contextmanager
def _damage_explained() -> Iterator[None]:
    try:
        yield
    except StackroomError:
        raise
    except Exception as error:
        # Demuxers and decoders fail on damage with nearly everything there is.
        raise _damaged() from error


def _refused(content_type: str | None) -> UnsupportedMedia:
    found = f"its content is {content_type}" if content_type else "its content is none of the known kinds"
    return UnsupportedMedia(
        f"The file is not a recording: {found}.", code="not_audio", hint=f"Send one of {_KEPT}."
    )


def _damaged() -> UnsupportedMedia:
    return UnsupportedMedia(
        "The recording is damaged or ends too early.",
        code="damaged_audio",
        hint="Play it to its end to see whether it is whole, export it again, and send that.",
    )


def _silent() -> UnsupportedMedia:
    return UnsupportedMedia(
        "The recording has no length: there is no sound in it.",
        code="silent_audio",
        hint="Record or export it again, and send that.",
    )
