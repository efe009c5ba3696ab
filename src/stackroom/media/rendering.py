"""What can be asked of a stored image: a piece of it, at a size, turned. Plain values for anybody to import."""

import math
from typing import Literal

import msgspec

Quality = Literal["color", "gray", "bitonal"]
Format = Literal["jpg", "png", "webp"]

LONGEST = {"jpg": 65_500, "png": 1_000_000, "webp": 16_383}
"""The longest side that a format can have, in pixels."""


class Box(msgspec.Struct, frozen=True):
    """A rectangle of pixels of the upright picture."""

    left: int
    top: int
    width: int
    height: int


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """One derivative of an image. What is done to it is done in the order of the fields.

    `region` must lie inside the picture. The result has sRGB colours with eight bits, and no metadata. Corners that
    a rotation leaves empty are transparent, or white in a JPEG; so is what was transparent to begin with.
    """

    region: Box | None = None
    """None is all of it."""
    width: int
    height: int
    """The size of the region after it was scaled, before it is turned."""
    mirrored: bool = False
    rotation: float = 0.0
    """Degrees, clockwise."""
    quality: Quality = "color"
    format: Format = "jpg"

    @property
    def extent(self) -> tuple[int, int]:
        """The size of the result, which a rotation may have made larger."""
        turn = math.radians(self.rotation)
        sine, cosine = abs(math.sin(turn)), abs(math.cos(turn))
        wide = self.width * cosine + self.height * sine
        high = self.width * sine + self.height * cosine
        return math.ceil(wide - 1e-6), math.ceil(high - 1e-6)
