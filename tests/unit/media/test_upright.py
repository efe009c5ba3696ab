"""What is taken out of a picture that somebody uploads, and what is not."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from stackroom.media import beside
from stackroom.media.beside import cuts
from stackroom.media.formats import Format
from stackroom.media.upright import upright
from stackroom.testing.pictures import picture


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "arrival"
    path.write_bytes(content)
    return path


def written(folder: Path, content: bytes) -> bytes | None:
    made = upright(stored(folder, content), folder)
    if made is None:
        return None
    assert made.size == made.path.stat().st_size
    return made.path.read_bytes()


def with_exif(kind: str, **tags: object) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    for tag, value in tags.items():
        exif[int(tag.removeprefix("x"), 16)] = value
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return picture(kind, exif=exif.tobytes(), icc_profile=profile)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_picture_that_was_held_sideways_is_turned_in_its_pixels(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    original = picture(kind, 64, 48, orientation=orientation)
    made = written(tmp_path, original)
    assert made is not None
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == ((64, 48) if orientation == 3 else (48, 64))
        assert not image.getexif()
        dark = {3: (0.5, 0.9), 6: (0.9, 0.5), 8: (0.1, 0.5)}[orientation]  # what was above
        at = round(dark[0] * (image.width - 1)), round(dark[1] * (image.height - 1))
        assert image.convert("L").getpixel(at) < 60


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_what_the_camera_said_is_left_out_and_no_pixel_changes(tmp_path: Path, kind: str) -> None:
    original = with_exif(kind)
    made = written(tmp_path, original)
    assert made is not None
    assert b"A camera" in original
    assert b"A camera" not in made
    assert written(tmp_path, made) is None
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(made)) as after:
        assert before.tobytes() == after.tobytes()
        assert after.info["icc_profile"] == before.info["icc_profile"]
        assert not after.getexif()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="46,12.3N"/></x:xmpmeta>'


@pytest.mark.parametrize("kind", ["webp", "avif", "gif", "jpeg"])
def test_what_programs_said_is_left_out_as_well(tmp_path: Path, kind: str) -> None:
    original = picture(kind, xmp=XMP) if kind != "gif" else a_gif_that_says(XMP)
    made = written(tmp_path, original)
    assert made is not None
    assert b"GPSLatitude" in original
    assert b"GPSLatitude" not in made
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(made)) as after:
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_an_animation_keeps_its_pictures_and_its_pace(tmp_path: Path, kind: str) -> None:
    sideways = exif_of(6, make="A camera")
    options = {"comment": b"A camera"} if kind == "gif" else {"exif": sideways}
    original = picture(kind, 40, 30, frames=3, duration=120, loop=2, **options)
    made = written(tmp_path, original)
    assert made is not None
    assert b"A camera" in original
    assert b"A camera" not in made
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(made)) as after:
        assert [pixels(before, n) for n in range(3)] == [pixels(after, n) for n in range(after.n_frames)]
        assert (after.info["duration"], after.info["loop"]) == (before.info["duration"], before.info["loop"])


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_that_is_turned_loses_nothing_that_it_had(tmp_path: Path, lossless: bool) -> None:
    noise = Image.effect_noise((50, 30), 90).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "webp", lossless=lossless, exif=exif_of(6))
    made = written(tmp_path, file.getvalue())
    assert made is not None
    with Image.open(io.BytesIO(made)) as image:
        assert (image.convert("RGB").tobytes() == noise.rotate(-90, expand=True).tobytes()) is lossless


def test_a_webp_says_how_long_it_is_when_something_is_left_out(tmp_path: Path) -> None:
    made = written(tmp_path, picture("webp", xmp=XMP) + b"and more")
    assert made is not None
    assert int.from_bytes(made[4:8], "little") == len(made) - 8
    assert not made[20] & 0b1100  # it does not say that there is any


@pytest.mark.parametrize("kind", ["gif", "webp", "avif"])
def test_what_follows_the_end_of_others_is_left_out_too(tmp_path: Path, kind: str) -> None:
    assert written(tmp_path, picture(kind) + b"where it was taken") == picture(kind)


def test_a_film_beside_an_avif_is_made_blank(tmp_path: Path) -> None:
    film = (24).to_bytes(4, "big") + b"mpvd" + b"where it was.mp4"
    assert written(tmp_path, picture("avif") + film) == picture("avif") + film[:4] + b"free" + bytes(16)


@pytest.mark.parametrize("kind", ["gif", "webp", "avif"])
def test_parts_that_are_not_where_they_must_be_are_no_more_than_that(tmp_path: Path, kind: str) -> None:
    content = a_gif_that_says(XMP) if kind == "gif" else with_exif(kind)
    for at in range(12, len(content)):
        broken = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        try:
            found = cuts(stored(tmp_path, broken), Format(kind))
        except (ValueError, EOFError, IndexError, struct.error):
            continue
        assert all(0 <= each.start < each.stop <= len(content) for each in found)


def exif_of(orientation: int, make: str = "") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = make
    return exif.tobytes()


def pixels(image: Image.Image, frame: int) -> bytes:
    image.seek(frame)
    return image.convert("RGBA").tobytes()


def a_gif_that_says(text: bytes) -> bytes:
    """As XMP is put into a GIF: the text is taken for blocks, and what comes after it ends them wherever they are."""
    plain, said = picture("gif"), b"\x21\xff\x0bXMP DataXMP" + text
    return plain[:-1] + said + b"\x01" + bytes(range(255, -1, -1)) + b"\x00" + plain[-1:]


def test_texts_of_a_png_are_left_out(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Author", "somebody")
    info.add_itxt("Place", "somewhere")
    made = written(tmp_path, picture("png", pnginfo=info))
    assert made is not None
    assert b"somebody" not in made
    assert b"somewhere" not in made
    with Image.open(io.BytesIO(made)) as image:
        image.load()


def test_parts_of_a_png_that_are_none_of_its_picture_are_left_out(tmp_path: Path) -> None:
    info = PngInfo()
    info.add(b"caBX", b"who made it, where and with what")  # content credentials
    info.add(b"prVt", b"what no standard knows")
    info.add(b"gAMA", struct.pack(">I", 45455))
    info.add(b"cICP", bytes([9, 16, 0, 1]))
    original = picture("png", pnginfo=info)
    made = written(tmp_path, original)
    assert made is not None
    assert b"who made it" in original
    assert b"who made it" not in made
    assert b"no standard" not in made
    assert b"gAMA" in made
    assert b"cICP" in made
    assert written(tmp_path, made) is None


def test_what_follows_the_end_of_a_jpeg_is_left_out(tmp_path: Path) -> None:
    original = picture("jpeg")
    assert written(tmp_path, original + with_exif("jpeg")) == written(tmp_path, original + b"more")


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "avif", "tiff"])
def test_a_picture_that_says_nothing_stays_as_it_came(tmp_path: Path, kind: str) -> None:
    assert written(tmp_path, picture(kind)) is None


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_end_of_a_jpeg_is_found_in_pieces_of_any_size(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path, picture("jpeg") + b"where it was taken")
    found = cuts(path, Format.JPEG)
    monkeypatch.setattr(beside, "_PIECE", size)
    assert cuts(path, Format.JPEG) == found != []


def test_a_progressive_jpeg_keeps_all_its_scans(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    original = picture("jpeg", progressive=True, exif=exif.tobytes())
    made = written(tmp_path, original)
    assert made is not None
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(made)) as after:
        assert before.tobytes() == after.tobytes()


def test_what_follows_the_end_of_a_png_is_left_out(tmp_path: Path) -> None:
    assert written(tmp_path, picture("png") + b"where it was taken") == picture("png")


def test_what_cannot_be_taken_apart_is_decoded_and_written_anew(tmp_path: Path) -> None:
    """A decoder passes over what stands between two segments; a copy of it would keep that."""
    jpeg = with_exif("jpeg")
    quantisation = jpeg.index(b"\xff\xdb")
    made = written(tmp_path, jpeg[:quantisation] + b"stray" + jpeg[quantisation:])
    assert made is not None
    assert b"stray" not in made
    assert b"A camera" not in made
