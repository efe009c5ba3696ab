"""What a file says about itself in its headers, before a single pixel is decoded.

The header is read by whoever will decode the picture, so that both agree about it: libvips, except that
Pillow reads BMP and JPEG 2000 and pillow-heif reads HEIC, which libvips as it comes cannot.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pillow_heif
import pyvips
from PIL.BmpImagePlugin import BmpImageFile

from stackroom.errors import Invalid, StackroomError, TooLarge, UnsupportedMedia
from stackroom.media import jpeg2000
from stackroom.media.examined import MAX_PIXELS, Probe
from stackroom.media.formats import HEAD_SIZE, Format, format_of, sniff
from stackroom.media.libraries import set_up_libraries
from stackroom.media.memory import check_memory

_NO_MEMORY = re.compile("out of memory|insufficient memory|allocat", re.IGNORECASE)
_NOT_BUILT_IN = re.compile(
    r"([\w -]+) compression support is not configured"
)  # libtiff, of ZSTD, LZMA, LERC …
_NOT_KNOWN = re.compile(
    r"Compression scheme (\d+) \w+ decoding is not implemented"
)  # libtiff, of what it never has
_JPEG_2000 = ("33003", "33005", "34712")
_NOT_READ = re.compile("samples out of range|bad labq format")  # more than 32 bits a colour; Lab with 8
_SIDEWAYS = range(5, 9)  # the EXIF orientations that swap width and height
_BY_LINES = {Format.JPEG, Format.PNG, Format.TIFF}
# Bytes that libwebp and libvips take for a pixel of these many bands, and for a byte of the file. Of one that lacks
# the memory they say what they say of one that is cut short.
_WEBP = {3: 14, 4: 17.5}
_WEBP_FILE = 2.5
_KEPT = "JPEG, PNG, GIF, WebP, BMP, TIFF, HEIC, AVIF and JPEG 2000"


def probe(path: Path, *, max_pixels: int = MAX_PIXELS) -> Probe:
    """Read the headers of an image.

    Only what is decoded line by line may have up to `max_pixels` of them (TIFF, JPEG but progressive, PNG but
    interlaced): what must be held whole may have no more than MAX_PIXELS, and no more than there is memory for.

    Raises Invalid `empty_file`; UnsupportedMedia `not_an_image`, `unsupported_image` (of a format the library
    does not keep) or `damaged_image`; TooLarge `image_too_many_pixels` or `image_needs_too_much_memory`.
    """
    set_up_libraries()
    kind = _recognised(path)
    if kind is Format.PNG:
        _check_size_of_png(path, max_pixels)
    with damage_explained():
        found, by_lines = _READERS.get(kind, _by_vips)(path, kind)
    check_pixels(found.width, found.height, max_pixels if by_lines else min(max_pixels, MAX_PIXELS))
    return found


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise TooLarge `image_too_many_pixels` for a picture that would be too large to decode."""
    if width * height > max_pixels:
        raise TooLarge(
            f"The image is {width} by {height} pixels; the limit is {max_pixels} in all.",
            code="image_too_many_pixels",
            hint="Send a smaller image, or ask the operator to raise the limit.",
            details={"width": width, "height": height, "max_pixels": max_pixels},
        )


@contextmanager
def damage_explained() -> Iterator[None]:
    """Turn whatever a decoder raises on a hostile file into one of our words."""
    try:
        yield
    except StackroomError:
        raise
    except Exception as error:
        # Decoders fail on damage with nearly everything there is: pyvips.Error, OSError, SyntaxError,
        # ValueError, struct.error, EOFError, KeyError, OverflowError, ZeroDivisionError …
        raise _explained(error) from error


def _explained(error: Exception) -> StackroomError:
    if _is_short_of_memory(error):
        return _needs_too_much_memory()
    if (compression := _unread_compression(str(error))) is not None:
        return UnsupportedMedia(
            f"Images compressed with {compression} are not kept here.",
            code="unsupported_image",
            hint="Save it with another compression, such as LZW or Deflate.",
        )
    if _NOT_READ.search(str(error)):
        return UnsupportedMedia(
            "Images with pixels of this kind are not kept here.",
            code="unsupported_image",
            hint="Save it as RGB or grey, with 8, 16 or 32 bits a colour.",
        )
    return _damaged()


