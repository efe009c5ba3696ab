"""JPEG 2000: read whole or smaller, in its own colours, and refused where it ends too early or would take too much."""

import io
import resource
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from stackroom.errors import StackroomError
from stackroom.media import jpeg2000, memory
from stackroom.media.decoding import decoded
from stackroom.media.derivatives import render
from stackroom.media.formats import Format
from stackroom.media.images import examine
from stackroom.media.probe import probe
from stackroom.media.pyramids import Shelf, make
from stackroom.media.rendering import Box, Rendering

SIZE = (321, 243)


def gradient(size: tuple[int, int] = SIZE) -> Image.Image:
    """Red grows to the right, green downwards, blue is what is left of them."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, ImageChops.invert(ImageChops.multiply(across, down))))


def jp2(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG2000", **options)
    return file.getvalue()


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def with_boxes(file: bytes, *instead: bytes) -> bytes:
    """The file, with these boxes in place of what its header says of colours."""
    start = file.index(b"jp2h") - 4
    (length,) = struct.unpack(">I", file[start : start + 4])
    size = file[start + 8 : start + 8 + 22]
    return file[:start] + box(b"jp2h", size + b"".join(instead)) + file[start + length :]


def colours(number: int) -> bytes:
    return box(b"colr", b"\1\0\0" + struct.pack(">I", number))


def profile(icc: bytes) -> bytes:
    return box(b"colr", b"\2\0\0" + icc)


def kept(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "master"
    path.write_bytes(content)
    return path


def seen(path: Path) -> Image.Image:
    """As it is shown to whoever asks for all of it."""
    found = probe(path)
    wanted = Rendering(width=found.width, height=found.height, format="png")
    return Image.open(io.BytesIO(render(path, wanted, Shelf())))


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest, of all pixels and colours."""
    extremes = ImageChops.difference(one.convert("RGBA"), other.convert("RGBA")).getextrema()
    return max(high for _, high in extremes)  # type: ignore[misc]  # one pair for each band


