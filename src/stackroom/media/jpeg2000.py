"""JPEG 2000, in which digital libraries keep their masters: read by Pillow, whose OpenJPEG is strict.

What Pillow does not tell is read here: the colour profile, how many bits a colour has, how often the picture is halved
inside (a smaller one is decoded from fewer of these levels), and how much memory its tiles will take.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyvips
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from stackroom.errors import UnsupportedMedia
from stackroom.media.memory import check_memory

_CODESTREAM = b"\xff\x4f\xff\x51"
_COD, _TILE_PART = 0x52, 0x90
_GIVEN_PROFILES = {b"\2", b"\3"}
_LONGEST_HEADER = 16 * 2**20
_MOST_COMPONENTS = 4
_BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "I;16": 1}
_SEE_THROUGH = {"LA", "RGBA", "PA"}
_PER_SAMPLE = 5  # bytes: a whole number of four, and what it is made of
_PER_PIXEL = 4  # bytes, of Pillow's picture
_BITS = 8  # of a colour, as it is shown


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of its pixels."""

    width: int
    height: int
    tile: tuple[int, int]
    components: int
    bits: int
    """Of the first component, as good as always of all."""
    levels: int
    """How often it can be had at half its size."""
    profile: bytes | None
    palette: bytes | None
    """How many columns it has, and then its colours, one after the other."""

    @property
    def is_printed(self) -> bool:
        return self.components == _MOST_COMPONENTS and (self.profile or b"")[16:20] == b"CMYK"

    def size(self, level: int = 0) -> tuple[int, int]:
        return -(-self.width >> level), -(-self.height >> level)

    def level_for(self, width: int, height: int) -> int:
        """The smallest picture inside that has at least this size."""
        fit = (n for n in range(self.levels + 1) if _holds(self.size(n), (width, height)))
        return max(fit, default=0)


def header(path: Path) -> Header:
    """Raises ValueError or struct.error for what is none, UnsupportedMedia `unsupported_image` for more colours than
    anybody shows, and MemoryError where this process may not hold as much as decoding it takes."""
    with path.open("rb") as file:
        found = _codestream(file, *_of_boxes(file))
    if found.components > _MOST_COMPONENTS:
        raise UnsupportedMedia(
            f"Images of {found.components} components are not kept here.",
            code="unsupported_image",
            hint="Save it as RGB or grey, with or without transparency.",
        )
    check_memory(_memory_for(found, path.stat().st_size))
    return found


def look(path: Path) -> tuple[int, int, bool]:
    """Width and height of a picture, and whether it may be transparent. Raises what `header` and Pillow raise."""
    found = header(path)
    with Jpeg2KImageFile(path) as image:
        # What has a palette has one component, whose colours may be transparent as well.
        palette = image.palette.mode if image.palette else ""
        return *image.size, (image.mode in _SEE_THROUGH or palette == "RGBA") and not found.is_printed


def decoded(path: Path, least: tuple[int, int] | None = None) -> pyvips.Image:
    """All of the picture, in the colours that it is kept in; with `least`, at a size that is at least that large, for
    which the whole file is read but little of it is decoded. Raises what `header` and Pillow raise."""
    found = header(path)
    level = found.level_for(*least) if least else 0
    try:
        return _decoded(path, found, level)
    except OSError:
        if not level:
            raise
        # A tile may have fewer levels than the file says, or be too small for them.
        return _decoded(path, found, 0)


def _decoded(path: Path, found: Header, level: int) -> pyvips.Image:
    with Jpeg2KImageFile(path) as image:
        if level:
            # Pillow rounds what the format rounds up.
            width, height = found.size(level)
            image._size = width << level, height << level  # noqa: SLF001
            image.reduce = level
        image.load()
        picture = _spread(image, found.bits) if image.mode in _BANDS else _looked_up(image, found)
    kind = "ushort" if picture.mode == "I;16" else "uchar"
    pixels = pyvips.Image.new_from_memory(picture.tobytes(), *picture.size, _BANDS[picture.mode], kind)
    if found.profile:
        pixels.set_type(pyvips.GValue.blob_type, "icc-profile-data", found.profile)
    return pixels.copy(interpretation=_interpretation(picture.mode, found))


