"""Small real images, made on the spot, so that no test needs a file of its own."""

import io
from functools import cache

import pillow_heif
from PIL import Image

FORMATS = ("jpeg", "png", "gif", "webp", "bmp", "tiff", "heic", "avif", "jp2")
_AS_PILLOW_CALLS_THEM = {"heic": "heif", "jp2": "jpeg2000"}
_ORIENTATION = 0x0112


def picture(
    kind: str = "jpeg",
    width: int = 64,
    height: int = 48,
    *,
    seed: int = 0,
    orientation: int = 1,
    frames: int = 1,
    alpha: bool = False,
    **options: object,
) -> bytes:
    """Encode a picture: black above and white below, with a few pixels of its `seed`'s own.

    `width` and `height` are those of the stored pixels, before the EXIF `orientation` turns them.
    `options` go to Pillow's writer.
    """
    if kind == "heic":
        pillow_heif.register_heif_opener()
    pictures = [_drawn(width, height, seed + frame, alpha=alpha) for frame in range(frames)]
    if orientation != 1:
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        options["exif"] = exif.tobytes()
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    file = io.BytesIO()
    pictures[0].save(file, _AS_PILLOW_CALLS_THEM.get(kind, kind), **options)
    return file.getvalue()


@cache
def some_pictures(count: int) -> tuple[bytes, ...]:
    """Make this many JPEGs, no two alike."""
    return tuple(picture(seed=number) for number in range(count))


def _drawn(width: int, height: int, seed: int, *, alpha: bool) -> Image.Image:
    drawn = Image.new("RGB", (width, height), "black")
    drawn.paste("white", (0, height // 2, width, height))
    for number in range(
        24
    ):  # a bit of the seed each, in the top row, four pixels wide so that JPEG keeps them
        if seed >> number & 1 and number * 4 < width:
            drawn.paste("red", (number * 4, 0, number * 4 + 4, 4))
    if alpha:
        drawn.putalpha(128)
    return drawn
