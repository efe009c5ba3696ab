"""What a picture looks like, in 256 bits: two files of one picture differ in few of them, however they are encoded.

A difference hash. The picture is made very small and grey, and each bit tells whether it grows brighter from one point
to the next: at every other point to the right, at those between downwards, so that neither a fence nor a horizon looks
like an empty page. Where nothing changes visibly the bit is 0, whatever the encoder's noise says.
"""

import pyvips

SIDE = 16
SIZE = SIDE * SIDE // 8
"""Bytes of a fingerprint."""
_VISIBLE = 2  # of 255 levels of grey


def fingerprint(picture: pyvips.Image) -> bytes:
    """The fingerprint of a picture in sRGB or grey that has its right side up; transparent parts count as white."""
    small = picture.thumbnail_image(SIDE + 1, height=SIDE + 1, size="force")
    if small.hasalpha():
        small = small.flatten(background=255)
    grey = _grey(small)
    bits = 0
    for y in range(SIDE):
        for x in range(SIDE):
            here = y * (SIDE + 1) + x
            there = here + (1 if (x + y) % 2 == 0 else SIDE + 1)
            bits = bits << 1 | (grey[there] - grey[here] >= _VISIBLE)
    return bits.to_bytes(SIZE)


def _grey(picture: pyvips.Image) -> list[float]:
    """As others turn pictures grey, too; the library's own way, by the light, would tell such a copy apart."""
    pixels = bytes(picture.colourspace("srgb").cast("uchar").write_to_memory())
    bands = zip(pixels[0::3], pixels[1::3], pixels[2::3], strict=True)
    return [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in bands]
