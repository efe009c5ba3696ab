"""The four parts of an image request, as the two versions of the Image API write them, and what they come to.

Pure: a picture's size in, a `Rendering` and its canonical address out. Every refusal is `bad_image_request`, 400.
"""

import math
import re
from enum import IntEnum

import msgspec

from stackroom.errors import Invalid
from stackroom.media.rendering import LONGEST, Box, Quality, Rendering

FORMATS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
QUALITIES = ("default", "color", "gray", "bitonal")
_NUMBER = r"(?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})"
_PIXELS = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", re.ASCII)
_PERCENT = re.compile(rf"pct:({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})", re.ASCII)
_SIDES = re.compile(r"(!?)(\d{0,9}),(\d{0,9})", re.ASCII)
_SHARE = re.compile(rf"pct:({_NUMBER})", re.ASCII)
_ROTATION = re.compile(rf"(!?)({_NUMBER})", re.ASCII)


class Version(IntEnum):
    TWO = 2
    THREE = 3


class Limits(msgspec.Struct, frozen=True):
    """How large a picture may be that is rendered. `info.json` says so."""

    side: int
    area: int

    def scale(self, width: int, height: int) -> float:
        """By how much a picture must be multiplied to reach the limits, from either side of them."""
        return min(self.side / width, self.side / height, math.sqrt(self.area / (width * height)))

    def allow(self, width: int, height: int) -> bool:
        return max(width, height) <= self.side and width * height <= self.area


class Asked(msgspec.Struct, frozen=True):
    """An image request understood: what to render, how it is written canonically, and what type it has."""

    rendering: Rendering
    canonical: str
    content_type: str


class _Size(msgspec.Struct, frozen=True):
    width: int
    height: int


def understand(
    version: Version,
    parts: tuple[str, str, str, str],
    picture: tuple[int, int],
    limits: Limits,
) -> Asked:
    """Region, size, rotation and quality with format, for a picture of this many pixels. Raises `Invalid`."""
    whole = Box(0, 0, *picture)
    region = _region(parts[0], whole)
    size, written = _size(version, parts[1], region, limits)
    mirrored, rotation = _rotation(parts[2])
    quality, _, ending = parts[3].rpartition(".")
    if quality not in QUALITIES:
        raise _bad("quality", quality or parts[3], f"Qualities are {', '.join(QUALITIES)}.")
    if ending not in FORMATS:
        raise _bad("format", ending, f"Formats are {', '.join(FORMATS)}.")
    wanted = Rendering(
        region=None if region == whole else region,
        width=size.width,
        height=size.height,
        mirrored=mirrored,
        rotation=rotation,
        quality=_plain(quality),
        format=ending,  # type: ignore[arg-type]  # it is one of FORMATS
    )
    if max(wanted.extent) > LONGEST[ending]:
        raise _bad("size", parts[1], f"A {ending} has at most {LONGEST[ending]} pixels on a side.")
    return Asked(wanted, _canonical(wanted, region, written), FORMATS[ending])


