"""Taking out of a picture what its camera wrote into it: where it was, who made it, and which way up it is held.

Which way up is done first, in the pixels. A picture that is held as it is seen keeps its pixels to the last bit: then
only what is written beside them is left out. Colour profiles stay. For a studio's workers: it decodes.
"""

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pyvips

from stackroom.errors import Unavailable
from stackroom.media.examined import Converted
from stackroom.media.formats import HEAD_SIZE, Format, format_of, sniff
from stackroom.media.probe import damage_explained

_QUALITY: Final = 92
_UPRIGHT: Final = 1
_PIECE: Final = 2**20
_PROFILE: Final = b"ICC_PROFILE\0"
_SOI, _EOI, _SOS, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP2, _APP14, _APP15 = 0xE0, 0xE2, 0xEE, 0xEF
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_BESIDE_THE_PIXELS: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})


def upright(path: Path, out_dir: Path) -> Converted | None:
    """Write the picture, which is whole, as it is seen and without what was written beside it; None if it is so.

    For JPEG and PNG: of other formats nothing is taken out. Raises what decoders raise, in our words.
    """
    with path.open("rb") as file:
        kind = format_of(sniff(file.read(HEAD_SIZE)))
    if kind not in {Format.JPEG, Format.PNG}:
        return None
    with damage_explained():
        header = pyvips.Image.new_from_file(str(path))
        orientation = int(header.get("orientation")) if header.get_typeof("orientation") else _UPRIGHT
    out = out_dir / f"upright.{kind.value}"
    if orientation != _UPRIGHT:
        _turn(path, out, kind)
    else:
        try:
            if not _leave_out(path, out, kind):
                return None
        except (
            ValueError,
            EOFError,
            struct.error,
        ):  # it decodes, though its parts are not where they must be
            _turn(path, out, kind)
    with damage_explained():
        made = pyvips.Image.new_from_file(str(out))
    with out.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    return Converted(out, kind.content_type, made.width, made.height, out.stat().st_size, sha256)


def _turn(path: Path, out: Path, kind: Format) -> None:
    with damage_explained():
        turned = pyvips.Image.new_from_file(str(path), fail_on="error").autorot().copy_memory()
    with _room_explained():
        if kind is Format.JPEG:
            turned.jpegsave(str(out), Q=_QUALITY, keep="icc")
        else:
            turned.pngsave(str(out), filter="up", keep="icc")


def _leave_out(path: Path, out: Path, kind: Format) -> bool:
    """Copy a file without what is beside its pixels. Whether there was anything."""
    kept = list((_of_jpeg if kind is Format.JPEG else _of_png)(path))
    size = path.stat().st_size
    if sum(stop - start for start, stop in kept) == size:
        return False
    with _room_explained(), path.open("rb") as source, out.open("wb") as target:
        for start, stop in kept:
            source.seek(start)
            _copy(source, target, stop - start)
    return True


def _of_jpeg(path: Path) -> Iterator[tuple[int, int]]:
    """The parts of a JPEG that are kept: from and to which byte. What follows the picture's end is no part of it."""
    with path.open("rb") as file:
        at = 2
        yield 0, at
        while True:
            file.seek(at)
            mark, code = _marker(file)
            start = at + mark
            if code == _EOI:
                yield start, start + 2
                return
            if code in _STANDALONE:
                yield start, start + 2
                at = start + 2
                continue
            length = struct.unpack(">H", _exactly(file, 2))[0]
            stop = start + 2 + length
            if not _is_beside_the_pixels(code, file, length):
                yield start, stop
            at = stop
            if code == _SOS:
                at = _end_of_scan(file, stop)
                yield stop, at


def _marker(file: BinaryIO) -> tuple[int, int]:
    """How many bytes of filling come before the next marker, and its code."""
    filling = -1
    byte = _exactly(file, 1)[0]
    if byte != 0xFF:
        raise ValueError("There is no marker where one must be.")
    while byte == 0xFF:
        filling += 1
        byte = _exactly(file, 1)[0]
    return filling, byte


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


def _of_png(path: Path) -> Iterator[tuple[int, int]]:
    """The parts of a PNG that are kept: from and to which byte."""
    with path.open("rb") as file:
        at = 8
        yield 0, at
        while True:
            file.seek(at)
            length, name = struct.unpack(">I4s", _exactly(file, 8))
            stop = at + 12 + length
            if name not in _BESIDE_THE_PIXELS:
                yield at, stop
            if name == b"IEND":
                return
            at = stop


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) != count:
        raise EOFError("The file ends in the middle.")
    return found


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        piece = _exactly(source, min(count, _PIECE))
        target.write(piece)
        count -= len(piece)


@contextmanager
def _room_explained() -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, OSError) as error:
        raise Unavailable(
            "There is no room to write pictures; nothing was stored.",
            code="storage_full",
            hint="Free some space, then send the same request again.",
        ) from error
