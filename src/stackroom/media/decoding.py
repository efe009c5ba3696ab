"""From a file to pixels that libvips can work on, strictly: what does not decode whole is an error."""

import functools
import itertools
from pathlib import Path

import pillow_heif
import pyvips
from PIL.BmpImagePlugin import BmpImageFile

from stackroom.media import jpeg2000
from stackroom.media.endings import check_end_of_gif, check_end_of_png
from stackroom.media.examined import Probe, within
from stackroom.media.formats import Format
from stackroom.media.probe import check_pixels

_LOADERS = {
    Format.JPEG: "jpegload",
    Format.PNG: "pngload",
    Format.GIF: "gifload",
    Format.WEBP: "webpload",
    Format.TIFF: "tiffload",
    Format.AVIF: "heifload",
}
HELD_WHOLE = frozenset(Format) - _LOADERS.keys()
"""What libvips cannot read itself: see `decoded`."""
_BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
_PROFILE = "icc-profile-data"
_MOST_BANDS = 4
_GREY = {"b-w", "grey16"}
_SAMPLES = range(0, 256, 51)  # of each colour
_SAME = 2  # of 255: what profiles of sRGB differ by
# As `displayable` does it: a thumbnail must not look otherwise than the picture.
_PRINTED = {"input_profile": "cmyk", "output_profile": "srgb", "intent": "perceptual"}


def fitted(path: Path, found: Probe, box: int) -> pyvips.Image:
    """Decode the first picture of a file to fit into a square: upright, sRGB, eight bits, never enlarged.

    Cheap where the format allows (a JPEG is reduced while it is decoded), and still every byte of the picture
    has been read and understood when this returns. Raises what decoders raise.
    """
    width, height = within(found.width, found.height, box)
    if found.format in HELD_WHOLE:
        return resized(decoded(path, found, (width, height)), width, height).copy_memory()
    image = reduced(path, width, height)
    if not image.get("vips-loader").startswith(_LOADERS[found.format]):
        raise ValueError("The content can be taken for two formats.")
    return image.copy_memory()


def reduced(path: Path, width: int, height: int) -> pyvips.Image:
    """What libvips reads itself, exactly this large, upright and in colours that can be shown."""
    header = pyvips.Image.new_from_file(str(path), access="sequential", fail_on="error")
    if _has_spare_bands(header):
        # libvips would take the last of them for transparency.
        turned = header.get_typeof("orientation") and header.get("orientation") > 1
        whole = pyvips.Image.new_from_file(str(path), fail_on="error").autorot() if turned else header
        return displayable(whole).thumbnail_image(width, height=height, size="force")
    how = _PRINTED if header.interpretation == "cmyk" else {}
    # Reduced while it is decoded, where the format allows it; it turns as its EXIF says.
    return in_srgb(
        pyvips.Image.thumbnail(str(path), width, height=height, size="force", fail_on="error", **how)
    )


