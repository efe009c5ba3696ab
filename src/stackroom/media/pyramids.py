"""Pictures kept at several sizes, each half the one before: a piece at any size is read from the nearest.

A pyramid is a TIFF in tiles, with a page for each size, as image servers and libvips know them. Ours are sRGB, eight
bits, upright; what is transparent is kept without loss, what is not as JPEG. Then the file is a little larger than the
picture, whose last pixels go on to the right and below: libvips fills tiles up with black, which would run into the
colours of the edges. How large the picture is stands behind the TIFF, where nobody else looks.
"""

import itertools
import math
import os
import struct
from collections import OrderedDict
from pathlib import Path

import msgspec
import pyvips

from stackroom.media.decoding import HELD_WHOLE, decoded, displayable
from stackroom.media.examined import MAX_PIXELS, Probe
from stackroom.media.probe import damage_explained, probe
from stackroom.media.room import no_room

TILE = 256
"""Small, because whoever reads a level keeps two rows of its tiles in memory."""
_MARK = b"picture of "
_SIZE = struct.Struct("<QQ")
_BLOCK = 16  # pixels, of which a JPEG keeps the colours together
_MOST_MARGIN = 8  # of a side no more than one part in so many
_QUALITY = 88  # from 90 on colours are kept in full, and the file is three times as large
_OPEN_AT_MOST = 48 * 2**20
_OPENED_FOR = 60.0  # seconds; what was removed meanwhile takes its room until then


class Level(msgspec.Struct, frozen=True):
    """One of the sizes, of the picture without margins, and how libvips is told to open it."""

    width: int
    height: int
    options: dict[str, int]


Levels = tuple[Level, ...]


class _Opened(msgspec.Struct):
    image: pyvips.Image
    cost: int
    since: float


class Shelf:
    """Pyramids that were lately used, still open: a viewer asks for tile after tile of one picture.

    Files are told apart by their inode, so that another file under the same path is seen to be another. What is
    open holds two rows of tiles in memory; together no more than a bound.
    """

    def __init__(self) -> None:
        self._levels: OrderedDict[tuple[object, ...], Levels] = OrderedDict()
        self._opened: OrderedDict[tuple[object, ...], _Opened] = OrderedDict()

    def levels(self, path: Path) -> Levels:
        """The sizes a file has; none if it is no pyramid. Raises FileNotFoundError."""
        mine = _identity(path)
        if mine not in self._levels:
            self._levels[mine] = levels_of(path)
        self._levels.move_to_end(mine)
        if len(self._levels) > 1000:
            self._levels.popitem(last=False)
        return self._levels[mine]

    def open(self, path: Path, level: Level, now: float) -> pyvips.Image:
        """One of the sizes, to be read in any order."""
        mine = (*_identity(path), level.width, level.height)
        self._close_before(now - _OPENED_FOR)
        if mine not in self._opened:
            image = pyvips.Image.new_from_file(str(path), fail_on="error", **level.options)
            self._opened[mine] = _Opened(image, _cost(image), now)
        self._opened.move_to_end(mine)
        while len(self._opened) > 1 and sum(it.cost for it in self._opened.values()) > _OPEN_AT_MOST:
            self._opened.popitem(last=False)
        return self._opened[mine].image

    def clear(self) -> None:
        self._opened.clear()

    def _close_before(self, moment: float) -> None:
        for old in [key for key, it in self._opened.items() if it.since < moment]:
            del self._opened[old]


