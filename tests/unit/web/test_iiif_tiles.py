"""Pictures that were lately sent are kept, as many as there is room for."""

from stackroom.media.rendering import Rendering
from stackroom.web.iiif.images import Tiles


def of(width: int) -> Rendering:
    return Rendering(width=width, height=1)


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    tiles = Tiles(most=30, largest=10)
    for width in (1, 2, 3):
        tiles.keep("key", of(width), bytes(10))
    assert tiles.get("key", of(1)) == bytes(10)
    tiles.keep("key", of(4), bytes(10))
    assert [tiles.get("key", of(width)) is not None for width in (1, 2, 3, 4)] == [True, False, True, True]


def test_what_is_kept_never_has_more_bytes_than_there_is_room_for() -> None:
    tiles = Tiles(most=100, largest=40)
    for width in range(1, 200):
        tiles.keep("key", of(width), bytes(width % 40 + 1))
        tiles.keep("key", of(width), bytes(width % 40 + 1))
        assert sum(map(len, tiles._kept.values())) == tiles._held <= 100


def test_a_large_picture_is_not_kept_and_images_are_told_apart() -> None:
    tiles = Tiles(most=100, largest=40)
    tiles.keep("key", of(1), bytes(41))
    tiles.keep("key", of(2), b"one")
    tiles.keep("other", of(2), b"two")
    assert (tiles.get("key", of(1)), tiles.get("key", of(2)), tiles.get("other", of(2))) == (
        None,
        b"one",
        b"two",
    )
