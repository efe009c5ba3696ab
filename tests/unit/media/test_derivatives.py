"""Rendered pieces: the pixels must be the right ones, from any kind of file, turned in any way."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips
from PIL import Image, ImageCms

from stackroom.errors import TooLarge, UnsupportedMedia
from stackroom.media.derivatives import render, render_to
from stackroom.media.pyramids import Shelf, levels_of, make
from stackroom.media.rendering import Box, Rendering

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (220, 220, 30)
CLEAR = (0, 0, 0, 0)


def corners(width: int = 600, height: int = 400) -> Image.Image:
    """Red and green above, blue and yellow below."""
    drawn = Image.new("RGB", (width, height), RED)
    drawn.paste(GREEN, (width // 2, 0, width, height))
    drawn.paste(BLUE, (0, height // 2, width, height))
    drawn.paste(YELLOW, (width // 2, height // 2, width, height))
    return drawn


def saved(folder: Path, image: Image.Image, kind: str = "png", **options: object) -> Path:
    path = folder / "picture"
    image.save(path, kind, **options)
    return path


def rendered(path: Path, **wanted: object) -> Image.Image:
    content = render(path, Rendering(**{"width": 300, "height": 200, "format": "png", **wanted}), Shelf())
    return Image.open(io.BytesIO(content))


def quarters(image: Image.Image) -> list[str]:
    """The colours of the quarters, row by row, by their names."""
    places = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
    return [colour_at(image, x, y) for x, y in places]


def colour_at(image: Image.Image, x: float, y: float) -> str:
    found = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    known = {"R": RED, "G": GREEN, "B": BLUE, "Y": YELLOW, "white": (255, 255, 255), "black": (0, 0, 0)}
    near = [
        name
        for name, colour in known.items()
        if max(abs(a - b) for a, b in zip(found, colour, strict=True)) < 26
    ]
    return near[0] if near else str(found)


UPRIGHT = ["R", "G", "B", "Y"]


@pytest.fixture(params=["file", "pyramid"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Path]:
    """The file itself, or the pyramid that is made of it: nobody must see which it was."""

    def prepared(path: Path) -> Path:
        if request.param == "file":
            return path
        out = tmp_path / "pyramid"
        assert make(path, out)
        return out

    return prepared


@pytest.mark.parametrize(
    ("wanted", "size", "colours"),
    [
        ({}, (300, 200), UPRIGHT),
        ({"mirrored": True}, (300, 200), ["G", "R", "Y", "B"]),
        ({"rotation": 90.0}, (200, 300), ["B", "R", "Y", "G"]),
        ({"rotation": 180.0}, (300, 200), ["Y", "B", "G", "R"]),
        ({"rotation": 270.0}, (200, 300), ["G", "Y", "R", "B"]),
        ({"rotation": 360.0}, (300, 200), UPRIGHT),
        ({"mirrored": True, "rotation": 90.0}, (200, 300), ["Y", "G", "B", "R"]),
        ({"region": Box(0, 0, 300, 200)}, (300, 200), ["R", "R", "R", "R"]),
        ({"region": Box(300, 200, 300, 200)}, (300, 200), ["Y", "Y", "Y", "Y"]),
        ({"region": Box(150, 100, 300, 200)}, (300, 200), UPRIGHT),
        ({"region": Box(150, 100, 300, 200), "width": 30, "height": 20}, (30, 20), UPRIGHT),
        ({"region": Box(201, 101, 1, 1), "width": 4, "height": 4}, (4, 4), ["R", "R", "R", "R"]),
        ({"region": Box(580, 380, 20, 20), "width": 1, "height": 1}, (1, 1), ["Y", "Y", "Y", "Y"]),
        ({"width": 7, "height": 400}, (7, 400), UPRIGHT),
        ({"width": 1200, "height": 900}, (1200, 900), UPRIGHT),
        ({"width": 2, "height": 2}, (2, 2), UPRIGHT),
    ],
)
def test_the_right_pixels_come_at_the_right_size(
    wanted: dict[str, object],
    size: tuple[int, int],
    colours: list[str],
    source: Callable[[Path], Path],
    tmp_path: Path,
) -> None:
    image = rendered(source(saved(tmp_path, corners())), **wanted)
    assert (image.format, image.size) == ("PNG", size)
    assert quarters(image) == colours


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "webp", "gif", "bmp"])
def test_every_kept_format_is_rendered(kind: str, source: Callable[[Path], Path], tmp_path: Path) -> None:
    image = rendered(source(saved(tmp_path, corners(), kind)), region=Box(150, 100, 300, 200))
    assert quarters(image) == UPRIGHT


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("region", [None, Box(100, 150, 200, 300)])
def test_regions_are_those_of_the_upright_picture(
    orientation: int, region: Box | None, source: Callable[[Path], Path], tmp_path: Path
) -> None:
    upright = corners(400, 600)
    back = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in back.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, stored, "jpeg", exif=exif.tobytes(), quality=95)
    image = rendered(source(path), region=region, width=200, height=300)
    assert quarters(image) == UPRIGHT


def test_cmyk_becomes_the_colours_that_were_meant(source: Callable[[Path], Path], tmp_path: Path) -> None:
    picture = Image.new("CMYK", (600, 400), (255, 0, 0, 0))
    picture.paste((0, 0, 0, 0), (300, 0, 600, 400))
    image = rendered(source(saved(tmp_path, picture, "jpeg")), format="jpg")
    assert (image.mode, colour_at(image, 0.75, 0.5)) == ("RGB", "white")
    red, green, blue = image.getpixel((75, 100))
    assert red < green < blue


def test_another_profile_is_converted_to_srgb(source: Callable[[Path], Path], tmp_path: Path) -> None:
    # No profile is at hand that is far from sRGB, so the red and green of an sRGB one are exchanged.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    tags = {profile[132 + 12 * n : 136 + 12 * n].decode(): 132 + 12 * n for n in range(count)}
    for first, second in [("rXYZ", "gXYZ")]:
        one, two = tags[first] + 4, tags[second] + 4
        profile[one : one + 8], profile[two : two + 8] = profile[two : two + 8], profile[one : one + 8]
    swapped = Image.new("RGB", (64, 64), (250, 0, 0))
    image = rendered(source(saved(tmp_path, swapped, icc_profile=bytes(profile))))
    red, green, _ = image.convert("RGB").getpixel((20, 20))
    assert green > 200
    assert red < 60
    assert "icc_profile" not in image.info


@pytest.mark.parametrize("mode", ["I;16", "rgb16"])
def test_sixteen_bits_become_eight(mode: str, source: Callable[[Path], Path], tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    grey = pyvips.Image.grey(600, 400) * 65535
    deep = grey if mode == "I;16" else grey.bandjoin([grey, grey])
    interpretation = "grey16" if mode == "I;16" else "rgb16"
    deep.cast("ushort").copy(interpretation=interpretation).pngsave(str(path))
    image = rendered(source(path))
    assert image.mode in {"L", "RGB"}
    values = [image.convert("L").getpixel((int(300 * x), 100)) for x in (0.1, 0.5, 0.9)]
    assert values == pytest.approx([25, 127, 229], abs=8)


def test_transparency_is_kept_where_the_format_can_and_is_white_where_it_cannot(
    source: Callable[[Path], Path], tmp_path: Path
) -> None:
    picture = corners().convert("RGBA")
    picture.paste(CLEAR, (0, 0, 300, 200))
    path = source(saved(tmp_path, picture))
    for kind in ("png", "webp"):
        image = rendered(path, format=kind).convert("RGBA")
        assert image.getpixel((75, 50))[3] == 0
        assert image.getpixel((225, 50))[3] == 255
    assert quarters(rendered(path, format="jpg")) == ["white", "G", "B", "Y"]
    grey = rendered(path, quality="gray").convert("LA")
    assert grey.getpixel((75, 50))[1] == 0


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_any_angle_shows_the_whole_and_leaves_the_corners_empty(
    kind: str, source: Callable[[Path], Path], tmp_path: Path
) -> None:
    wanted = {"rotation": 30.0, "format": kind}
    image = rendered(source(saved(tmp_path, corners())), **wanted)
    expected = Rendering(width=300, height=200, **wanted).extent
    assert all(abs(got - said) <= 2 for got, said in zip(image.size, expected, strict=True))
    middle = image.convert("RGB").resize(image.size)
    assert colour_at(middle, 0.45, 0.3) in {"R", "G"}
    if kind == "jpg":
        assert colour_at(image, 0.02, 0.02) == "white"
    else:
        assert image.convert("RGBA").getpixel((3, 3))[3] == 0


def test_the_qualities(source: Callable[[Path], Path], tmp_path: Path) -> None:
    path = source(saved(tmp_path, corners()))
    assert rendered(path, quality="gray").mode == "L"
    assert rendered(path, quality="gray", format="jpg").mode == "L"
    bitonal = rendered(path, quality="bitonal")
    assert bitonal.mode == "1"
    assert quarters(bitonal) == ["black", "white", "black", "white"]
    for kind in ("jpg", "webp"):
        assert quarters(rendered(path, quality="bitonal", format=kind)) == [
            "black",
            "white",
            "black",
            "white",
        ]


def test_a_rendering_into_a_file_is_the_same(tmp_path: Path) -> None:
    path, out, wanted = saved(tmp_path, corners()), tmp_path / "out", Rendering(width=300, height=200)
    render_to(path, wanted, out, Shelf())
    assert out.read_bytes() == render(path, wanted, Shelf())


def test_nothing_of_the_metadata_is_handed_on(source: Callable[[Path], Path], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera that somebody owns"
    path = source(saved(tmp_path, corners(), "jpeg", exif=exif.tobytes()))
    for kind in ("jpg", "png", "webp"):
        assert b"somebody" not in render(path, Rendering(width=300, height=200, format=kind), Shelf())


def test_a_file_that_is_gone_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    wanted = Rendering(width=10, height=10)
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "gone", wanted, Shelf())
    path = saved(tmp_path, corners(), "jpeg")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnsupportedMedia) as refused:
        render(path, wanted, Shelf())
    assert refused.value.code == "damaged_image"
    with pytest.raises(TooLarge):
        render(saved(tmp_path, corners()), wanted, Shelf(), max_pixels=1000)


# Pyramids


def test_a_pyramid_is_read_from_the_level_that_has_just_enough(tmp_path: Path) -> None:
    path, out = saved(tmp_path, corners(2000, 1500)), tmp_path / "pyramid"
    assert make(path, out)
    assert [(it.width, it.height) for it in levels_of(out)] == [
        (2000, 1500),
        (1000, 750),
        (500, 375),
        (250, 188),
    ]
    shelf = Shelf()
    render(out, Rendering(width=400, height=300), shelf)
    assert [key[-2:] for key in shelf._opened] == [(500, 375)]
    render(out, Rendering(region=Box(0, 0, 512, 512), width=512, height=512), shelf)
    assert [key[-2:] for key in shelf._opened] == [(500, 375), (2000, 1500)]


@pytest.mark.parametrize("size", [(1001, 701), (1025, 1023), (301, 2049), (4095, 257)])
def test_a_pyramid_has_its_colours_up_to_the_edges_at_every_size(
    size: tuple[int, int], tmp_path: Path
) -> None:
    """What is no whole tile would be filled up with black, which runs into colours of half the resolution."""
    out, colour = tmp_path / "pyramid", (200, 40, 40)
    assert make(saved(tmp_path, Image.new("RGB", size, colour)), out)
    for level in levels_of(out):
        image = rendered(out, width=level.width, height=level.height).convert("RGB")
        low, high = zip(*image.getextrema(), strict=True)
        assert low == pytest.approx(colour, abs=2), level
        assert high == pytest.approx(colour, abs=2), level


def test_margins_are_small(tmp_path: Path) -> None:
    out = tmp_path / "pyramid"
    for size in ((2049, 1100), (1100, 140), (5000, 30)):
        assert make(saved(tmp_path, Image.new("RGB", size)), out)
        kept = pyvips.Image.new_from_file(str(out))
        assert kept.width - size[0] <= max(15, size[0] // 8)
        assert kept.height - size[1] <= max(15, size[1] // 8)
        assert (levels_of(out)[0].width, levels_of(out)[0].height) == size


def test_a_size_that_is_said_behind_a_pyramid_is_not_believed_if_it_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    image = pyvips.Image.new_from_file(str(saved(tmp_path, corners(1001, 701))))
    for size in ((1002, 701), (1001, 0), (2**63, 2**63)):
        image.tiffsave(str(path), tile=True, pyramid=True)
        with path.open("ab") as file:
            file.write(b"picture of " + struct.pack("<QQ", *size))
        assert (levels_of(path)[0].width, levels_of(path)[0].height) == (1001, 701)


@pytest.mark.parametrize("subifd", [True, False])
def test_a_picture_that_is_a_pyramid_is_used_as_it_is(subifd: bool, tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    image = pyvips.Image.new_from_file(str(saved(tmp_path, corners(1001, 701))))
    image.tiffsave(str(path), tile=True, pyramid=True, subifd=subifd, compression="jpeg", Q=95)
    assert not make(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(levels_of(path)) == 4
    assert quarters(rendered(path, region=Box(500, 350, 501, 351), width=100, height=70)) == ["Y"] * 4
    assert quarters(rendered(path, width=250, height=175)) == UPRIGHT


def test_pages_that_do_not_halve_are_no_pyramid(tmp_path: Path) -> None:
    pages = saved(tmp_path, corners(), "tiff", save_all=True, append_images=[corners(), corners(30, 20)])
    assert levels_of(pages) == ()
    tiles = tmp_path / "tiles.tif"
    pyvips.Image.black(600, 400).tiffsave(str(tiles), tile=True)
    assert levels_of(tiles) == ()
    assert levels_of(saved(tmp_path, corners())) == ()
    (tmp_path / "broken").write_bytes(b"II*\0 and then nothing that makes sense")
    with pytest.raises(UnsupportedMedia):
        levels_of(tmp_path / "broken")


def test_another_file_under_a_path_is_seen_to_be_another(tmp_path: Path) -> None:
    shelf, out = Shelf(), tmp_path / "pyramid"
    for colour, name in ((RED, "R"), (GREEN, "G")):
        out.unlink(missing_ok=True)
        make(saved(tmp_path, Image.new("RGB", (600, 400), colour)), out)
        content = render(out, Rendering(width=300, height=200), shelf)
        assert colour_at(Image.open(io.BytesIO(content)), 0.5, 0.5) == name


def test_what_is_kept_open_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, out = Shelf(), tmp_path / "pyramid"
    make(saved(tmp_path, corners(1200, 900)), out)
    monkeypatch.setattr("stackroom.media.pyramids._OPEN_AT_MOST", 1)
    for level in levels_of(out):
        shelf.open(out, level, now=0.0)
        assert len(shelf._opened) == 1
    monkeypatch.undo()
    shelf.open(out, levels_of(out)[0], now=1.0)
    assert len(shelf._opened) == 2
    shelf.open(out, levels_of(out)[1], now=100.0)
    assert len(shelf._opened) == 1