@pytest.mark.parametrize(
    "options",
    [{}, {"tile_size": (100, 70)}, {"no_jp2": True}, {"num_resolutions": 1}, {"progression": "RPCL"}],
    ids=str,
)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_its_pixels_are_what_they_were(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    image = gradient().convert(mode)
    if "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize(SIZE))
    path = kept(tmp_path, jp2(image, **options))
    found = probe(path)
    assert (found.format, found.width, found.height) == (Format.JP2, *SIZE)
    assert (found.content_type, found.has_alpha) == ("image/jp2", "A" in mode)
    assert difference(seen(path), image) == 0


@pytest.mark.parametrize("options", [{}, {"tile_size": (128, 64)}, {"num_resolutions": 2}], ids=str)
@pytest.mark.parametrize("size", [(321, 243), (322, 241), (1001, 137)])
def test_a_smaller_one_is_made_of_fewer_pixels_and_looks_the_same(
    tmp_path: Path, size: tuple[int, int], options: dict[str, Any]
) -> None:
    image = gradient(size)
    path = kept(tmp_path, jp2(image, **options))
    for part in (1, 2, 3, 5, 17):
        least = max(1, size[0] // part), max(1, size[1] // part)
        small = decoded(path, probe(path), least)
        assert small.width >= least[0]
        assert small.height >= least[1]
        shown = Image.frombytes("RGB", (small.width, small.height), small.write_to_memory())
        expected = image.resize(shown.size, Image.Resampling.BOX)
        assert ImageStat.Stat(ImageChops.difference(shown, expected)).mean == pytest.approx([0] * 3, abs=8)
    assert decoded(path, probe(path), (20, 1)).width < size[0]


def test_tiles_of_which_nothing_is_left_when_they_are_halved_do_no_harm(tmp_path: Path) -> None:
    """The last one is one pixel wide."""
    path = kept(tmp_path, jp2(gradient((1001, 137)), tile_size=(100, 70)))
    assert decoded(path, probe(path), (126, 18)).width == 126
    assert decoded(path, probe(path), (20, 1)).width == 1001


def test_a_picture_may_lie_anywhere_on_its_grid(tmp_path: Path) -> None:
    path = kept(tmp_path, jp2(gradient(), offset=(7, 3), tile_offset=(2, 2), tile_size=(100, 70)))
    assert difference(seen(path), gradient()) == 0
    small = decoded(path, probe(path), (80, 60))
    assert (small.width, small.height) == SIZE


def test_a_tile_may_have_fewer_levels_than_the_file_says(tmp_path: Path) -> None:
    content = jp2(gradient(), num_resolutions=3, no_jp2=True)
    start, tile = content.index(b"\xff\x52"), content.index(b"\xff\x90")
    (length,) = struct.unpack(">H", content[start + 2 : start + 4])
    coding = content[start : start + 2 + length]
    assert coding[9] == 2
    claimed = coding[:9] + b"\5" + coding[10:]
    (size,) = struct.unpack(">I", content[tile + 6 : tile + 10])
    part = content[tile : tile + 6] + struct.pack(">I", size + len(coding)) + content[tile + 10 : tile + 12]
    whole = (
        content[:start] + claimed + content[start + len(coding) : tile] + part + coding + content[tile + 12 :]
    )
    path = kept(tmp_path, whole)
    assert jpeg2000.header(path).levels == 5
    small = decoded(path, probe(path), (12, 9))
    assert (small.width, small.height) == SIZE


def test_its_profile_counts(tmp_path: Path) -> None:
    """Here one in which red and green have changed places."""
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    icc = bytearray(wide.tobytes().replace(b"s\0R\0G\0B", b"w\0i\0d\0e").replace(b"sRGB", b"wide"))
    count = struct.unpack(">I", icc[128:132])[0]
    entries = [struct.unpack(">4sII", icc[132 + 12 * n : 144 + 12 * n]) for n in range(count)]
    at = {name: place for name, place, _ in entries}
    red, green = at[b"rXYZ"] + 8, at[b"gXYZ"] + 8
    icc[red : red + 12], icc[green : green + 12] = icc[green : green + 12], icc[red : red + 12]
    path = kept(tmp_path, with_boxes(jp2(gradient()), profile(bytes(icc))))
    shown = ImageCms.profileToProfile(
        gradient(), ImageCms.ImageCmsProfile(io.BytesIO(bytes(icc))), ImageCms.createProfile("sRGB")
    )
    assert shown is not None
    assert difference(seen(path), gradient()) > 100
    assert difference(seen(path), shown) <= 3


def test_a_broken_profile_is_passed_over(tmp_path: Path) -> None:
    path = kept(tmp_path, with_boxes(jp2(gradient()), profile(b"\0" * 16 + b"RGB " + b"\0" * 200)))
    assert difference(seen(path), gradient()) == 0


def test_four_colours_may_be_those_of_print(tmp_path: Path) -> None:
    """Nothing but black ink, where transparency would have been."""
    inks = Image.merge("RGBA", [*(Image.new("L", SIZE, 0),) * 3, Image.linear_gradient("L").resize(SIZE)])
    path = kept(tmp_path, with_boxes(jp2(inks), colours(12)))
    assert not probe(path).has_alpha
    shown = seen(path)
    assert shown.mode == "RGB"
    above, below = shown.getpixel((5, 2)), shown.getpixel((5, SIZE[1] - 3))
    assert min(above) > 240  # type: ignore[type-var,arg-type]  # three numbers
    assert max(below) < 80  # type: ignore[type-var,arg-type]


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    values = b"".join((257 * (n % 256)).to_bytes(2, "little") for n in range(256 * 20))
    path = kept(tmp_path, jp2(Image.frombytes("I;16", (256, 20), values)))
    line = [seen(path).getpixel((x, 7)) for x in range(256)]
    assert line == list(range(256))


def test_white_is_white_also_of_one_bit(tmp_path: Path) -> None:
    # Without loss 127 and 128 are kept as -1 and 0, which of one bit are 0 and 1.
    content = bytearray(jp2(Image.linear_gradient("L").point(lambda v: 127 + (v > 100))))
    content[content.index(b"ihdr") + 14] = 0
    content[content.index(b"\xff\x51") + 40] = 0
    path = kept(tmp_path, bytes(content))
    assert jpeg2000.header(path).bits == 1
    assert seen(path).getextrema() == (0, 255)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    numbers = Image.new("L", SIZE, 0)
    numbers.paste(1, (0, 0, 100, 100))
    palette = box(b"pclr", struct.pack(">HB", 2, 3) + b"\7\7\7" + bytes((10, 20, 30, 200, 100, 50)))
    columns = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, n) for n in range(3)))
    path = kept(tmp_path, with_boxes(jp2(numbers), colours(16), palette, columns))
    shown = seen(path).convert("RGB")
    assert (shown.getpixel((5, 5)), shown.getpixel((300, 200))) == ((200, 100, 50), (10, 20, 30))
    assert not probe(path).has_alpha


