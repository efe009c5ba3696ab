"""Examining images: every kept format, and every way to be no such thing."""

import asyncio
import hashlib
import io
import struct
import zlib
from pathlib import Path

import pillow_heif
import pytest
import pyvips
from PIL import Image, ImageCms

from stackroom.errors import Invalid, StackroomError, TooLarge, Unavailable, UnsupportedMedia
from stackroom.media.decoding import displayable, fitted
from stackroom.media.examined import THUMBNAIL_SIZES, Examined, within
from stackroom.media.formats import Format, sniff
from stackroom.media.images import examine, thumbnail
from stackroom.media.probe import damage_explained, probe
from stackroom.media.studio import Studio
from stackroom.testing.pictures import FORMATS, picture

CAN_BE_TURNED = ("jpeg", "png", "webp", "tiff", "heic", "avif")


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "arrival"
    path.write_bytes(content)
    return path


def examined(folder: Path, content: bytes, **options: object) -> Examined:
    return examine(stored(folder, content), folder, **options)


def refusal(folder: Path, content: bytes, **options: object) -> StackroomError:
    with pytest.raises(StackroomError) as refused:
        examined(folder, content, **options)
    assert refused.value.hint
    return refused.value


def is_dark(image: Image.Image, x: float, y: float) -> bool:
    return image.convert("L").getpixel((int(image.width * x), int(image.height * y))) < 128


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kept_format_is_measured_and_gets_a_thumbnail(kind: str, tmp_path: Path) -> None:
    found = examined(tmp_path, picture(kind, 640, 480))
    assert (found.probe.format, found.probe.content_type) == (Format(kind), f"image/{kind}")
    assert (found.probe.width, found.probe.height, found.probe.frames) == (640, 480, 1)
    assert not found.probe.has_alpha
    (small,) = found.thumbnails
    assert (small.box, small.width, small.height) == (200, 200, 150)
    assert small.content_type == "image/jpeg"
    assert small.size == small.path.stat().st_size
    with Image.open(small.path) as image:
        assert (image.format, image.size) == ("JPEG", (200, 150))
        assert is_dark(image, 0.5, 0.25)
        assert not is_dark(image, 0.5, 0.75)


@pytest.mark.parametrize("kind", CAN_BE_TURNED)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_and_thumbnails_are_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    found = examined(tmp_path, picture(kind, 80, 40, orientation=orientation))
    upright = (80, 40) if orientation < 5 else (40, 80)
    assert (found.probe.width, found.probe.height) == upright
    (small,) = found.thumbnails
    assert (small.width, small.height) == upright
    where_the_dark_half_is = {1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 8: "left"}
    x, y = {"top": (0.5, 0.2), "bottom": (0.5, 0.8), "left": (0.2, 0.5), "right": (0.8, 0.5)}[
        where_the_dark_half_is.get(orientation, "right")
    ]
    with Image.open(small.path) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert is_dark(image, x, y)
        assert not is_dark(image, 1 - x, 1 - y)


def test_a_heic_becomes_an_upright_png_with_its_colour_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = examined(tmp_path, picture("heic", 80, 40, orientation=6, icc_profile=profile))
    new = found.converted
    assert new is not None
    assert (new.content_type, new.width, new.height) == ("image/png", 40, 80)
    content = new.path.read_bytes()
    assert (new.size, new.sha256) == (len(content), hashlib.sha256(content).digest())
    with Image.open(new.path) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (40, 80), "RGB")
        assert image.info["icc_profile"] == profile
        assert is_dark(image, 0.8, 0.5)
    assert probe(new.path).format is Format.PNG


def test_only_heic_is_converted(tmp_path: Path) -> None:
    for kind in set(FORMATS) - {"heic"}:
        assert examined(tmp_path, picture(kind)).converted is None


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "heic", "avif"])
def test_transparency_stays_in_thumbnails(kind: str, tmp_path: Path) -> None:
    found = examined(tmp_path, picture(kind, 400, 400, alpha=True))
    assert found.probe.has_alpha
    (small,) = found.thumbnails
    assert small.content_type == "image/webp"
    with Image.open(small.path) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")
        assert image.getpixel((100, 50))[3] == pytest.approx(128, abs=8)


@pytest.mark.parametrize("kind", ["gif", "webp", "tiff"])
def test_of_several_frames_the_first_is_shown_and_all_are_counted(kind: str, tmp_path: Path) -> None:
    found = examined(tmp_path, picture(kind, 64, 48, frames=3))
    assert found.probe.frames == 3
    assert (found.probe.width, found.probe.height) == (64, 48)
    assert (found.thumbnails[0].width, found.thumbnails[0].height) == (64, 48)


