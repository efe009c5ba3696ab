"""Pictures made by the words of an address: the pixels must be the right ones."""

from pathlib import Path

import pytest
from PIL import Image

from stackroom import ids
from stackroom.errors import TooLarge, UnsupportedMedia
from stackroom.media.transformations import Acceptable, Transformation, parse
from stackroom.media.transforming import Transformed, sizes, transform
from stackroom.testing.pictures import FORMATS, picture

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (220, 220, 30)
MARK = f"watermark/{ids.text(ids.new())}"


def corners(folder: Path, kind: str = "png", **options: object) -> Path:
    """Sixty by forty: red and green above, blue and yellow below."""
    drawn = Image.new("RGB", (60, 40), RED)
    drawn.paste(GREEN, (30, 0, 60, 20))
    drawn.paste(BLUE, (0, 20, 30, 40))
    drawn.paste(YELLOW, (30, 20, 60, 40))
    path = folder / "picture"
    drawn.save(path, kind, **options)
    return path


def made(path: Path, words: str, **rest: object) -> Image.Image:
    return opened(transform(path, parse(words), path.parent, **rest))  # type: ignore[arg-type]  # as the test says


def opened(done: Transformed) -> Image.Image:
    with Image.open(done.path) as image:
        image.load()
    assert (image.width, image.height) == (done.width, done.height)
    assert Image.MIME[image.format or ""] == done.content_type
    assert not image.getexif()
    return image