def levels_of(path: Path) -> Levels:
    """The sizes of a pyramid, largest first; none if the file is anything else.

    A TIFF in tiles counts as one if its pages, or what hangs on its first page, halve from one to the next, and if
    nothing needs to be turned.
    """
    with path.open("rb") as file:
        if file.read(2) not in {b"II", b"MM"}:
            return ()
    with damage_explained():
        first = _header(path)
        if first is None:
            return ()
        below = _below(path, first)
    sizes = [(first.width, first.height), *((image.width, image.height) for _, image in below)]
    if len(sizes) < 2 or not all(_halves(*pair) for pair in itertools.pairwise(sizes)):
        return ()
    options: list[dict[str, int]] = [{}, *(options for options, _ in below)]
    if (picture := _picture_of(path, sizes[0])) is not None:
        sizes = [(-(-picture[0] // 2**number), -(-picture[1] // 2**number)) for number in range(len(sizes))]
    return tuple(Level(*size, how) for size, how in zip(sizes, options, strict=True))


def make(path: Path, out: Path, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Write the pyramid of an image to `out`, in memory that does not grow with it, but for HEIC, BMP and JPEG 2000.

    False, and nothing is written, if the image is a pyramid already. Raises what `images.examine` raises, and
    Unavailable `storage_full`.
    """
    found = probe(path, max_pixels=max_pixels)
    if levels_of(path):
        return False
    with damage_explained():
        picture = displayable(_from_top_to_bottom(path, found))
        width, height = picture.width, picture.height
        tiles: dict[str, object] = {
            "tile": True,
            "tile_width": TILE,
            "tile_height": TILE,
            "pyramid": True,
            "bigtiff": True,
        }
        if picture.hasalpha():
            kept: dict[str, object] = {"compression": "deflate", "predictor": "horizontal"}
        else:
            kept = {"compression": "jpeg", "Q": _QUALITY}
            picture = picture.embed(0, 0, *_with_margins(width, height), extend="copy")
        try:
            picture.tiffsave(str(out), region_shrink="mean", keep="none", **tiles, **kept)
        except pyvips.Error as error:
            raise no_room() if "No space left" in str(error) else error from error
        with out.open("ab") as file:
            file.write(_MARK + _SIZE.pack(width, height))
    return True


def _with_margins(width: int, height: int) -> tuple[int, int]:
    """Sides that are whole blocks at every size, except that of a long strip the small sizes are not."""
    halvings = max(0, math.ceil(math.log2(max(width, height) / TILE)))

    def with_margin(side: int) -> int:
        most = (side // _BLOCK // _MOST_MARGIN).bit_length() - 1
        step = _BLOCK << max(0, min(halvings, most))
        return -(-side // step) * step

    return with_margin(width), with_margin(height)


def _picture_of(path: Path, largest: tuple[int, int]) -> tuple[int, int] | None:
    """The size of the picture that a pyramid of ours is of; None of another's."""
    with path.open("rb") as file:
        length = len(_MARK) + _SIZE.size
        file.seek(-length, os.SEEK_END)
        said = file.read()
    if not said.startswith(_MARK):
        return None
    width, height = _SIZE.unpack(said[len(_MARK) :])
    return (width, height) if 0 < width <= largest[0] and 0 < height <= largest[1] else None


def _from_top_to_bottom(path: Path, found: Probe) -> pyvips.Image:
    if found.format in HELD_WHOLE:
        return decoded(path, found)
    image = pyvips.Image.new_from_file(str(path), access="sequential", fail_on="error")
    if image.get_typeof("orientation") and image.get("orientation") > 1:
        # The last column may come first: libvips then decodes a large picture into a temporary file.
        return pyvips.Image.new_from_file(str(path), fail_on="error").autorot()
    return image


def _header(path: Path, **options: int) -> pyvips.Image | None:
    image = pyvips.Image.new_from_file(str(path), **options)
    turned = image.get_typeof("orientation") and image.get("orientation") > 1
    return image if image.get_typeof("tile-width") and not turned else None


def _below(path: Path, first: pyvips.Image) -> list[tuple[dict[str, int], pyvips.Image]]:
    if first.get_typeof("n-subifds"):
        ways = [{"subifd": number} for number in range(first.get("n-subifds"))]
    else:
        pages = first.get("n-pages") if first.get_typeof("n-pages") else 1
        ways = [{"page": number} for number in range(1, min(pages, 32))]
    below = []
    for options in ways:
        image = _header(path, **options)
        if image is None:
            break
        below.append((options, image))
    return below


def _halves(above: tuple[int, int], below: tuple[int, int]) -> bool:
    return all(low in {high // 2, (high + 1) // 2} for high, low in zip(above, below, strict=True))


def _cost(image: pyvips.Image) -> int:
    wide, high = image.get("tile-width"), image.get("tile-height")
    return int(2 * (image.width // wide + 1) * wide * high * image.bands)


def _identity(path: Path) -> tuple[object, ...]:
    status = os.stat(path)  # noqa: PTH116 - with every tile; Path.stat costs twice as much
    return str(path), status.st_ino, status.st_mtime_ns, status.st_size