def _unread_compression(said: str) -> str | None:
    """How the pixels of a TIFF are compressed that libtiff cannot read, whole as they may be."""
    if (missing := _NOT_BUILT_IN.search(said)) is not None:
        return missing[1].strip()
    if (unknown := _NOT_KNOWN.search(said)) is not None:
        return "JPEG 2000" if unknown[1] in _JPEG_2000 else f"scheme {unknown[1]} of TIFF"
    return None


def _recognised(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    if not head:
        raise Invalid("The file is empty.", code="empty_file", hint="Choose a file with something in it.")
    content_type = sniff(head)
    kind = format_of(content_type)
    if kind is None:
        raise _refused(content_type)
    return kind


def _check_size_of_png(path: Path, max_pixels: int) -> None:
    # A PNG can claim to be so large that libvips will not even tell; the others cannot.
    with path.open("rb") as file:
        header = file.read(24)
    check_pixels(int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big"), max_pixels)


def _refused(content_type: str | None) -> UnsupportedMedia:
    hint = f"Send one of {_KEPT}."
    if content_type is not None and content_type.startswith("image/"):
        return UnsupportedMedia(
            f"Images of type {content_type} are not kept here.", code="unsupported_image", hint=hint
        )
    found = f"its content is {content_type}" if content_type else "its content is none of the known kinds"
    return UnsupportedMedia(f"The file is not an image: {found}.", code="not_an_image", hint=hint)


def _damaged() -> UnsupportedMedia:
    return UnsupportedMedia(
        "The image is damaged or ends too early.",
        code="damaged_image",
        hint="Open it in a viewer to see whether it is whole, export it again, and send that.",
    )


def _is_short_of_memory(error: Exception) -> bool:
    # libheif calls it a memory error, too, when a damaged header lists absurdly many parts.
    text = str(error)
    return isinstance(error, MemoryError) or (bool(_NO_MEMORY.search(text)) and "Security limit" not in text)


def _needs_too_much_memory() -> TooLarge:
    return TooLarge(
        "Decoding the image needs more memory than a worker may use.",
        code="image_needs_too_much_memory",
        hint="Save it smaller; a JPEG or PNG without progressive scans or interlacing, a JPEG 2000 in tiles.",
    )


# Each says as well whether the picture is decoded line by line.


def _by_vips(path: Path, kind: Format) -> tuple[Probe, bool]:
    image = pyvips.Image.new_from_file(str(path))
    width, height = image.width, image.height
    if _number(image, "orientation") in _SIDEWAYS:
        width, height = height, width
    by_lines = kind in _BY_LINES and not image.get_typeof("interlaced")
    if kind is Format.WEBP:
        check_memory(width * height * _WEBP[image.bands] + path.stat().st_size * _WEBP_FILE)
    return Probe(kind, width, height, _number(image, "n-pages") or 1, bool(image.hasalpha())), by_lines


def _by_pillow(path: Path, kind: Format) -> tuple[Probe, bool]:
    # The class itself and not Image.open, which would also warn of bombs by a limit that is not ours.
    with BmpImageFile(path) as image:
        return Probe(kind, image.width, image.height, 1, image.mode == "RGBA"), False


def _by_heif(path: Path, kind: Format) -> tuple[Probe, bool]:
    image = pillow_heif.open_heif(path)  # which has turned it already
    width, height = image.size
    return Probe(kind, width, height, 1, bool(image.has_alpha)), False


def _by_openjpeg(path: Path, kind: Format) -> tuple[Probe, bool]:
    width, height, has_alpha = jpeg2000.look(path)
    return Probe(kind, width, height, 1, has_alpha), False


_READERS: dict[Format, Callable[[Path, Format], tuple[Probe, bool]]] = {
    Format.BMP: _by_pillow,
    Format.HEIC: _by_heif,
    Format.JP2: _by_openjpeg,
}


def _number(image: pyvips.Image, field: str) -> int | None:
    return int(image.get(field)) if image.get_typeof(field) else None
