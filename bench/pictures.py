"""Real photographs to upload: those of a folder of yours, else pieces cut from the ones that come with the program."""

import random
import shutil
from pathlib import Path

from PIL import Image, ImageChops

import stackroom.cli

LARGE = (2500, 2900)
OWN = Path(stackroom.cli.__file__).parent / "demo_photos"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def photographs(count: int, place: Path, source: Path | None) -> tuple[list[Path], str]:
    """`count` different photographs as files in `place`, and in words where they come from.

    A folder with enough of them is used as it is. Of fewer, pieces are cut, never enlarged.
    """
    place.mkdir(parents=True)
    found = sorted(path for path in (source or OWN).rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise RuntimeError(f"no photographs in {source}")
    if len(found) >= count:
        files = [
            Path(shutil.copy(path, place / f"{n:04d}{path.suffix}")) for n, path in enumerate(found[:count])
        ]
        return files, f"{count} photographs of the folder given"
    files = [_cut(found[n % len(found)], place / f"{n:04d}.jpg", random.Random(n)) for n in range(count)]
    whose = "the folder given" if source else "those that come with the program"
    return files, f"{count} pieces cut from {len(found)} photographs, {whose}"


def large_photographs(count: int, place: Path, source: Path | None) -> tuple[list[Path], str]:
    """`photographs` of the size that a scanner or a good camera makes: pieces that are enlarged, with the grain that
    such files have, as a smooth picture would be decoded too easily."""
    small, where_from = photographs(count, place.with_name(place.name + "-small"), source)
    place.mkdir(parents=True)
    grain = Image.effect_noise(LARGE, 24)
    files = [_enlarged(path, place / f"{path.stem}.jpg", grain) for path in small]
    return files, f"{where_from}, enlarged"


def noise(side: int, path: Path) -> Path:
    """A picture that cannot be compressed, of three bytes a pixel."""
    data = random.Random(side).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), data).save(path, compress_level=0)
    return path


def _enlarged(source: Path, target: Path, grain: Image.Image) -> Path:
    with Image.open(source) as opened:
        image = opened.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
    layers = [ImageChops.add(layer, grain, scale=1, offset=-128) for layer in image.split()]
    Image.merge("RGB", layers).save(target, quality=88)
    return target


def _cut(source: Path, target: Path, chance: random.Random) -> Path:
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    width, height = (int(side * chance.uniform(0.7, 1)) for side in image.size)
    left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
    image.crop((left, top, left + width, top + height)).save(target, quality=92)
    return target