def near(image: Image.Image, x: float, y: float, colour: tuple[int, int, int], tolerance: int = 30) -> bool:
    found = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    return max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= tolerance


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("words", ["resize/32x", "crop/smart/32x24", "rotate/90/resize/24x", "flip/blur/1"])
def test_a_picture_of_any_format_is_transformed(tmp_path: Path, kind: str, words: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(picture(kind))
    done = transform(source, parse(words), tmp_path)
    image = opened(done)
    expected = {"resize/32x": (32, 24), "crop/smart/32x24": (32, 24), "rotate/90/resize/24x": (24, 32)}
    assert image.size == expected.get(words, (64, 48))
    assert done.content_type == (f"image/{kind}" if kind in {"jpeg", "png", "webp", "avif"} else "image/png")


@pytest.mark.parametrize(
    ("words", "upper_left", "size"),
    [
        ("rotate/90", BLUE, (40, 60)),
        ("rotate/180", YELLOW, (60, 40)),
        ("rotate/270", GREEN, (40, 60)),
        ("flip", BLUE, (60, 40)),
        ("mirror", GREEN, (60, 40)),
        ("rotate/90/mirror/resize/20x", RED, (20, 30)),
        ("rotate/90/flip/resize/x60", YELLOW, (40, 60)),
    ],
)
def test_it_is_turned_before_it_is_flipped_and_resized(
    tmp_path: Path, words: str, upper_left: tuple[int, int, int], size: tuple[int, int]
) -> None:
    image = made(corners(tmp_path), words)
    assert image.size == size
    assert near(image, 0.2, 0.2, upper_left)


def test_what_a_camera_meant_is_honoured_unless_told_otherwise(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(picture("jpeg", orientation=6))
    assert made(source, "quality/best").size == (48, 64)
    assert made(source, "resize/24x").size == (24, 32)
    assert made(source, "autorotate/no/resize/32x").size == (32, 24)


@pytest.mark.parametrize(
    ("words", "scaled", "canvas"),
    [
        ("resize/30x", (30, 20), (30, 20)),
        ("resize/x80", (120, 80), (120, 80)),
        ("resize/50x50", (50, 50), (50, 50)),
        ("stretch/off/resize/120x", (60, 40), (60, 40)),
        ("stretch/off/resize/30x", (30, 20), (30, 20)),
        ("stretch/off/resize/90x20", (60, 20), (60, 20)),
        ("stretch/fill/resize/30x30", (30, 20), (30, 30)),
        ("stretch/fill/resize/100x100", (60, 40), (100, 100)),
        ("flip", (60, 40), (60, 40)),
    ],
)
def test_a_picture_is_scaled_as_it_was_told_to_be(
    words: str, scaled: tuple[int, int], canvas: tuple[int, int]
) -> None:
    wanted = parse(words)
    assert sizes((60, 40), wanted.resize, wanted.stretch) == (scaled, canvas)


def test_a_side_that_follows_from_the_other_has_its_limit_too() -> None:
    with pytest.raises(TooLarge):
        sizes((1, 10_000), parse("resize/8000x").resize, "on")
    with pytest.raises(TooLarge):
        sizes((9000, 2), parse("resize/x77").resize, "on")  # few pixels, and 346,500 of them in a row
    assert sizes((20_000, 100), parse("resize/x90").resize, "on") == ((18_000, 90), (18_000, 90))


def test_what_is_not_enlarged_is_not_too_large(tmp_path: Path) -> None:
    assert sizes((640, 480), parse("resize/8192x").resize, "off") == ((640, 480), (640, 480))
    assert sizes((2, 9000), parse("resize/800x").resize, "off") == ((2, 9000), (2, 9000))
    assert made(corners(tmp_path), "resize/8192x/stretch/off").size == (60, 40)


def test_a_margin_is_white_and_around_the_picture(tmp_path: Path) -> None:
    image = made(corners(tmp_path), "resize/60x80/stretch/fill")
    assert image.size == (60, 80)
    assert near(image, 0.5, 0.05, (255, 255, 255))
    assert near(image, 0.2, 0.3, RED)
    assert near(image, 0.5, 0.95, (255, 255, 255))


@pytest.mark.parametrize(
    ("words", "colour"),
    [
        ("invert", (35, 225, 225)),
        ("grayscale", (70, 70, 70)),
        ("brightness/100", (255, 255, 255)),
        ("brightness/-100", (0, 0, 0)),
        ("contrast/-100", (128, 128, 128)),
        ("saturation/-100", (70, 70, 70)),
        ("sepia", (115, 102, 80)),
    ],
)
def test_colours_change_as_they_are_told_to(tmp_path: Path, words: str, colour: tuple[int, int, int]) -> None:
    assert near(made(corners(tmp_path), words), 0.2, 0.2, colour, tolerance=3)


def test_what_is_sharpened_or_blurred_keeps_its_colours_in_the_large(tmp_path: Path) -> None:
    for words in ("sharpen/1", "blur/2", "saturation/100/contrast/50/sharpen/0.5"):
        assert near(made(corners(tmp_path), words), 0.2, 0.2, RED, tolerance=45)


def test_transparency_stays_where_it_can_and_is_white_where_it_cannot(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(picture("png", alpha=True))
    assert made(source, "resize/20x/grayscale").mode == "RGBA"
    assert near(made(source, "format/jpeg"), 0.5, 0.3, (127, 127, 127))


@pytest.mark.parametrize(
    ("alpha", "acceptable", "content_type"),
    [
        (False, Acceptable(avif=True, webp=True), "image/avif"),
        (False, Acceptable(webp=True), "image/webp"),
        (False, Acceptable(), "image/jpeg"),
        (True, Acceptable(), "image/png"),
    ],
)
def test_auto_is_the_best_that_the_receiver_can_read(
    tmp_path: Path, alpha: bool, acceptable: Acceptable, content_type: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(picture("png", alpha=alpha))
    done = transform(source, Transformation(format="auto"), tmp_path, acceptable=acceptable)
    assert done.content_type == content_type
    opened(done)


def test_auto_is_a_format_that_can_hold_the_picture(tmp_path: Path) -> None:
    long = a_strip(tmp_path)
    able = Acceptable(avif=True, webp=True)
    assert (
        transform(long, Transformation(format="auto"), tmp_path, acceptable=able).content_type == "image/jpeg"
    )


@pytest.mark.parametrize("words", ["format/webp", "rotate/90/format/avif", "resize/x4/format/jpeg"])
def test_a_picture_that_its_format_cannot_hold_is_too_large_and_not_damaged(
    tmp_path: Path, words: str
) -> None:
    with pytest.raises(TooLarge) as refused:
        transform(a_strip(tmp_path), parse(words), tmp_path)
    assert refused.value.code == "image_too_long"


def a_strip(folder: Path) -> Path:
    path = folder / "strip"
    Image.new("L", (16_400, 1)).save(path, "png")
    return path


@pytest.mark.parametrize("encoding", ["jpeg", "webp", "avif"])
def test_a_better_quality_is_a_larger_file(tmp_path: Path, encoding: str) -> None:
    noise = tmp_path / "noise"
    Image.effect_noise((200, 200), 80).save(noise, "png")
    lightest, best = (
        transform(noise, parse(f"format/{encoding}/quality/{quality}"), tmp_path).path.stat().st_size
        for quality in ("lightest", "best")
    )
    assert lightest < best


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        ("size/50%/opacity/1", (0.9, 0.9), (0.1, 0.1)),
        ("size/50%/opacity/1/position/tl", (0.1, 0.1), (0.9, 0.9)),
        ("size/50%/opacity/1/position/tr", (0.9, 0.1), (0.1, 0.9)),
        ("size/50%/opacity/1/position/bl", (0.1, 0.9), (0.9, 0.1)),
        ("size/20x20/opacity/1/position/center", (0.5, 0.5), (0.1, 0.1)),
        ("size/20x20/opacity/1/position/0,20", (0.1, 0.9), (0.9, 0.1)),
        ("size/20x20/opacity/1/position/9999,9999", (0.95, 0.95), (0.5, 0.5)),
    ],
)
def test_a_watermark_lies_where_it_is_put(
    tmp_path: Path, words: str, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    mark = tmp_path / "mark"
    Image.new("RGB", (30, 20), (255, 0, 255)).save(mark, "png")
    image = made(corners(tmp_path), f"{MARK}/{words}", watermark=mark)
    assert image.mode == "RGB"
    assert near(image, *inside, (255, 0, 255))
    assert not near(image, *outside, (255, 0, 255))


def test_a_watermark_is_half_there_unless_told_otherwise(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    Image.new("L", (30, 20), 255).save(mark, "png")
    image = made(corners(tmp_path), f"{MARK}/position/tl/size/100%", watermark=mark)
    assert near(image, 0.2, 0.2, (238, 142, 142), tolerance=6)


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(picture("jpeg", 400, 400)[:-200])
    with pytest.raises(UnsupportedMedia) as refused:
        transform(source, parse("resize/10x"), tmp_path)
    assert refused.value.code == "damaged_image"


def test_a_result_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    source = corners(tmp_path, "jpeg")
    first, again = (
        transform(source, parse("resize/30x/sepia"), tmp_path).path.read_bytes() for _ in range(2)
    )
    assert first == again
