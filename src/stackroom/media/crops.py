"""Cutting pieces out of a photograph: how a demonstration gets many different real pictures from a few."""

from collections.abc import Iterable
from pathlib import Path
from random import Random

import msgspec
from PIL import Image, ImageOps, UnidentifiedImageError

from stackroom.errors import UnsupportedMedia

_QUALITY = 88
_SMALLEST, _LARGEST = 0.45, 0.95  # of a side


class Crop(msgspec.Struct, frozen=True):
    """A piece: its left, upper, right and lower edge in pixels, and the JPEG it becomes."""

    box: tuple[int, int, int, int]
    target: Path


def cut(photograph: Path, targets: Iterable[Path], *, seed: int = 0) -> None:
    """Write a different piece of a photograph to each target. The same seed gives the same pieces.

    Raises `UnsupportedMedia` for a file that Pillow cannot read.
    """
    try:
        with Image.open(photograph) as opened:
            whole = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UnsupportedMedia(f"{photograph} cannot be read as a photograph: {error}") from error
    for crop in plan(whole.size, targets, seed=seed):
        whole.crop(crop.box).save(crop.target, "JPEG", quality=_QUALITY)


def plan(size: tuple[int, int], targets: Iterable[Path], *, seed: int) -> list[Crop]:
    """Where to cut: no two pieces alike."""
    dice = Random(seed)  # noqa: S311 - it chooses pictures, not secrets
    seen: set[tuple[int, int, int, int]] = set()
    crops = []
    for target in targets:
        box = _drawn(size, dice)
        while box in seen:
            box = _drawn(size, dice)
        seen.add(box)
        crops.append(Crop(box, target))
    return crops


def _drawn(size: tuple[int, int], dice: Random) -> tuple[int, int, int, int]:
    width, height = (max(1, round(side * dice.uniform(_SMALLEST, _LARGEST))) for side in size)
    left, upper = dice.randint(0, size[0] - width), dice.randint(0, size[1] - height)
    return left, upper, left + width, upper + height