def resized(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Make an image exactly this large."""
    return in_srgb(image.thumbnail_image(width, height=height, size="force"))


def decoded(path: Path, found: Probe, least: tuple[int, int] | None = None) -> pyvips.Image:
    """Decode what libvips cannot read itself (BMP, HEIC, JPEG 2000), with its ICC profile: all pixels, or with `least`
    as few as make a picture of at least that size, where the format allows it."""
    if found.format is Format.JP2:
        return displayable(jpeg2000.decoded(path, least))
    if found.format is Format.HEIC:
        heif = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
        pixels, size, mode, profile = heif.data, heif.size, heif.mode, heif.info.get("icc_profile")
    else:
        with BmpImageFile(path) as opened:
            bitmap = opened if opened.mode in _BANDS else opened.convert("RGB")
            pixels, size, mode, profile = bitmap.tobytes(), bitmap.size, bitmap.mode, None
    image = pyvips.Image.new_from_memory(pixels, *size, _BANDS[mode], "uchar")
    image = image.copy(interpretation="b-w" if _BANDS[mode] < 3 else "srgb")
    if profile:
        image.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
    return (image.unpremultiply() + 0.5).cast("uchar") if mode == "RGBa" else image


def check_the_rest(path: Path, found: Probe, max_pixels: int) -> None:
    """Check what `fitted` has not seen: the end of the file, and the frames and pages after the first.

    Frames and pages are decoded until they add up to `max_pixels`; what comes after that is believed.
    """
    if found.format is Format.PNG:
        check_end_of_png(path)
    elif found.format is Format.GIF:
        check_end_of_gif(path)
    if found.format in {Format.GIF, Format.WEBP}:
        _check_animation(path, found, max_pixels)
    else:
        _check_pages(path, found, max_pixels)


def _check_animation(path: Path, found: Probe, max_pixels: int) -> None:
    # Frames build on one another: libvips decodes them in one go, as one tall strip.
    frames = min(found.frames, max_pixels // (found.width * found.height))
    if frames > 1:
        _open(path, n=frames).avg()


def _check_pages(path: Path, found: Probe, max_pixels: int) -> None:
    budget = max_pixels
    first = 0 if found.format is Format.TIFF and _may_be_a_pyramid(path, found) else 1
    for page in (_open(path, page=number) for number in range(first, found.frames)):
        check_pixels(page.width, page.height, max_pixels)
        budget -= page.width * page.height
        if budget < 0:
            break
        page.avg()


def _may_be_a_pyramid(path: Path, found: Probe) -> bool:
    """Of one that is, `fitted` has seen a smaller level only, and not the picture itself."""
    return found.frames > 1 or bool(_open(path).get_typeof("n-subifds"))


def _open(path: Path, **options: int) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(path), access="sequential", fail_on="error", **options)


def displayable(image: pyvips.Image) -> pyvips.Image:
    """The same picture in sRGB or grey, with eight bits a colour, at its full size and with its transparency."""
    image = in_srgb(_without_spare_bands(image))
    if image.interpretation == "multiband":
        # Nothing says what the bands are: up to four are taken for what they nearly always are.
        image = image if image.bands <= _MOST_BANDS else image.extract_band(0, n=3)
        image = image.copy(interpretation="b-w" if image.bands < 3 else "srgb")
    elif image.interpretation == "cmyk":
        # The profile that came with it, or the usual one.
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", intent="perceptual")
    elif image.interpretation == "grey16":
        image = image.colourspace("b-w")
    elif image.interpretation not in {"srgb", "b-w"}:
        image = image.colourspace("srgb")
    return image if image.format == "uchar" else image.cast("uchar")


def _without_spare_bands(image: pyvips.Image) -> pyvips.Image:
    """Without what is more than colours and transparency: masks, spot colours, infrared."""
    if not _has_spare_bands(image):
        return image
    colours = image.extract_band(0, n=4 if image.interpretation == "cmyk" else 3)
    shown = {"b-w": "srgb", "grey16": "rgb16"}.get(image.interpretation, image.interpretation)
    return colours.copy(interpretation=shown)


def _has_spare_bands(image: pyvips.Image) -> bool:
    most = {"multiband": image.bands, "b-w": 2, "grey16": 2, "cmyk": 5}
    return bool(image.bands > most.get(image.interpretation, _MOST_BANDS))


def in_srgb(image: pyvips.Image) -> pyvips.Image:
    """Convert an RGB or grey image with another profile. With CMYK libvips has done that, and left the profile."""
    if not image.get_typeof(_PROFILE):
        return image
    profile: bytes = image.get(_PROFILE)
    is_grey = profile[16:20] == b"GRAY" and image.interpretation in _GREY
    is_rgb = profile[16:20] == b"RGB " and image.bands >= 3
    if not (is_grey or is_rgb) or not _changes_colours(profile):
        return image
    try:
        shown = _by_its_profile(image)
    except pyvips.Error:
        return image  # a broken profile: the colours are a guess, the picture is still a picture
    return shown.colourspace("b-w") if is_grey else shown


@functools.lru_cache(maxsize=4)
def _changes_colours(profile: bytes) -> bool:
    """Whether a profile is another than sRGB, or than the grey of it. Measured: linear ones, too, name themselves so.

    That costs as much as a small picture, and spares a large one its conversion. A broken one changes nothing.
    """
    colours = pyvips.Image.identity()
    if profile[16:20] == b"RGB ":
        cube = bytes(value for each in itertools.product(_SAMPLES, repeat=3) for value in each)
        colours = pyvips.Image.new_from_memory(cube, len(cube) // 3, 1, 3, "uchar")
        colours = colours.copy(interpretation="srgb")
    known = colours.copy()
    known.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
    try:
        return bool((_by_its_profile(known) - colours).abs().max() > _SAME)
    except pyvips.Error:
        return False


def _by_its_profile(image: pyvips.Image) -> pyvips.Image:
    return image.icc_transform("srgb", embedded=True, intent="perceptual")
