"""Making of a stored image what a `Transformation` asks for. For a studio's workers: it decodes.

Of a JPEG that is made smaller, only as much is decoded as that needs. Everything else is computed in strips while the
result is written, so that no picture is whole in memory but where it is turned or looked at.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyvips

from stackroom.errors import TooLarge
from stackroom.media.decoding import HELD_WHOLE, decoded, displayable, reduced
from stackroom.media.examined import MAX_PIXELS, Probe
from stackroom.media.formats import Format
from stackroom.media.probe import check_pixels, damage_explained, probe
from stackroom.media.transformations import (
    MAX_AREA,
    MAX_SIDE,
    Acceptable,
    Encoding,
    Quality,
    Size,
    Stretch,
    Transformation,
    Watermark,
)

_AVIF_PIXELS = 2_000_000
"""Up to so many pixels `auto` may mean AVIF: it takes its time."""
_WHITE, _MIDDLE = 255, 128
_QUALITY: dict[Encoding, dict[Quality, int]] = {
    "jpeg": {"lightest": 50, "lighter": 65, "normal": 75, "better": 85, "best": 95},
    "webp": {"lightest": 55, "lighter": 70, "normal": 80, "better": 90, "best": 98},
    "avif": {"lightest": 45, "lighter": 60, "normal": 70, "better": 80, "best": 90},
}
_LONGEST_SIDE: dict[Encoding, int] = {"jpeg": 65_500, "webp": 16_383, "avif": 16_384, "png": 2**31 - 1}
_OPTIONS: dict[Encoding, dict[str, object]] = {
    "jpeg": {},
    "png": {"compression": 6, "filter": "up"},
    "webp": {"effort": 2},
    "avif": {"effort": 2},
}
_LIGHT = (0.2126, 0.7152, 0.0722)
_SEPIA = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]
_QUARTERS = {90: "rot90", 180: "rot180", 270: "rot270"}


class Transformed(msgspec.Struct, frozen=True):
    """A picture in a file."""

    path: Path
    content_type: str
    width: int
    height: int


def transform(
    path: Path,
    wanted: Transformation,
    out_dir: Path,
    *,
    acceptable: Acceptable | None = None,
    watermark: Path | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Transformed:
    """Write what is made of an image into `out_dir`. sRGB, eight bits a colour, and no metadata.

    `watermark` is the file of the image that `wanted` lays over it. Raises what `images.examine` raises.
    """
    found = probe(path, max_pixels=max_pixels)
    with damage_explained():
        picture = _framed(path, found, wanted)
        if wanted.watermark is not None and watermark is not None:
            picture = _marked(picture, _decoded(watermark, max_pixels), wanted.watermark)
        picture = _filtered(picture, wanted)
        encoding = _encoding(picture, found, wanted, acceptable or Acceptable())
        if encoding == "jpeg" and picture.hasalpha():
            picture = picture.flatten(background=_WHITE)
        out = out_dir / f"transformed.{encoding}"
        picture.write_to_file(str(out), **_how_to_write(encoding, wanted.quality))
    return Transformed(out, f"image/{encoding}", picture.width, picture.height)


def _framed(path: Path, found: Probe, wanted: Transformation) -> pyvips.Image:
    """Turned, cropped, at its size, and with its margin."""
    opened = _opened(path, found, autorotate=wanted.autorotate)  # not yet decoded
    sideways = wanted.rotate in {90, 270}
    seen = (opened.height, opened.width) if sideways else (opened.width, opened.height)
    if wanted.crop is not None:
        seen = min(wanted.crop[0], seen[0]), min(wanted.crop[1], seen[1])
    size, canvas = sizes(seen, wanted.resize, wanted.stretch)
    if wanted.crop is None and wanted.autorotate and size != seen and found.format not in HELD_WHOLE:
        width, height = reversed(size) if sideways else size
        quick = displayable(reduced(path, width, height)).copy_memory()
        return _on_canvas(_turned(quick, wanted), canvas)
    picture = _turned(displayable(opened), wanted)
    if wanted.crop is not None:
        picture = picture.copy_memory().smartcrop(*seen, interesting="attention")  # it is looked at, then cut
    if (picture.width, picture.height) != size:
        picture = picture.thumbnail_image(size[0], height=size[1], size="force")
    return _on_canvas(picture, canvas)


def sizes(
    seen: tuple[int, int], wanted: Size | None, stretch: Stretch
) -> tuple[tuple[int, int], tuple[int, int]]:
    """To which size a picture is scaled, and how large it is then with its margin.

    Raises TooLarge `image_too_many_pixels` or `image_too_long` for what would be larger than any transformation may
    be. What is not enlarged may be as long as it is.
    """
    if wanted is None:
        return seen, seen
    scaled, canvas = _asked_sizes(seen, wanted, stretch)
    check_pixels(*canvas, MAX_AREA)
    if max(canvas) > max(MAX_SIDE, *seen):
        raise TooLarge(
            f"a side would have {max(canvas):,} pixels; at most {MAX_SIDE:,}",
            code="image_too_long",
            hint="Ask for a smaller picture.",
        )
    return scaled, canvas


def _asked_sizes(
    seen: tuple[int, int], wanted: Size, stretch: Stretch
) -> tuple[tuple[int, int], tuple[int, int]]:
    width, height = seen
    wide = wanted.width or max(1, round(width * (wanted.height or height) / height))
    high = wanted.height or max(1, round(height * wide / width))
    scale = min(1.0, wide / width, high / height)
    match stretch:
        case "on":
            return (wide, high), (wide, high)
        case "fill":
            return (max(1, round(width * scale)), max(1, round(height * scale))), (wide, high)
        case "off":
            proportional = wanted.width is None or wanted.height is None
            kept = seen if proportional and scale == 1.0 else (min(wide, width), min(high, height))
            return kept, kept


def _opened(path: Path, found: Probe, *, autorotate: bool) -> pyvips.Image:
    if found.format in HELD_WHOLE:
        return decoded(path, found)
    picture = pyvips.Image.new_from_file(str(path), fail_on="error")
    return picture.autorot() if autorotate else picture


def _decoded(path: Path, max_pixels: int) -> pyvips.Image:
    return displayable(_opened(path, probe(path, max_pixels=max_pixels), autorotate=True))


def _turned(picture: pyvips.Image, wanted: Transformation) -> pyvips.Image:
    if wanted.rotate:
        picture = getattr(picture, _QUARTERS[wanted.rotate])()
    if wanted.flip:
        picture = picture.flipver()
    return picture.fliphor() if wanted.mirror else picture


def _on_canvas(picture: pyvips.Image, canvas: tuple[int, int]) -> pyvips.Image:
    if (picture.width, picture.height) == canvas:
        return picture
    return picture.gravity("centre", *canvas, extend="background", background=[_WHITE] * picture.bands)


def _marked(picture: pyvips.Image, mark: pyvips.Image, wanted: Watermark) -> pyvips.Image:
    """With the watermark on it, of which nothing is outside."""
    width, height = _size_of_mark(picture, mark, wanted)
    mark = mark.thumbnail_image(width, height=height, size="force").colourspace("srgb")
    mark = mark if mark.hasalpha() else mark.bandjoin(_WHITE)
    faint = mark[0:3].bandjoin((mark[3] * wanted.opacity).cast("uchar"))
    left, top = picture.width - width, picture.height - height
    places = {
        "tl": (0, 0),
        "tr": (left, 0),
        "bl": (0, top),
        "br": (left, top),
        "center": (left // 2, top // 2),
    }
    x, y = places[wanted.place] if isinstance(wanted.place, str) else wanted.place
    opaque = not picture.hasalpha()
    marked = picture.colourspace("srgb").composite2(faint, "over", x=min(x, left), y=min(y, top))
    return (marked[0:3] if opaque else marked).cast("uchar")


def _size_of_mark(picture: pyvips.Image, mark: pyvips.Image, wanted: Watermark) -> tuple[int, int]:
    if isinstance(wanted.size, tuple):
        width, height = wanted.size
    else:
        width = max(1, round(picture.width * wanted.size / 100))
        height = max(1, round(mark.height * width / mark.width))
        if height > picture.height:
            width, height = max(1, round(width * picture.height / height)), picture.height
    return min(width, picture.width), min(height, picture.height)


def _filtered(picture: pyvips.Image, wanted: Transformation) -> pyvips.Image:
    """In the order of the fields; what is transparent stays so."""
    if wanted == msgspec.structs.replace(wanted, **_NO_FILTERS):
        return picture
    clear = picture[picture.bands - 1] if picture.hasalpha() else None
    colours = (picture if clear is None else picture[0 : picture.bands - 1]).colourspace("srgb")
    if wanted.blur:
        colours = colours.gaussblur(wanted.blur, precision="integer")
        clear = None if clear is None else clear.gaussblur(wanted.blur, precision="integer")
    if wanted.sharpen:
        colours = colours + (colours - colours.gaussblur(1.0)) * (2 * wanted.sharpen)
    colours = _toned(colours, wanted)
    if wanted.grayscale:
        colours = colours.recomb([list(_LIGHT)] * 3)
    if wanted.sepia:
        colours = colours.recomb(_SEPIA)
    colours = _bytes(colours)
    if wanted.invert:
        colours = colours.invert()
    colours = colours.copy(interpretation="srgb")
    return colours if clear is None else colours.bandjoin(clear)


def _toned(colours: pyvips.Image, wanted: Transformation) -> pyvips.Image:
    if wanted.brightness:
        colours = _bytes(colours + wanted.brightness * 2.55)
    if wanted.contrast:
        factor = ((100 + wanted.contrast) / 100) ** 2
        colours = _bytes((colours - _MIDDLE) * factor + _MIDDLE)
    if wanted.saturation:
        kept = (100 + wanted.saturation) / 100
        lost = [light * (1 - kept) for light in _LIGHT]
        colours = colours.recomb([[lost[k] + kept * (k == n) for k in range(3)] for n in range(3)])
    return colours


def _bytes(colours: pyvips.Image) -> pyvips.Image:
    return (colours + 0.5).cast("uchar") if colours.format != "uchar" else colours


def _encoding(
    picture: pyvips.Image, found: Probe, wanted: Transformation, acceptable: Acceptable
) -> Encoding:
    """Raises TooLarge `image_too_long` for a format that cannot have as long a side as this picture."""
    side = max(picture.width, picture.height)
    if wanted.format == "auto":
        return next(each for each in _best_first(picture, acceptable) if side <= _LONGEST_SIDE[each])
    encoding = wanted.format or _AS_IT_IS.get(found.format, "png")
    if side > _LONGEST_SIDE[encoding]:
        raise TooLarge(
            f"a {encoding} can have {_LONGEST_SIDE[encoding]:,} pixels a side, and not {side:,}",
            code="image_too_long",
            hint="Ask for a smaller picture, or for a png.",
        )
    return encoding


def _best_first(picture: pyvips.Image, acceptable: Acceptable) -> Iterator[Encoding]:
    if acceptable.avif and picture.width * picture.height < _AVIF_PIXELS:
        yield "avif"
    if acceptable.webp:
        yield "webp"
    if not picture.hasalpha():
        yield "jpeg"
    yield "png"


def _how_to_write(encoding: Encoding, quality: Quality) -> dict[str, object]:
    chosen = {} if encoding == "png" else {"Q": _QUALITY[encoding][quality]}
    return {**chosen, **_OPTIONS[encoding], "keep": "none"}


_NO_FILTERS = {
    field: getattr(Transformation(), field)
    for field in ("blur", "sharpen", "brightness", "contrast", "saturation", "grayscale", "sepia", "invert")
}
_AS_IT_IS: dict[Format, Encoding] = {
    Format.JPEG: "jpeg",
    Format.PNG: "png",
    Format.WEBP: "webp",
    Format.AVIF: "avif",
}
