"""What is written beside the pixels of a picture, part by part: where it was taken and when, by whom and with what.

Nothing is decoded. What a decoder needs stays, and so do colour profiles; how an animation repeats is no secret.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

from stackroom.media import heif
from stackroom.media.endings import bounds_of_gif
from stackroom.media.formats import Format
from stackroom.media.heif import Cut

_PIECE: Final = 2**20
_PROFILE: Final = b"ICC_PROFILE\0"
_SOI, _EOI, _SOS, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP2, _APP14, _APP15 = 0xE0, 0xE2, 0xEE, 0xEF
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_MAY_BE_LEFT_OUT: Final = 0x20
"""A bit of the first letter of a part of a PNG: what is written large nobody can do without."""
_SHOWN_OF_PNG: Final = frozenset(
    {
        *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"),
        *(b"bKGD", b"hIST", b"pHYs", b"sPLT", b"oFFs", b"sTER"),
        *(b"acTL", b"fcTL", b"fdAT"),
    }
)
"""How it is shown: its colours, its size, its frames. Whatever else may be there says something."""
_PIXELS_OF_WEBP: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_SAYS_EXIF_OR_XMP: Final = 0x08 | 0x04
_TRAILER, _EXTENSION = 0x3B, 0x21
_REMARK, _APPLICATION = 0xFE, 0xFF
_APPLICATIONS_OF_GIF: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})


def cuts(path: Path, kind: Format) -> list[Cut]:
    """What is to be left out of a picture, in its order. None for a format that is not known here.

    Raises ValueError, EOFError, IndexError or struct.error where its parts are not where they must be.
    """
    find = _FINDERS.get(kind)
    if find is None:
        return []
    with path.open("rb") as file:
        found = sorted(set(find(file, path.stat().st_size)))
    if any(after.start < before.stop for before, after in pairwise(found)):
        raise ValueError("Two parts are in one place.")
    return found


def copy_without(path: Path, out: Path, left_out: Sequence[Cut]) -> None:
    with path.open("rb") as source, out.open("wb") as target:
        at = 0
        for each in [*left_out, Cut(path.stat().st_size, 0)]:
            source.seek(at)
            _copy(source, target, each.start - at)
            target.write(each.instead)
            at = each.stop


def _of_jpeg(file: BinaryIO, size: int) -> Iterator[Cut]:
    at = 2
    while True:
        file.seek(at)
        start, code = at + _filling(file), _exactly(file, 1)[0]
        if code == _EOI:
            yield from _rest(start + 2, size)
            return
        if code in _STANDALONE:
            at = start + 2
            continue
        length = struct.unpack(">H", _exactly(file, 2))[0]
        at = start + 2 + length
        if _is_beside_the_pixels(code, file, length):
            yield Cut(start, at)
        if code == _SOS:
            at = _end_of_scan(file, at)


def _filling(file: BinaryIO) -> int:
    """How many bytes of filling come before the next marker, whose first byte is read as well."""
    if _exactly(file, 1) != b"\xff":
        raise ValueError("There is no marker where one must be.")
    filling = 0
    while _exactly(file, 1) == b"\xff":
        filling += 1
    file.seek(-1, 1)
    return filling


def _is_beside_the_pixels(code: int, file: BinaryIO, length: int) -> bool:
    if code == _APP2:
        return not file.read(min(length - 2, len(_PROFILE))).startswith(_PROFILE)
    return code == _COMMENT or (_APP0 < code <= _APP15 and code != _APP14)


def _end_of_scan(file: BinaryIO, at: int) -> int:
    """Where the next marker is, other than those that belong to the compressed data. A file may end without one."""
    file.seek(at)
    last = b""
    while piece := file.read(_PIECE):
        piece = last + piece
        found = piece.find(b"\xff")
        while found != -1 and found + 1 < len(piece):
            if piece[found + 1] not in {0x00, 0xFF, *range(0xD0, 0xD8)}:
                return at - len(last) + found
            found = piece.find(b"\xff", found + 1)
        at += len(piece) - len(last)
        last = piece[-1:]
    raise EOFError("The picture has no end mark.")


def _of_png(file: BinaryIO, size: int) -> Iterator[Cut]:
    for name, start, at in _parts_of_png(file):
        if name[0] & _MAY_BE_LEFT_OUT and name not in _SHOWN_OF_PNG:
            yield Cut(start, at)
    yield from _rest(at, size)


def is_animated_png(path: Path) -> bool:
    """Whether a PNG has frames, of which libvips knows nothing. They are announced before the pixels."""
    with path.open("rb") as file, suppress(EOFError):
        for name, _, _ in _parts_of_png(file):
            if name == b"acTL":
                return True
            if name == b"IDAT":
                break
    return False


def _parts_of_png(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    at, name = 8, b""
    while name != b"IEND":
        file.seek(at)
        length, name = struct.unpack(">I4s", _exactly(file, 8))
        start, at = at, at + 12 + length
        yield name, start, at


def _of_webp(file: BinaryIO, size: int) -> Iterator[Cut]:
    """The header says how long the file is, and of an extended one also what is in it."""
    end = _end_of_webp(file, size)
    flags, found = 0, list(_rest(end, size))
    for name, start, stop in _chunks(file, end):
        if name == b"VP8X":
            flags = start + 8
        elif name not in _PIXELS_OF_WEBP:
            found.append(Cut(start, stop))
    if not found:
        return
    yield from found
    length = size - sum(stop - start for start, stop, _ in found)
    yield Cut(4, 8, struct.pack("<I", length - 8))
    if flags:
        file.seek(flags)
        yield Cut(flags, flags + 1, bytes([_exactly(file, 1)[0] & ~_SAYS_EXIF_OR_XMP]))


def is_lossless(path: Path) -> bool:
    """Whether a WebP has all its pixels as they were."""
    with path.open("rb") as file:
        end = _end_of_webp(file, path.stat().st_size)
        return any(name == b"VP8L" for name, _, _ in _chunks(file, end))


def _end_of_webp(file: BinaryIO, size: int) -> int:
    file.seek(4)
    length: int = struct.unpack("<I", _exactly(file, 4))[0]
    return min(8 + length, size)


def _chunks(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, length = struct.unpack("<4sI", _exactly(file, 8))
        start, at = at, min(at + 8 + length + length % 2, end)
        yield name, start, at


def _of_gif(file: BinaryIO, size: int) -> Iterator[Cut]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        bounds = bounds_of_gif(content)
        for start, stop in pairwise(bounds):
            if content[start] == _EXTENSION and _is_remark(content[start + 1 : start + 14]):
                yield Cut(start, stop)
        at = bounds[-1]
        yield from _rest(at + 1 if at < size and content[at] == _TRAILER else at, size)


def _is_remark(extension: bytes) -> bool:
    label, length, name = extension[0], extension[1], extension[2:]
    return label == _REMARK or (
        label == _APPLICATION and (length != len(name) or name not in _APPLICATIONS_OF_GIF)
    )


def _rest(at: int, size: int) -> Iterator[Cut]:
    """What follows the end of a picture, if anything does."""
    if at < size:
        yield Cut(at, size)


_FINDERS: Final[dict[Format, Callable[[BinaryIO, int], Iterator[Cut]]]] = {
    Format.JPEG: _of_jpeg,
    Format.PNG: _of_png,
    Format.WEBP: _of_webp,
    Format.GIF: _of_gif,
    Format.AVIF: heif.blanks,
}


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) != count:
        raise EOFError("The file ends in the middle.")
    return found


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count > 0:
        piece = _exactly(source, min(count, _PIECE))
        target.write(piece)
        count -= len(piece)
