"""Containers of video: what reads each, and whether a file ends before its container says it does. Decoders make do
with what is there, and do not tell. Imports none.

Only the outermost boxes are looked at, a few bytes of each, however long the file is. What says nothing of its length
(a broadcast, a fragment that lasts until it ends) is believed.
"""

from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

DEMUXERS: Final = MappingProxyType(
    {
        "video/mp4": "mov",
        "video/quicktime": "mov",
        "video/x-msvideo": "avi",
        "video/webm": "matroska",
        "video/x-matroska": "matroska",
    }
)
"""By content type, what reads it: here, and in FFmpeg."""
_BOXES: Final = frozenset(
    b"ftyp styp moov moof mdat mfra meta sidx ssix emsg prft pdin udta uuid free skip wide pnot PICT".split()
)
"""Of MP4 and QuickTime: what looks like another, behind the last of these, is whatever somebody wrote there."""
_MOST_BOXES: Final = 100_000
_MATROSKA_HEADER: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067
_LONGEST_NUMBER: Final = 8


def is_cut_short(path: Path, content_type: str) -> bool:
    """Whether the file has fewer bytes than its outermost boxes announce."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if content_type in {"video/webm", "video/x-matroska"}:
            return _matroska(file) > size
        if content_type == "video/x-msvideo":
            return _riff(file, size) > size
        return _iso(file, size) > size


def _iso(file: BinaryIO, size: int) -> int:
    """MP4 and QuickTime: where the last box ends. What comes after them and is no box is nobody's."""
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if len(head) < 8 or name not in _BOXES:
            return at
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: to the end, whatever that is
            return at
        at += length
        if at > size:
            return at
    return at


def _riff(file: BinaryIO, size: int) -> int:
    """AVI: a part for each gigabyte."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        if head[:4] != b"RIFF":
            break
        length = 8 + int.from_bytes(head[4:8], "little")
        if at + length > size:
            return at + length
        at += length + length % 2
    return min(at, size)


def _matroska(file: BinaryIO) -> int:
    """Matroska and WebM: where the segment ends, in which everything is."""
    at = 0
    for wanted in (_MATROSKA_HEADER, _SEGMENT):
        file.seek(at)
        name, name_length = _number(file, keep_marker=True)
        length, length_length = _number(file, keep_marker=False)
        if name != wanted or length is None:
            return 0
        at += name_length + length_length + length
    return at


def _number(file: BinaryIO, *, keep_marker: bool) -> tuple[int | None, int]:
    """A number of as many bytes as its first one says, and how many those are. None of one that means "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None, 0
    count = 9 - first[0].bit_length()
    raw = first + file.read(count - 1)
    if len(raw) < count or count > _LONGEST_NUMBER:
        return None, 0
    value = int.from_bytes(raw, "big")
    if keep_marker:
        return value, count
    every = (1 << 7 * count) - 1
    return (None, count) if value & every == every else (value & every, count)
