"""Video: what a file says about itself, once it is known to be whole and its first picture has been decoded; and its
poster. For a studio's workers: it decodes.

The container is told to the demuxer, by the file's first bytes, and only those kept here are ever tried: left to guess,
it would also read playlists, which lead elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import av
from av.container import InputContainer
from PIL import Image

from stackroom.errors import Invalid, StackroomError, TooLarge, UnsupportedMedia
from stackroom.media.containers import DEMUXERS, is_cut_short
from stackroom.media.examined import VideoInfo, within
from stackroom.media.formats import HEAD_SIZE, sniff
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.room import room_explained

MOST_PIXELS: Final = 8192 * 8192
"""Of one picture: more than any camera films, and no more than a worker can hold several of."""
POSTER_BOX: Final = 1920
"""The square that a poster fits into."""
POSTER_AT: Final = 1.0
"""Seconds from the beginning, where films are seldom still black; of a shorter one its middle."""
MOMENT: Final = 0.5
"""Seconds of sound behind the last picture that need no picture."""
_MOST_BITS: Final = 2**31 - 1  # a second; a header may say anything, and a column has 32 bits
_QUALITY: Final = 85
_KEPT: Final = "MP4, MOV, AVI, WebM and Matroska"

_TURNS: Final = MappingProxyType(
    {
        90: Image.Transpose.ROTATE_90,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_270,
    }
)


def examine(path: Path) -> MediaInfo:
    """What `probe_video` finds, in the words that all media have. Raises what that raises."""
    found = probe_video(path)
    return MediaInfo(
        kind=Kind.VIDEO,
        content_type=found.content_type,
        width=found.width,
        height=found.height,
        duration=found.duration,
        bitrate=found.bitrate,
    )


def probe_video(path: Path) -> VideoInfo:
    """Look at a video: its headers, whether all that it announces is there, and its first picture.

    Raises Invalid `empty_file`; UnsupportedMedia `not_a_video` (another kind of file) or `damaged_video` (it cannot be
    read, or ends too early); TooLarge `video_too_many_pixels`. The path's own name means nothing.
    """
    content_type = _recognised(path)
    if is_cut_short(path, content_type):
        raise _damaged()
    with _damage_explained(), _opened(path, content_type) as opened:
        stream = _pictures_of(opened)
        context = stream.codec_context
        _check_pixels(context.width, context.height)
        frame = next(opened.decode(stream), None)
        if frame is None:
            raise _damaged()
        width, height = _as_seen(frame.width, frame.height, stream.sample_aspect_ratio, frame.rotation)
        _check_pixels(width, height)
        duration = _duration(path, content_type, opened)
        has_audio, held = _sound(path, content_type)
        return VideoInfo(
            content_type=content_type,
            duration=round(duration, 6),
            width=width,
            height=height,
            codec=context.codec.canonical_name,
            has_audio=has_audio,
            bitrate=min(opened.bit_rate or round(path.stat().st_size * 8 / duration), _MOST_BITS),
            held=min(held, round(duration, 6)),
        )


def poster(path: Path, out: Path, box: int = POSTER_BOX) -> None:
    """Write one picture of a stored video as a JPEG: upright, as wide as it is seen, fitted into a square.

    Raises what `probe_video` raises, and Unavailable `storage_full` where there is no room for it.
    """
    content_type = _recognised(path)
    with _damage_explained(), _opened(path, content_type) as opened:
        stream = _pictures_of(opened)
        _check_pixels(stream.codec_context.width, stream.codec_context.height)
        frame = _frame_at(opened, stream, min(POSTER_AT, _duration(path, content_type, opened) / 2))
        width, height = _as_seen(frame.width, frame.height, stream.sample_aspect_ratio, frame.rotation)
        picture = frame.to_image()
        turn = _TURNS.get(frame.rotation % 360)
        upright = picture if turn is None else picture.transpose(turn)
        fitted = upright.resize(within(width, height, box), Image.Resampling.LANCZOS)
    with room_explained():
        fitted.save(out, "JPEG", quality=_QUALITY)


def _opened(path: Path, content_type: str) -> InputContainer:
    # Nothing but the file itself, whatever it says of others.
    options = {"protocol_whitelist": "file"}
    return av.open(str(path), format=DEMUXERS[content_type], options=options, metadata_errors="ignore")


def _pictures_of(opened: InputContainer) -> Any:
    """The first stream of pictures that is no picture of a cover."""
    for stream in opened.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            stream.thread_type = "NONE"  # a worker has one core, and bounded memory
            return stream
    raise UnsupportedMedia(
        "The file has no moving pictures.", code="not_a_video", hint="Send sound alone as a recording."
    )


def _frame_at(opened: InputContainer, stream: Any, seconds: float) -> Any:
    """The first picture at this moment or after it; the last one before it, if there is none."""
    opened.seek(int(seconds * av.time_base))
    found = None
    for found in opened.decode(stream):
        if found.time is None or found.time >= seconds:
            return found
    if found is None:  # what can be sought in badly can still be read from its beginning
        opened.seek(0)
        found = next(opened.decode(stream), None)
    if found is None:
        raise _damaged()
    return found


def _duration(path: Path, content_type: str, opened: InputContainer) -> float:
    """Seconds: as the headers say, or where they do not, to the end of the last packet."""
    if opened.duration and opened.duration > 0:
        return opened.duration / av.time_base
    last = 0.0
    with _opened(path, content_type) as again:
        for packet in again.demux():
            base = packet.time_base or Fraction(1, 1)
            if packet.pts is not None:
                last = max(last, float((packet.pts + (packet.duration or 0)) * base))
    if last <= 0:
        raise _damaged()
    return last


def _sound(path: Path, content_type: str) -> tuple[bool, float]:
    """Whether there is any sound that can be decoded in the first track of it: some have nothing in it. And for how
    many seconds it goes on when the pictures have ended: a moment is nothing."""
    with _opened(path, content_type) as again:
        track: Any = next(iter(again.streams.audio), None)
        if track is None or track.codec_context is None or not any(it.size for it in again.demux(track)):
            return False, 0.0
    # Of each track alone, which Matroska does not say, and its demuxer makes up.
    known = DEMUXERS[content_type] != "matroska"
    with _opened(path, content_type) as again:
        ends = [_end_of(again, each, known=known) for each in (again.streams.audio[0], _pictures_of(again))]
        after = ends[0] - ends[1]
    return True, round(after, 3) if after > MOMENT else 0.0


def _end_of(opened: InputContainer, stream: Any, *, known: bool) -> float:
    """In seconds: as the headers say, or where they do not, the end of the last packet."""
    if known and stream.duration:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    opened.seek(0)
    ends = (
        (packet.pts + (packet.duration or 0)) * packet.time_base
        for packet in opened.demux(stream)
        if packet.pts is not None and packet.time_base is not None
    )
    return float(max(ends, default=Fraction(0)))


def _as_seen(width: int, height: int, aspect: Fraction | None, rotation: int) -> tuple[int, int]:
    """The size on a screen: pixels that are not square made so, and turned upright."""
    if aspect and aspect > 0:
        width = max(1, round(width * aspect))
    return (height, width) if rotation % 180 == 90 else (width, height)


def _check_pixels(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise _damaged()
    if width * height > MOST_PIXELS:
        raise TooLarge(
            f"The pictures of the video are {width} by {height} pixels; the limit is {MOST_PIXELS} in all.",
            code="video_too_many_pixels",
            hint="Send it at a lower resolution.",
            details={"width": width, "height": height, "max_pixels": MOST_PIXELS},
        )


def _recognised(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    if not head:
        raise Invalid("The file is empty.", code="empty_file", hint="Choose a file with something in it.")
    content_type = sniff(head)
    if content_type is None or content_type not in DEMUXERS:
        found = f"its content is {content_type}" if content_type else "its content is none of the known kinds"
        raise UnsupportedMedia(
            f"The file is not a video: {found}.", code="not_a_video", hint=f"Send one of {_KEPT}."
        )
    return content_type


@contextmanager
def _damage_explained() -> Iterator[None]:
    try:
        yield
    except StackroomError:
        raise
    except Exception as error:
        # Demuxers and decoders fail on damage with nearly everything there is.
        raise _damaged() from error


def _damaged() -> UnsupportedMedia:
    return UnsupportedMedia(
        "The video is damaged or ends too early.",
        code="damaged_video",
        hint="Play it to its end to see whether it is whole, export it again, and send that.",
    )