def test_thumbnails_come_in_the_order_asked_for_and_are_never_larger_than_the_original(
    tmp_path: Path,
) -> None:
    found = examined(tmp_path, picture("jpeg", 300, 150), thumbnail_sizes=(400, 100, 1024, 200))
    assert [(small.box, small.width, small.height) for small in found.thumbnails] == [
        (400, 300, 150),
        (100, 100, 50),
        (1024, 300, 150),
        (200, 200, 100),
    ]
    assert len({small.path for small in found.thumbnails}) == 4


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("size", [(772, 1541), (669, 1617), (1231, 1886), (1533, 709)])
def test_how_large_a_thumbnail_is_can_be_told_from_the_size_of_the_image(
    kind: str, size: tuple[int, int], tmp_path: Path
) -> None:
    found = examined(tmp_path, picture(kind, *size), thumbnail_sizes=THUMBNAIL_SIZES)
    made = [(small.width, small.height) for small in found.thumbnails]
    assert made == [within(*size, box) for box in THUMBNAIL_SIZES]


def test_without_thumbnails_the_file_is_verified_all_the_same(tmp_path: Path) -> None:
    content = picture("jpeg", 640, 480)
    assert examined(tmp_path, content, thumbnail_sizes=()).thumbnails == ()
    assert refusal(tmp_path, content[: len(content) // 2], thumbnail_sizes=()).code == "damaged_image"


@pytest.mark.parametrize("box", THUMBNAIL_SIZES)
def test_a_single_thumbnail_of_any_size_is_made_later(box: int, tmp_path: Path) -> None:
    small = thumbnail(stored(tmp_path, picture("png", 2000, 1000)), tmp_path, box)
    assert (small.box, small.width, small.height) == (box, box, box // 2)


def test_a_sliver_keeps_at_least_one_pixel(tmp_path: Path) -> None:
    small = thumbnail(stored(tmp_path, picture("png", 5000, 1)), tmp_path, 200)
    assert (small.width, small.height) == (200, 1)


def test_examining_again_over_the_same_folder_writes_the_same(tmp_path: Path) -> None:
    content = picture("heic", 300, 200)
    assert examined(tmp_path, content) == examined(tmp_path, content)


def test_another_file_of_the_same_name_is_seen_as_it_is(tmp_path: Path) -> None:
    """libvips would remember the first one by its path."""
    for width in (100, 300, 200):
        assert examined(tmp_path, picture("png", width, 50)).probe.width == width


@pytest.mark.parametrize("interpretation", ["srgb", "b-w"])
def test_what_is_more_than_colours_is_left_out_of_the_thumbnail(interpretation: str, tmp_path: Path) -> None:
    # Three colours, infrared, and a mask that is empty.
    scan = pyvips.Image.black(300, 200).bandjoin_const([0] * 4).linear(1, [200, 100, 50, 90, 0]).cast("uchar")
    scan = scan.copy(interpretation=interpretation)
    (small,) = examined(tmp_path, scan.write_to_buffer(".tif")).thumbnails
    with Image.open(small.path) as image:
        assert image.mode == "RGB"
        assert image.getpixel((100, 66)) == pytest.approx((200, 100, 50), abs=3)


def test_pixels_that_cannot_be_read_are_not_called_damage(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("LAB", (30, 20)).save(file, "tiff")
    assert refusal(tmp_path, file.getvalue()).code == "unsupported_image"
    measured = pyvips.Image.black(30, 20).cast("double").write_to_buffer(".tif")
    assert refusal(tmp_path, measured).code == "unsupported_image"


def test_a_thumbnail_of_what_is_printed_has_the_colours_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "printed.tif"
    Image.new("CMYK", (300, 200), (230, 40, 250, 60)).save(path)
    whole = displayable(pyvips.Image.new_from_file(str(path)))
    small = fitted(path, probe(path), 200)
    assert small(100, 66) == pytest.approx(whole(150, 100), abs=1)


def test_a_heic_whose_colours_were_multiplied_with_its_transparency_gets_them_back(tmp_path: Path) -> None:
    pixels = bytes((100, 50, 0, 128)) * 64 * 64
    pillow_heif.from_bytes("RGBa", (64, 64), pixels).save(tmp_path / "made.heic", quality=-1)
    converted = examined(tmp_path, (tmp_path / "made.heic").read_bytes()).converted
    assert converted is not None
    with Image.open(converted.path) as image:
        assert image.getpixel((32, 32)) == pytest.approx((199, 100, 0, 128), abs=4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK", "F", "RGBA"])
def test_unusual_kinds_of_pixels_make_ordinary_thumbnails(mode: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture("png", 64, 48))) as image:
        source = image.convert("L") if mode in {"I;16", "F"} else image
        source.convert(mode).save(file, "tiff")
    (small,) = examined(tmp_path, file.getvalue()).thumbnails
    with Image.open(small.path) as image:
        assert image.mode in {"L", "RGB", "RGBA"}
        assert image.size == (64, 48)


def test_another_colour_space_is_brought_to_srgb(tmp_path: Path) -> None:
    """A swapped profile: what it calls red is stored as blue."""
    original = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = original.replace(b"rXYZ", b"?").replace(b"bXYZ", b"rXYZ").replace(b"?", b"bXYZ")
    file = io.BytesIO()
    Image.new("RGB", (300, 300), (0, 0, 255)).save(file, "jpeg", icc_profile=swapped, quality=95)
    (small,) = examined(tmp_path, file.getvalue()).thumbnails
    with Image.open(small.path) as image:
        red, _, blue = image.getpixel((50, 50))
        assert "icc_profile" not in image.info
    assert red > 240
    assert blue < 15


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_a_profile_counts_by_what_it_does_and_not_by_what_it_calls_itself(mode: str, tmp_path: Path) -> None:
    grey = mode in {"L", "LA", "I;16"}
    source = Image.new("L", (300, 200), 55).convert(mode if mode != "I;16" else "L")
    if mode == "I;16":
        source = source.convert("I").point(lambda value: value * 257).convert("I;16")
    path = tmp_path / "linear.png"
    source.save(path, icc_profile=linear_profile(b"GRAY" if grey else b"RGB "))
    whole = displayable(pyvips.Image.new_from_file(str(path)))
    small = fitted(path, probe(path), 200)
    for shown in (whole, small):
        assert shown.interpretation == ("b-w" if grey else "srgb")
        assert shown(100, 66)[: 1 if grey else 3] == pytest.approx([128] * (1 if grey else 3), abs=2)
        assert shown.hasalpha() == (mode in {"LA", "RGBA"})


def test_a_profile_that_is_srgb_leaves_every_pixel_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path.write_bytes(picture("png", 64, 48, icc_profile=profile))
    kept = pyvips.Image.new_from_file(str(path))
    assert (displayable(kept) - kept).abs().max() == 0


def linear_profile(space: bytes) -> bytes:
    """That of sRGB, name and all, but as bright as its numbers are."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = space
    (count,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, 132 + 12 * count, 12):
        if bytes(profile[at : at + 4]) in {b"rTRC", b"gTRC", b"bTRC"}:
            (start,) = struct.unpack_from(">I", profile, at + 4)
            profile[start : start + 12] = b"curv" + bytes(8)
        if profile[at : at + 4] == b"rTRC" and space == b"GRAY":
            profile[at : at + 4] = b"kTRC"
    return bytes(profile)


def test_a_broken_colour_profile_is_no_reason_to_refuse(tmp_path: Path) -> None:
    profile = bytes(16) + b"RGB " + bytes(200)
    assert examined(tmp_path, picture("jpeg", 300, 300, icc_profile=profile)).thumbnails[0].width == 200


def test_thumbnails_carry_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera maker"
    (small,) = examined(tmp_path, picture("jpeg", 300, 300, exif=exif.tobytes())).thumbnails
    assert b"camera" not in small.path.read_bytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_ends_too_early_is_damaged(kind: str, tmp_path: Path) -> None:
    content = picture(kind, 300, 200, frames=1)
    end = len(content)
    for length in (end * 9 // 10, end // 2, end // 4, 40):
        error = refusal(tmp_path, content[:length])
        assert (type(error), error.code) == (UnsupportedMedia, "damaged_image"), length


def test_a_png_without_its_last_bytes_is_damaged_and_trailing_bytes_do_no_harm(tmp_path: Path) -> None:
    content = picture("png", 300, 200)
    for missing in (1, 5, 9, 12, 13):
        assert refusal(tmp_path, content[:-missing]).code == "damaged_image", missing
    assert examined(tmp_path, content + b"and more").probe.width == 300


@pytest.mark.parametrize("kind", ["gif", "webp", "tiff"])
def test_damage_after_the_first_frame_is_found(kind: str, tmp_path: Path) -> None:
    content = picture(kind, 300, 200, frames=4)
    assert refusal(tmp_path, content[: len(content) * 3 // 4]).code == "damaged_image"


def test_a_gif_may_lack_its_trailer_but_no_part_of_a_block(tmp_path: Path) -> None:
    for frames in (1, 4):
        content = picture("gif", 300, 200, frames=frames)
        assert content[-1:] == b";"
        assert examined(tmp_path, content[:-1]).probe.frames == frames
        assert examined(tmp_path, content + b"and more").probe.frames == frames
        for missing in (2, 3, 20, 40, 60):
            assert refusal(tmp_path, content[:-missing]).code == "damaged_image", missing


def test_damage_in_the_middle_of_a_png_is_found(tmp_path: Path) -> None:
    content = bytearray(picture("png", 300, 200))
    content[content.index(b"IDAT") + 40] ^= 0xFF
    assert refusal(tmp_path, bytes(content)).code == "damaged_image"


def test_pages_are_decoded_up_to_the_limit_of_pixels_and_believed_after_it(tmp_path: Path) -> None:
    content = bytearray(picture("tiff", 100, 100, frames=5, compression="tiff_adobe_deflate"))
    last = content.rindex(b"\x78\x9c")
    content[last + 2 : last + 12] = b"\xff" * 10
    assert refusal(tmp_path, bytes(content)).code == "damaged_image"
    assert examined(tmp_path, bytes(content), max_pixels=20_000).probe.frames == 5


def test_the_name_of_a_file_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(picture("png"))
    assert examine(path, tmp_path).probe.format is Format.PNG


def test_an_empty_file_is_refused_as_such(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"")
    assert (type(error), error.code) == (Invalid, "empty_file")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"hello, I am called photo.jpg", "text/plain"),
        (b"<html><script>alert(1)</script>", "text/html"),
        (b"%PDF-1.4 " + picture("jpeg"), "application/pdf"),
        (b"PK\x03\x04" + bytes(100), "application/zip"),
        (bytes(1000), "none of the known kinds"),
    ],
)
def test_what_is_no_image_is_refused_by_what_it_is(content: bytes, named: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, content)
    assert (type(error), error.code) == (UnsupportedMedia, "not_an_image")
    assert named in error.message


@pytest.mark.parametrize(
    "content",
    [b'<svg xmlns="http://www.w3.org/2000/svg"/>', b"8BPS\0\x01" + bytes(50), picture("avif", frames=2)],
    ids=["SVG", "Photoshop", "a moving AVIF"],
)
def test_images_of_other_formats_are_unsupported(content: bytes, tmp_path: Path) -> None:
    error = refusal(tmp_path, content)
    assert (type(error), error.code) == (UnsupportedMedia, "unsupported_image")


@pytest.mark.parametrize(
    ("scheme", "named"),
    [
        (6, "Old-style JPEG"),
        (33003, "JPEG 2000"),
        (34712, "JPEG 2000"),
        (50000, "ZSTD"),
        (50002, "scheme 50002"),
    ],
)
def test_a_compression_that_cannot_be_read_is_no_damage(scheme: int, named: str, tmp_path: Path) -> None:
    compression = struct.Struct("<HHIH")
    tag = 259, 3, 1
    whole = picture("tiff", 300, 200, compression="none")
    said = whole.replace(compression.pack(*tag, 1), compression.pack(*tag, scheme))
    assert said != whole
    error = refusal(tmp_path, said)
    assert (type(error), error.code) == (UnsupportedMedia, "unsupported_image")
    assert f"compressed with {named}" in error.message


@pytest.mark.parametrize("kind", FORMATS)
def test_a_head_alone_does_not_make_an_image(kind: str, tmp_path: Path) -> None:
    """As in a script that begins like a GIF."""
    disguised = picture(kind)[:30] + b"=1;alert(document.cookie);//" * 100
    assert sniff(disguised) == f"image/{kind}"
    assert refusal(tmp_path, disguised).code in {"damaged_image", "image_too_many_pixels"}


def png(width: int, height: int, pixels: bytes, *, interlaced: bool = False) -> bytes:
    """A greyscale PNG with whatever size it claims."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels, 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [20_000, 2_000_000, 2**31 - 1])
def test_a_header_that_claims_too_many_pixels_is_refused_before_any_is_decoded(
    side: int, tmp_path: Path
) -> None:
    error = refusal(tmp_path, png(side, side, b""))
    assert (type(error), error.code) == (TooLarge, "image_too_many_pixels")
    assert error.details["max_pixels"] == 16_384**2


def claiming(content: bytes, start_of_frame: int, side: int) -> bytes:
    """A JPEG whose header says that it is this large."""
    at = content.index(bytes([0xFF, start_of_frame]))
    return content[: at + 5] + struct.pack(">HH", side, side) + content[at + 9 :]


def test_what_must_be_held_whole_may_have_fewer_pixels_than_what_is_decoded_line_by_line(
    tmp_path: Path,
) -> None:
    side, most = 20_000, 10**9
    by_lines = claiming(picture("jpeg"), 0xC0, side), png(side, side, b"")
    for content in by_lines:
        assert probe(stored(tmp_path, content), max_pixels=most).width == side
        with pytest.raises(TooLarge):
            probe(stored(tmp_path, content), max_pixels=side * side - 1)
    interlaced = png(side, side, b"", interlaced=True)
    for content in (claiming(picture("jpeg", progressive=True), 0xC2, side), interlaced):
        with pytest.raises(TooLarge) as refused:
            probe(stored(tmp_path, content), max_pixels=most)
        assert refused.value.details["max_pixels"] == 16_384**2


def test_a_small_file_that_grows_too_large_is_refused(tmp_path: Path) -> None:
    bomb = png(1500, 1500, bytes(1501 * 1500))
    assert len(bomb) < 5000
    assert examined(tmp_path, bomb).probe.width == 1500
    assert refusal(tmp_path, bomb, max_pixels=1500 * 1500 - 1).code == "image_too_many_pixels"


@pytest.mark.parametrize("kind", FORMATS)
def test_the_limit_of_pixels_holds_for_every_format(kind: str, tmp_path: Path) -> None:
    content = picture(kind, 64, 48)
    assert examined(tmp_path, content, max_pixels=64 * 48).probe.width == 64
    assert refusal(tmp_path, content, max_pixels=64 * 48 - 1).code == "image_too_many_pixels"


@pytest.mark.parametrize(("mode", "refused", "taken"), [("RGB", 14_200, 13_700), ("RGBA", 12_800, 12_300)])
def test_a_webp_of_which_only_a_small_one_could_be_made_is_refused(
    mode: str, refused: int, taken: int, tmp_path: Path
) -> None:
    """Here one of a single colour, which is as small as it is large."""
    path = tmp_path / "picture.webp"
    Image.new(mode, (16, 16)).save(path, lossless=True)
    content = bytearray(path.read_bytes())
    at = content.index(b"VP8L") + 9
    flags = int.from_bytes(content[at : at + 4], "little") >> 28 << 28

    def claim(side: int) -> None:
        content[at : at + 4] = (flags | side - 1 << 14 | side - 1).to_bytes(4, "little")
        path.write_bytes(content)

    async def body() -> None:
        async with Studio(processes=1) as studio:
            claim(refused)
            with pytest.raises(TooLarge) as answer:
                await studio.examine(path, tmp_path)
            assert answer.value.code == "image_needs_too_much_memory"
            claim(taken)
            assert (await studio.examine(path, tmp_path)).probe.width == taken

    asyncio.run(body())


def test_the_limit_of_pixels_holds_for_later_pages(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (10, 10)).save(file, "tiff", save_all=True, append_images=[Image.new("L", (100, 100))])
    assert refusal(tmp_path, file.getvalue(), max_pixels=5000).code == "image_too_many_pixels"


@pytest.mark.parametrize("subifd", [True, False])
def test_the_largest_level_of_a_pyramid_is_looked_at_too(subifd: bool, tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    noise = pyvips.Image.gaussnoise(1200, 900, sigma=60, mean=128).cast("uchar")
    noise.tiffsave(str(path), tile=True, pyramid=True, subifd=subifd, compression="jpeg")
    content = path.read_bytes()
    assert examined(tmp_path, content, thumbnail_sizes=(100,)).probe.width == 1200
    place = len(content) // 3  # its tiles come first
    spoilt = content[:place] + b"\xff" * 50_000 + content[place + 50_000 :]
    assert refusal(tmp_path, spoilt, thumbnail_sizes=(100,)).code == "damaged_image"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "image_needs_too_much_memory"),
        (pyvips.Error("unable to load\n  out of memory --- size == 700MB"), "image_needs_too_much_memory"),
        (RuntimeError("Memory allocation error: Unspecified"), "image_needs_too_much_memory"),
        (pyvips.Error("heif: Memory allocation error: Security limit exceeded: 9000 items"), "damaged_image"),
        (pyvips.Error("unable to call copy_memory"), "damaged_image"),
        (struct.error("unpack requires a buffer of 4 bytes"), "damaged_image"),
    ],
)
def test_want_of_memory_is_told_from_damage(error: Exception, code: str) -> None:
    with pytest.raises(StackroomError) as refused, damage_explained():
        raise error
    assert refused.value.code == code


def test_no_room_for_thumbnails_is_not_the_fault_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        examine(stored(tmp_path, picture()), tmp_path / "no such folder")
