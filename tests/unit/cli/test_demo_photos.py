"""The photographs of the demonstration: real ones, free to pass on, and different pieces of them."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

import stackroom.cli
from stackroom.errors import UnsupportedMedia
from stackroom.media.crops import cut, plan
from stackroom.testing.pictures import picture

PHOTOS = Path(stackroom.cli.__file__).parent / "demo_photos"


def test_every_photograph_has_its_licence_and_they_are_small() -> None:
    found = sorted(PHOTOS.glob("*.jpg"))
    licences = (PHOTOS / "LICENCES.md").read_text()
    assert len(found) >= 5
    assert [each.name for each in found if f"`{each.name}`" not in licences] == []
    assert sum(each.stat().st_size for each in found) < 500_000


def test_no_two_pieces_are_alike(tmp_path: Path) -> None:
    targets = [tmp_path / f"{n}.jpg" for n in range(20)]
    cut(PHOTOS / "cat.jpg", targets)
    assert len({hashlib.sha256(each.read_bytes()).digest() for each in targets}) == 20
    assert all(each.read_bytes().startswith(b"\xff\xd8\xff") for each in targets)


def test_the_same_seed_gives_the_same_pieces() -> None:
    targets = [Path(f"{n}.jpg") for n in range(50)]
    assert plan((640, 427), targets, seed=3) == plan((640, 427), targets, seed=3)
    assert plan((640, 427), targets, seed=3) != plan((640, 427), targets, seed=4)


def test_a_piece_lies_within_its_photograph() -> None:
    for crop in plan((640, 427), [Path(f"{n}.jpg") for n in range(500)], seed=1):
        left, upper, right, lower = crop.box
        assert 0 <= left < right <= 640
        assert 0 <= upper < lower <= 427


def test_a_turned_photograph_is_cut_upright(tmp_path: Path) -> None:
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(picture(width=400, height=100, orientation=6))
    cut(turned, [tmp_path / "piece.jpg"])
    with Image.open(tmp_path / "piece.jpg") as piece:
        assert piece.width <= 100
        assert piece.height >= 0.45 * 400 - 1


def test_what_is_no_photograph_is_said_to_be_none(tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(b"no picture")
    with pytest.raises(UnsupportedMedia, match="cannot be read"):
        cut(other, [tmp_path / "piece.jpg"])
