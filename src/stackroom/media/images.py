"""What is done with an image on arrival, and later for a thumbnail. For a studio's workers: it decodes.

Verification and thumbnail are one pass. To make a small picture of a JPEG, libvips reads and understands all
of its data but does only a fraction of the arithmetic; of the other formats it decodes every pixel. With
errors made fatal this is the cheapest way to know that a file is whole; another pass costs as much again.
"""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

import pyvips

from stackroom.media.decoding import check_the_rest, decoded, fitted, resized
from stackroom.media.examined import MAX_PIXELS, Converted, Examined, Probe, Thumbnail, within
from stackroom.media.fingerprint import fingerprint as fingerprint_of
from stackroom.media.formats import Format
from stackroom.media.probe import damage_explained, probe
from stackroom.media.room import room_explained

_QUALITY = 80
_SMALLEST = 64  # what a file is decoded to when nobody wants a thumbnail
_FINGERPRINTED = (
    200  # the square a picture is made to fit before its fingerprint is taken, whatever else is made
)


def examine(
    path: Path, out_dir: Path, *, max_pixels: int = MAX_PIXELS, thumbnail_sizes: Sequence[int] = (200,)
) -> Examined:
    """Verify that the whole file decodes, convert it if need be, and leave thumbnails in `out_dir`.

    Raises what `probe` raises, UnsupportedMedia `damaged_image` also for a file that ends or breaks in
    mid-picture, and TooLarge `image_needs_too_much_memory`. It may be run again over the same `out_dir`,
    and writes the same files. The path's own name means nothing.
    """
    found = probe(path, max_pixels=max_pixels)
    largest_box = max(thumbnail_sizes, default=_SMALLEST)
    converted = None
    if found.format is Format.HEIC:
        with damage_explained():
            original = decoded(path, found)
        converted = _write_png(original, out_dir / "converted.png")
        largest = resized(original, *within(found.width, found.height, largest_box)).copy_memory()
    else:
        with damage_explained():
            largest = fitted(path, found, largest_box)
            check_the_rest(path, found, max_pixels)
    fingerprinted = min(_FINGERPRINTED, largest_box)
    pictures = _smaller_and_smaller(largest, found, {*thumbnail_sizes, fingerprinted})
    return Examined(
        found,
        converted,
        tuple(_write_thumbnail(pictures[box], out_dir, box) for box in thumbnail_sizes),
        fingerprint_of(pictures[fingerprinted]),
    )


def thumbnail(path: Path, out_dir: Path, box: int, *, max_pixels: int = MAX_PIXELS) -> Thumbnail:
    """Make one thumbnail of a stored image in `out_dir`, never larger than the original.

    Raises what `examine` raises.
    """
    found = probe(path, max_pixels=max_pixels)
    with damage_explained():
        picture = fitted(path, found, box)
    return _write_thumbnail(picture, out_dir, box)


def fingerprint(path: Path, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """The fingerprint of a stored image, for one that was examined before there were any.

    Raises what `examine` raises.
    """
    found = probe(path, max_pixels=max_pixels)
    with damage_explained():
        return fingerprint_of(fitted(path, found, _FINGERPRINTED))


def _smaller_and_smaller(
    largest: pyvips.Image, found: Probe, boxes: Collection[int]
) -> dict[int, pyvips.Image]:
    """The picture in each of these boxes. Each is made from the next larger one, which has the fewest pixels to read
    and more than enough to show."""
    pictures = {}
    picture = largest
    for box in sorted(boxes, reverse=True):
        width, height = within(found.width, found.height, box)
        if (picture.width, picture.height) != (width, height):
            picture = resized(picture, width, height).copy_memory()
        pictures[box] = picture
    return pictures


def _write_thumbnail(small: pyvips.Image, out_dir: Path, box: int) -> Thumbnail:
    if small.hasalpha():
        path, content_type = out_dir / f"thumb-{box}.webp", "image/webp"
        with room_explained():
            small.webpsave(str(path), Q=_QUALITY, effort=2, keep="none")
    else:
        path, content_type = out_dir / f"thumb-{box}.jpg", "image/jpeg"
        with room_explained():
            small.jpegsave(str(path), Q=_QUALITY, keep="none")
    return Thumbnail(path, box, content_type, small.width, small.height, path.stat().st_size)


def _write_png(image: pyvips.Image, path: Path) -> Converted:
    with room_explained():
        # A quarter of the time that trying all filters takes.
        image.pngsave(str(path), filter="up", keep="icc")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    return Converted(path, "image/png", image.width, image.height, path.stat().st_size, sha256)
