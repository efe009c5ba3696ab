"""Fingerprints: what is the same picture to the eye, and what is not."""

import asyncio
import io
import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from stackroom.errors import UnsupportedMedia
from stackroom.media import images
from stackroom.media.fingerprint import SIZE
from stackroom.media.studio import Studio
from stackroom.testing.pictures import FORMATS, picture

ALIKE = 0.92


def a_scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Thirty blots on a ground, not quite sharp: as uneven as a photograph."""
    chance = random.Random(seed)

    def colour() -> tuple[int, ...]:
        return tuple(chance.randrange(256) for _ in range(3))

    scene = Image.new("RGB", size, colour())
    for _ in range(30):
        x, y, w, h = (chance.randrange(limit) for limit in (*size, 200, 200))
        ImageDraw.Draw(scene).ellipse((x - w, y - h, x + w, y + h), fill=colour())
    return scene.filter(ImageFilter.GaussianBlur(2))


@pytest.fixture
def look(tmp_path: Path) -> "Look":
    return Look(tmp_path)


class Look:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def at(self, scene: Image.Image, kind: str = "png", **options: object) -> int:
        file = io.BytesIO()
        scene.save(file, kind, **options)
        return self.at_bytes(file.getvalue())

    def at_bytes(self, content: bytes) -> int:
        path = self.folder / "arrival"
        path.write_bytes(content)
        seen = images.examine(path, self.folder).fingerprint
        assert len(seen) == SIZE == 32
        return int.from_bytes(seen)


def similarity(one: int, other: int) -> float:
    return 1 - (one ^ other).bit_count() / 256


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_that_was_scaled_or_encoded_anew_is_alike(seed: int, look: Look) -> None:
    scene = a_scene(seed)
    seen = look.at(scene)
    versions = {
        "as a JPEG": look.at(scene, "jpeg", quality=75),
        "as a poor JPEG": look.at(scene, "jpeg", quality=15),
        "halved, as WebP": look.at(scene.resize((320, 240)), "webp"),
        "enlarged": look.at(scene.resize((1500, 1125)), "jpeg"),
        "very small": look.at(scene.resize((100, 75))),
        "darker": look.at(scene.point(lambda level: level * 0.85)),
        "grey": look.at(scene.convert("L")),
    }
    assert {
        name: round(similarity(seen, it), 3) for name, it in versions.items() if similarity(seen, it) < ALIKE
    } == {}


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_that_was_turned_or_mirrored_is_not(seed: int, look: Look) -> None:
    scene = a_scene(seed)
    seen = look.at(scene)
    for turned in (
        scene.rotate(90, expand=True),
        scene.rotate(180),
        scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    ):
        assert similarity(seen, look.at(turned)) < 0.75


def test_pictures_of_different_things_are_well_below(look: Look) -> None:
    seen = [look.at(a_scene(seed)) for seed in range(12)]
    assert max(similarity(one, other) for n, one in enumerate(seen) for other in seen[:n]) < 0.7


def test_a_fence_a_horizon_and_an_empty_page_are_three_pictures(look: Look) -> None:
    width, height = 320, 240
    fence = Image.linear_gradient("L").rotate(90).resize((width, height))
    horizon = Image.linear_gradient("L").resize((width, height))
    seen = [look.at(each) for each in (fence, horizon, Image.new("L", (width, height), 128))]
    assert max(similarity(seen[a], seen[b]) for a, b in ((0, 1), (0, 2), (1, 2))) < 0.7


def test_noise_that_nobody_sees_leaves_an_empty_page_empty(look: Look) -> None:
    page = Image.effect_noise((300, 200), 1.5).point(lambda level: 120 + (level - 128) // 4)
    assert similarity(look.at(page), look.at(Image.new("L", (300, 200), 120))) >= 0.98


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kept_format_has_the_same_fingerprint(kind: str, look: Look) -> None:
    assert similarity(look.at_bytes(picture(kind, 640, 480)), look.at_bytes(picture("png", 640, 480))) >= 0.98


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_taken_of_the_picture_as_it_is_seen(orientation: int, look: Look) -> None:
    upright = Image.open(io.BytesIO(picture("png", 80, 40)))
    turned = {
        3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90,
        2: Image.Transpose.FLIP_LEFT_RIGHT, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 7: Image.Transpose.TRANSVERSE,
    }  # fmt: skip  # one orientation and its turn after the other
    shown = upright if orientation == 1 else upright.transpose(turned[orientation])
    stored = picture("jpeg", 80, 40, orientation=orientation)
    assert similarity(look.at_bytes(stored), look.at(shown)) >= 0.98


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 400), (3, 2), (4000, 3)])
def test_any_shape_has_one(width: int, height: int, look: Look) -> None:
    look.at_bytes(picture("png", width, height))


def test_a_picture_of_sixteen_bits_has_the_same(look: Look) -> None:
    scene = a_scene(3).convert("L")
    deep = scene.convert("I").point(lambda level: level * 257)
    assert similarity(look.at(deep.convert("I;16")), look.at(scene)) >= 0.98


def test_what_is_transparent_counts_as_white(look: Look) -> None:
    scene = a_scene(1).convert("RGBA")
    scene.putalpha(0)
    assert look.at(scene) == look.at(Image.new("RGB", scene.size, "white"))


def test_an_image_that_came_in_earlier_gets_the_same(tmp_path: Path) -> None:
    path = tmp_path / "arrival"
    path.write_bytes(picture("jpeg", 640, 480, seed=77))

    async def body() -> None:
        async with Studio(processes=1) as studio:
            seen = await studio.examine(path, tmp_path)
            assert await studio.fingerprint(path) == seen.fingerprint
            path.write_bytes(b"\xff\xd8\xff\xe0 and no more")
            with pytest.raises(UnsupportedMedia):
                await studio.fingerprint(path)

    asyncio.run(body())
