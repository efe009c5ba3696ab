"""Rendering a piece of a stored image. For a studio's workers: it decodes.

From a pyramid only the tiles that are needed are read. Of any other file the whole is decoded, except that a JPEG is
reduced on the way; the caller knows when it pays to make a pyramid first.
"""

import time
from pathlib import Path

import pyvips

from stackroom.media.decoding import HELD_WHOLE, decoded, displayable, reduced
from stackroom.media.examined import MAX_PIXELS, Probe
from stackroom.media.probe import damage_explained, probe
from stackroom.media.pyramids import Levels, Shelf
from stackroom.media.rendering import Box, Rendering

_QUALITY = 80
_WHITE, _OPAQUE, _CLEAR, _MIDDLE = 255, 255, 0, 128
_ASKEW = 128
_WRITERS: dict[str, tuple[str, dict[str, object]]] = {
    "jpg": (".jpg", {"Q": _QUALITY}),
    "png": (".png", {"compression": 6, "filter": "up"}),
    "webp": (".webp", {"Q": _QUALITY, "effort": 2}),
}
_QUARTERS = {90.0: "rot90", 180.0: "rot180", 270.0: "rot270"}


def render(path: Path, wanted: Rendering, shelf: Shelf, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """A derivative of an image. The file, if it is a pyramid, stays open on the `shelf` for a while.

    Raises FileNotFoundError where there is no file, and what `images.examine` raises.
    """
    levels = shelf.levels(path)
    with damage_explained():
        picture = _turned(_scaled(path, levels, wanted, shelf, max_pixels), wanted, seekable=bool(levels))
        ending, options = _how_to_write(wanted)
        content: bytes = picture.write_to_buffer(ending, **options)
    return content


def render_to(
    path: Path, wanted: Rendering, out: Path, shelf: Shelf, *, max_pixels: int = MAX_PIXELS
) -> None:
    """`render` into a file, for what is too large to be handed on in memory. The name of `out` means nothing."""
    levels = shelf.levels(path)
    with damage_explained():
        picture = _turned(_scaled(path, levels, wanted, shelf, max_pixels), wanted, seekable=bool(levels))
        ending, options = _how_to_write(wanted)
        picture.write_to_target(pyvips.Target.new_to_file(str(out)), ending, **options)


def _scaled(path: Path, levels: Levels, wanted: Rendering, shelf: Shelf, max_pixels: int) -> pyvips.Image:
    """The region at its size: colours that can be shown, nothing turned yet."""
    if levels:
        whole = Box(0, 0, levels[0].width, levels[0].height)
        region = wanted.region or whole
        number = _best(levels, region, wanted)
        image = shelf.open(path, levels[number], time.monotonic())
        return _fitted_to(_cut(image, region, 2**number), wanted)
    found = probe(path, max_pixels=max_pixels)
    if wanted.region is not None:
        return _fitted_to(_cut(_upright(path, found), wanted.region, 1), wanted)
    if found.format in HELD_WHOLE:
        return _fitted_to(decoded(path, found, (wanted.width, wanted.height)), wanted)
    return displayable(reduced(path, wanted.width, wanted.height))


def _best(levels: Levels, region: Box, wanted: Rendering) -> int:
    """The smallest level that has all the pixels that are wanted."""
    scale = min(region.width / wanted.width, region.height / wanted.height)
    return max(number for number in range(len(levels)) if number == 0 or 2**number <= scale)


def _cut(image: pyvips.Image, region: Box, scale: int) -> pyvips.Image:
    """The region, on a level of so much less. A level that was rounded down lacks the last pixels of an odd size."""
    left, top = min(region.left // scale, image.width - 1), min(region.top // scale, image.height - 1)
    right = min(-(-(region.left + region.width) // scale), image.width)
    bottom = min(-(-(region.top + region.height) // scale), image.height)
    return image.crop(left, top, max(1, right - left), max(1, bottom - top))


def _upright(path: Path, found: Probe) -> pyvips.Image:
    if found.format in HELD_WHOLE:
        return decoded(path, found)
    return pyvips.Image.new_from_file(str(path), fail_on="error").autorot()


def _fitted_to(piece: pyvips.Image, wanted: Rendering) -> pyvips.Image:
    piece = displayable(piece)
    if (piece.width, piece.height) == (wanted.width, wanted.height):
        return piece
    return piece.thumbnail_image(wanted.width, height=wanted.height, size="force")


def _turned(picture: pyvips.Image, wanted: Rendering, *, seekable: bool) -> pyvips.Image:
    """Mirrored, rotated, and in the colours of the quality; without transparency where that cannot be kept.

    What is `seekable` can be read in any order.
    """
    if picture.hasalpha() and (wanted.format == "jpg" or wanted.quality == "bitonal"):
        picture = picture.flatten(background=_WHITE)
    if wanted.mirrored:
        picture = picture.fliphor()
    if wanted.rotation % 360:
        picture = _rotated(_in_tiles(picture) if seekable else picture.copy_memory(), wanted)
    if wanted.quality != "color":
        picture = picture.colourspace("b-w")
    if wanted.quality == "bitonal":
        picture = (picture.flatten(background=_WHITE) if picture.hasalpha() else picture) >= _MIDDLE
    return picture


def _in_tiles(picture: pyvips.Image) -> pyvips.Image:
    """A picture that is read across its lines: computed in tiles, of which as many are kept as lie along a cut."""
    across = 3 * (picture.width + picture.height) // _ASKEW + 16
    return picture.tilecache(tile_width=_ASKEW, tile_height=_ASKEW, max_tiles=across, access="random")


def _rotated(picture: pyvips.Image, wanted: Rendering) -> pyvips.Image:
    if wanted.rotation in _QUARTERS:
        return getattr(picture, _QUARTERS[wanted.rotation])()
    if wanted.format == "jpg":
        return picture.rotate(wanted.rotation, background=_WHITE)
    clear = picture if picture.hasalpha() else picture.bandjoin(_OPAQUE)
    return clear.premultiply().rotate(wanted.rotation, background=_CLEAR).unpremultiply().cast("uchar")


def _how_to_write(wanted: Rendering) -> tuple[str, dict[str, object]]:
    ending, options = _WRITERS[wanted.format]
    bits = {"bitdepth": 1} if (wanted.format, wanted.quality) == ("png", "bitonal") else {}
    return ending, {**options, **bits, "keep": "none"}