def test_a_palette_may_be_small(tmp_path: Path) -> None:
    """Of sixteen colours, for which four bits are enough: without loss 120 is kept as -8, which is number 0."""
    numbers = Image.new("L", SIZE, 120)
    numbers.paste(123, (0, 0, 100, 100))
    content = bytearray(jp2(numbers))
    content[content.index(b"ihdr") + 14] = 3
    content[content.index(b"\xff\x51") + 40] = 3
    wheel = b"".join(bytes((n, 2 * n, 200)) if n in {0, 3} else bytes((99, 99, 99)) for n in range(16))
    palette = box(b"pclr", struct.pack(">HB", 16, 3) + b"\7\7\7" + wheel)
    columns = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, n) for n in range(3)))
    path = kept(tmp_path, with_boxes(bytes(content), colours(16), palette, columns))
    shown = seen(path).convert("RGB")
    assert (shown.getpixel((5, 5)), shown.getpixel((300, 200))) == ((3, 6, 200), (0, 0, 200))
    small = render(path, Rendering(width=SIZE[0] // 4, height=SIZE[1] // 4, format="png"), Shelf())
    colours_of_it = Image.open(io.BytesIO(small)).convert("RGB").getextrema()
    assert colours_of_it == ((0, 3), (0, 6), (200, 200))  # and none of another part of the palette


@pytest.mark.parametrize(
    "options", [{}, {"tile_size": (100, 70)}, {"irreversible": True, "quality_layers": [9, 3]}], ids=str
)
@pytest.mark.parametrize("missing", [1, 2, 10, 0.01, 0.5, 0.97, 0.999])
def test_one_that_ends_too_early_is_damaged(tmp_path: Path, missing: float, options: dict[str, Any]) -> None:
    content = jp2(gradient((900, 700)), **options)
    left = len(content) - (missing if isinstance(missing, int) else round(len(content) * missing))
    path = kept(tmp_path, content[:left])
    with pytest.raises(StackroomError) as refused:
        examine(path, tmp_path)
    assert refused.value.code == "damaged_image"


def test_what_only_begins_like_one_is_damaged(tmp_path: Path) -> None:
    whole = jp2(gradient())
    signature, rest = whole[:12], whole[12:]
    for content in (signature, signature + bytes(80), signature + box(b"jp2c", b"no"), signature + rest[:40]):
        with pytest.raises(StackroomError) as refused:
            examine(kept(tmp_path, content), tmp_path)
        assert refused.value.code == "damaged_image"


def test_more_colours_than_anybody_shows_are_refused(tmp_path: Path) -> None:
    content = bytearray(jp2(gradient()))
    at = content.index(b"\xff\x51") + 38
    content[at : at + 2] = struct.pack(">H", 7)
    with pytest.raises(StackroomError) as refused:
        examine(kept(tmp_path, bytes(content)), tmp_path)
    assert (refused.value.code, "7 components" in str(refused.value)) == ("unsupported_image", True)


def test_what_would_need_more_memory_than_there_is_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = jp2(gradient((1200, 900)))
    tiled = jp2(gradient((1200, 900)), tile_size=(256, 256))
    needed = 1200 * 900 * (4 + 3 * 5)

    def allow(most: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (most + memory.FOR_THE_REST, 0))

    allow(needed - 1)
    with pytest.raises(StackroomError) as refused:
        examine(kept(tmp_path, whole), tmp_path)
    assert refused.value.code == "image_needs_too_much_memory"
    assert examine(kept(tmp_path, tiled), tmp_path).probe.width == 1200
    allow(needed + len(whole))
    assert examine(kept(tmp_path, whole), tmp_path).probe.width == 1200


def test_a_pyramid_and_pieces_are_made_of_it(tmp_path: Path) -> None:
    path, out = kept(tmp_path, jp2(gradient((1500, 1100)))), tmp_path / "pyramid"
    assert make(path, out)
    piece = Box(700, 500, 300, 200)
    wanted = Rendering(region=piece, width=150, height=100, format="png")
    one, other = (Image.open(io.BytesIO(render(each, wanted, Shelf()))) for each in (path, out))
    expected = gradient((1500, 1100)).crop((700, 500, 1000, 700)).resize((150, 100), Image.Resampling.BOX)
    assert difference(one, expected) <= 3
    assert difference(other, expected) <= 8