def _region(text: str, whole: Box) -> Box:
    if text == "full":
        return whole
    if text == "square":
        side = min(whole.width, whole.height)
        return Box((whole.width - side) // 2, (whole.height - side) // 2, side, side)
    if match := _PIXELS.fullmatch(text):
        x, y, width, height = map(int, match.groups())
    elif match := _PERCENT.fullmatch(text):
        left, top, wide, high = (float(each) / 100 for each in match.groups())
        x, y = round(left * whole.width), round(top * whole.height)
        width, height = _some(wide * whole.width), _some(high * whole.height)
    else:
        raise _bad("region", text, "Write full, square, x,y,w,h or pct:x,y,w,h.")
    if not width or not height:
        raise _bad("region", text, "Its width and height must be more than 0.")
    if x >= whole.width or y >= whole.height:
        raise _bad("region", text, f"The image has {whole.width} by {whole.height} pixels.")
    return Box(x, y, min(width, whole.width - x), min(height, whole.height - y))


def _some(length: float) -> int:
    """Whole pixels, at least one of what is more than nothing."""
    return max(1, round(length)) if length > 0 else 0


def _size(version: Version, text: str, region: Box, limits: Limits) -> tuple[_Size, str]:
    """The size that is wanted of a region, and how that is written canonically."""
    larger = version is Version.THREE and text.startswith("^")
    form = text[1:] if larger else text
    size = _sized(version, form, text, region, limits, larger=larger)
    enlarged = size.width > region.width or size.height > region.height
    if enlarged and version is Version.THREE and not larger:
        raise _bad("size", text, "Write ^ before a size that is larger than the region.")
    if not limits.allow(size.width, size.height):
        most = f"{limits.area} pixels, and {limits.side} on a side"
        raise _bad("size", text, f"Pictures of at most {most}, are delivered; max is the largest there is.")
    return size, (_written_in_two if version is Version.TWO else _written_in_three)(size, region, limits)


def _sized(version: Version, form: str, text: str, region: Box, limits: Limits, *, larger: bool) -> _Size:
    most = limits.scale(region.width, region.height)
    if form == "max":
        return _within(region, most if larger else min(1.0, most))
    if form == "full" and version is Version.TWO:
        return _Size(region.width, region.height)
    if match := _SHARE.fullmatch(form):
        share = float(match[1]) / 100
        size = _Size(round(region.width * share), round(region.height * share))
        if not size.width or not size.height:
            raise _bad("size", text, "Nothing would be left.")
        return size
    match = _SIDES.fullmatch(form)
    if match is None or not (match[2] or match[3]) or (match[1] and not (match[2] and match[3])):
        forms = "full, max" if version is Version.TWO else "max"
        raise _bad("size", text, f"Write {forms}, w,  ,h  pct:n  w,h or !w,h.")
    width, height = (int(side) if side else None for side in (match[2], match[3]))
    if width == 0 or height == 0:
        raise _bad("size", text, "Its width and height must be more than 0.")
    if match[1]:
        assert width is not None
        assert height is not None
        most = most if larger else min(1.0, most)
        return _confined(region, width, height, most)
    if width is None:
        assert height is not None
        return _Size(max(1, round(region.width * height / region.height)), height)
    return _Size(width, height or max(1, round(region.height * width / region.width)))


def _within(region: Box, scale: float) -> _Size:
    """A region multiplied by this, rounded down: what was meant to be within limits is."""
    if scale == 1:
        return _Size(region.width, region.height)
    return _Size(max(1, int(region.width * scale)), max(1, int(region.height * scale)))


def _confined(region: Box, width: int, height: int, most: float) -> _Size:
    scale = min(width / region.width, height / region.height)
    if scale >= most:
        return _within(region, most)
    return _Size(
        min(width, max(1, round(region.width * scale))), min(height, max(1, round(region.height * scale)))
    )


def _written_in_three(size: _Size, region: Box, limits: Limits) -> str:
    most = limits.scale(region.width, region.height)
    if size == _within(region, min(1.0, most)):
        return "max"
    if size.width <= region.width and size.height <= region.height:
        return f"{size.width},{size.height}"
    return "^max" if size == _within(region, most) else f"^{size.width},{size.height}"


def _written_in_two(size: _Size, region: Box, limits: Limits) -> str:  # noqa: ARG001 - version 2 writes none of them
    if (size.width, size.height) == (region.width, region.height):
        return "full"
    if size.height == max(1, round(region.height * size.width / region.width)):
        return f"{size.width},"
    return f"{size.width},{size.height}"


def _rotation(text: str) -> tuple[bool, float]:
    match = _ROTATION.fullmatch(text)
    if match is None or float(match[2]) > 360:
        raise _bad("rotation", text, "Write degrees from 0 to 360, with ! before them to mirror first.")
    return bool(match[1]), float(match[2]) % 360


def _plain(quality: str) -> Quality:
    return "color" if quality in {"default", "color"} else quality  # type: ignore[return-value]  # of QUALITIES


def _canonical(wanted: Rendering, region: Box, size: str) -> str:
    place = "full"
    if wanted.region is not None:
        place = f"{region.left},{region.top},{region.width},{region.height}"
    turn = f"{wanted.rotation:.9f}".rstrip("0").rstrip(".")
    quality = "default" if wanted.quality == "color" else wanted.quality
    return f"{place}/{size}/{'!' if wanted.mirrored else ''}{turn}/{quality}.{wanted.format}"


def _bad(what: str, value: str, hint: str) -> Invalid:
    return Invalid(
        f"{value[:100]!r} is not a {what} of this image",
        code="bad_image_request",
        hint=hint,
        details={"part": what},
    )
