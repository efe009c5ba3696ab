"""What is taken out of a picture that somebody uploads, and what is not."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

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


@pytest.mark.parametrize("kind", ["jpeg", "png"])
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


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_what_the_camera_said_is_left_out_and_no_pixel_changes(tmp_path: Path, kind: str) -> None:
    original = with_exif(kind)
    made = written(tmp_path, original)
    assert made is not None
    assert b"A camera" in original
    assert b"A camera" not in made
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(made)) as after:
        assert before.tobytes() == after.tobytes()
        assert after.info["icc_profile"] == before.info["icc_profile"]
        assert not after.getexif()


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


def test_what_follows_the_end_of_a_jpeg_is_left_out(tmp_path: Path) -> None:
    original = picture("jpeg")
    assert written(tmp_path, original + with_exif("jpeg")) == written(tmp_path, original + b"more")


@pytest.mark.parametrize("kind", ["png", "gif", "webp"])
def test_a_picture_that_says_nothing_stays_as_it_came(tmp_path: Path, kind: str) -> None:
    assert written(tmp_path, picture(kind)) is None


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