def _spread(image: Image.Image, bits: int) -> Image.Image:
    """As bright as it is: of fewer than eight bits Pillow leaves the last ones empty."""
    if bits >= _BITS:
        return image
    brightest = 256 - (256 >> bits)
    return image.point(
        [min(255, round(value * 255 / brightest)) for value in range(256)] * len(image.getbands())
    )


def _looked_up(image: Image.Image, found: Header) -> Image.Image:
    """In the colours of its palette. Pillow takes its numbers for colours, and of equal colours keeps but one."""
    if found.palette is None:
        raise ValueError("There is no palette.")
    columns, colours = found.palette[0], found.palette[1:]
    image.putpalette(colours, "RGBA" if columns == _MOST_COMPONENTS else "RGB")
    if found.bits < _BITS:
        image = image.point([value >> (_BITS - found.bits) for value in range(256)] * len(image.getbands()))
    return image.convert("RGBA" if image.mode == "PA" or columns == _MOST_COMPONENTS else "RGB")


def _interpretation(mode: str, found: Header) -> str:
    if mode == "CMYK" or found.is_printed:
        return "cmyk"
    return {"I;16": "grey16", "L": "b-w", "LA": "b-w"}.get(mode, "srgb")


def _memory_for(found: Header, size: int) -> int:
    pixels = found.width * found.height
    samples = min(found.tile[0], found.width) * min(found.tile[1], found.height) * found.components
    return pixels * _PER_PIXEL + max(samples * _PER_SAMPLE + size, 2 * pixels * found.components)


def _of_boxes(file: BinaryIO) -> tuple[int, bytes | None, bytes | None]:
    """Where the codestream begins, the profile of the colours, and their palette."""
    if file.read(len(_CODESTREAM)) == _CODESTREAM:
        return 0, None, None
    profile = palette = None
    for name, start, stop in _boxes(file, 0, file.seek(0, 2)):
        if name == b"jp2c":
            return start, profile, palette
        if name == b"jp2h":
            profile, palette = _of_header(file, start, min(stop, start + _LONGEST_HEADER))
    raise ValueError("The file has no codestream.")


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, beginning and end of the content of each box."""
    while at + 8 <= end:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            start += 8
        stop = end if length == 0 else at + length
        if not start <= stop <= end:
            raise ValueError("A box ends where it cannot end.")
        yield name, start, stop
        at = stop


def _of_header(file: BinaryIO, start: int, stop: int) -> tuple[bytes | None, bytes | None]:
    profile = palette = None
    for name, begins, ends in _boxes(file, start, stop):
        file.seek(begins)
        if name == b"colr" and profile is None:
            said = file.read(ends - begins)
            profile = said[3:] if said[:1] in _GIVEN_PROFILES else None
        elif name == b"pclr":
            (columns,) = struct.unpack(">xxB", file.read(3))
            palette = bytes([columns]) + file.read(ends - begins - 3)[columns:]
    return profile, palette


def _codestream(file: BinaryIO, start: int, profile: bytes | None, palette: bytes | None) -> Header:
    file.seek(start)
    marks, length = struct.unpack(">4sH", file.read(6))
    siz = file.read(max(0, length - 2))
    if marks != _CODESTREAM:
        raise ValueError("The codestream does not begin as it must.")
    right, lower, left, upper, *tile, _, _, components = struct.unpack(">8IH", siz[2:36])
    return Header(
        width=right - left,
        height=lower - upper,
        tile=(tile[0], tile[1]),
        components=components,
        bits=(siz[36] & 0x7F) + 1,
        # What lies between two numbers is no colour. And one that does not begin at the origin of its grid is halved
        # otherwise than Pillow expects.
        levels=0 if palette or (left, upper) != (0, 0) else _levels(file),
        profile=profile,
        palette=palette,
    )


def _levels(file: BinaryIO) -> int:
    while True:
        _, mark, length = struct.unpack(">BBH", file.read(4))
        if mark == _TILE_PART:
            raise ValueError("Nothing says how the picture is coded.")
        said = file.read(max(0, length - 2))
        if mark == _COD:
            return said[5]


def _holds(size: tuple[int, int], least: tuple[int, int]) -> bool:
    return size[0] >= least[0] and size[1] >= least[1]
