"""The ladder: in which sizes a video is offered to players. Pure; imports no decoder.

A rung is named by its lines, and fits into a frame of that many; the frame of a video that stands upright stands
upright, too. None is larger than the video is, and all have its shape.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from stackroom.media.examined import VideoInfo


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One size. `bitrate` is that of the pictures, in kilobits per second."""

    name: str
    width: int
    height: int
    bitrate: int


FRAMES: Final = (
    Rung(name="360p", width=640, height=360, bitrate=800),
    Rung(name="480p", width=854, height=480, bitrate=1400),
    Rung(name="720p", width=1280, height=720, bitrate=2800),
    Rung(name="1080p", width=1920, height=1080, bitrate=5000),
)
NAMES: Final = tuple(frame.name for frame in FRAMES)
SOUND: Final = 128
"""Kilobits per second of sound."""
_SEGMENT: Final = re.compile(r"#EXTINF:([\d.]+),.*\n(?:#.*\n)*(.+)")
_TARGET: Final = re.compile(r"#EXT-X-TARGETDURATION:(\d+)")
_LEAST_BITRATE: Final = 150
_LEAST_SIDE: Final = 16  # of what an encoder takes


def ladder(found: VideoInfo, names: Collection[str] = NAMES) -> tuple[Rung, ...]:
    """The rungs of a video, the lowest first, of those that are wanted; never none: where all are too large for it, or
    not wanted, there is one of its own size, or of as many lines as the largest frame has."""
    lines = min(found.width, found.height)
    rungs = [_fitted(found, frame) for frame in FRAMES if frame.name in names and frame.height <= lines]
    return tuple(rungs) or (_own_size(found),)


def master(rungs: Sequence[Rung], peaks: Mapping[str, int], index: str = "index.m3u8") -> str:
    """The playlist that lists the others. `peaks` has the bits per second that a player must be able to get of each,
    by name: with the sound, and what it is all wrapped in, they are more than a rung says."""
    entries = (
        f"#EXT-X-STREAM-INF:BANDWIDTH={max(rung.bitrate * 1000, peaks[rung.name])},"
        f"RESOLUTION={rung.width}x{rung.height}\n{rung.name}/{index}\n"
        for rung in rungs
    )
    return "#EXTM3U\n#EXT-X-VERSION:3\n" + "".join(entries)


def peak(playlist: str, sizes: Mapping[str, int]) -> int:
    """The most bits per second of a rung, as RFC 8216 measures them: of consecutive segments that last about as long
    as one should, for a short one at the end says nothing. `sizes` are the bytes of each segment, by name."""
    found = [(float(seconds), sizes[name]) for seconds, name in _SEGMENT.findall(playlist)]
    target = _TARGET.search(playlist)
    least = min(int(target[1]) / 2 if target else 0.0, sum(seconds for seconds, _ in found))
    rates = [0.0]
    for first in range(len(found)):
        lasts, size = 0.0, 0
        for seconds, more in found[first:]:
            if lasts and lasts + seconds > 3 * least:
                break
            lasts, size = lasts + seconds, size + more
            if lasts >= least and lasts > 0:
                rates.append(size * 8 / lasts)
    return math.ceil(max(rates))


def room_for(rungs: Sequence[Rung], seconds: float) -> int:
    """How many bytes all of them may take, with a peak here and there."""
    return round(sum(rung.bitrate * 1.2 + SOUND for rung in rungs) * 1000 / 8 * seconds)


def _fitted(found: VideoInfo, frame: Rung) -> Rung:
    long, short = frame.width, frame.height
    wide, high = (long, short) if found.width >= found.height else (short, long)
    scale = min(1.0, wide / found.width, high / found.height)
    return Rung(
        name=frame.name,
        width=_even(found.width * scale, found.width),
        height=_even(found.height * scale, found.height),
        bitrate=frame.bitrate,
    )


def _own_size(found: VideoInfo) -> Rung:
    largest = FRAMES[-1]
    rung = _fitted(found, largest)
    smallest = FRAMES[0]
    share = rung.width * rung.height / (smallest.width * smallest.height)
    bitrate = max(_LEAST_BITRATE, min(largest.bitrate, round(smallest.bitrate * share)))
    lines = min(rung.width, rung.height)
    return Rung(name=f"{lines}p", width=rung.width, height=rung.height, bitrate=bitrate)


def _even(side: float, most: int) -> int:
    """The nearest even number that is no larger than the video, unless that is too small to be encoded at all."""
    return max(_LEAST_SIDE, min(round(side / 2) * 2, most // 2 * 2))
