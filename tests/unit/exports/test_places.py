"""Where images go in a zip: safe for any disk, and never two in one place."""

import pytest

from stackroom import ids
from stackroom.exports.places import MAX_PART, Layout, Places, beside, safe

PLAIN = Layout()
WITH_LABELS = Layout(beside=".txt", reserved=frozenset({"images"}))


def given(*images: tuple[str, str], layout: Layout = PLAIN, part: str = "") -> list[str]:
    places = Places(layout)
    return [places.give(part, folder, name, ids.new()) for folder, name in images]


def test_an_image_keeps_its_folder_and_its_name() -> None:
    assert given(("/", "a.jpg"), ("/cars/red", "a.jpg"), ("/cars", "ä b.jpg")) == [
        "a.jpg",
        "cars/red/a.jpg",
        "cars/ä b.jpg",
    ]


def test_one_name_may_be_in_several_parts() -> None:
    places = Places(PLAIN)
    assert [places.give(part, "/", "a.jpg", ids.new()) for part in ("train/", "valid/")] == ["a.jpg"] * 2


@pytest.mark.parametrize(
    ("first", "second", "layout"),
    [
        (("/", "A.jpg"), ("/", "a.jpg"), PLAIN),  # one file on a disk that knows no case
        (("/Cars", "a.jpg"), ("/cars", "a.jpg"), PLAIN),
        (("/", "a:b.jpg"), ("/", "a?b.jpg"), PLAIN),  # both become a_b.jpg
        (("/", "a.jpg"), ("/", "a.png"), WITH_LABELS),  # both have the label a.txt
        (("/", "a.jpg"), ("/", "a.jpg"), PLAIN),  # moved there after the first was read
    ],
)
def test_whoever_comes_second_gets_a_part_of_its_id(
    first: tuple[str, str], second: tuple[str, str], layout: Layout
) -> None:
    one, other = given(first, second, layout=layout)
    assert one.casefold() != other.casefold()
    assert len({beside(it, ".txt").casefold() for it in (one, other)}) == 2


def test_images_that_differ_in_their_extension_alone_are_no_collision_without_labels() -> None:
    assert given(("/", "a.jpg"), ("/", "a.png")) == ["a.jpg", "a.png"]


def test_a_file_and_a_folder_of_one_name_do_not_meet() -> None:
    file_first = given(("/", "red"), ("/red", "1.jpg"))
    assert file_first == ["red", "red_/1.jpg"]
    folder_first = given(("/red", "1.jpg"), ("/", "red"))
    assert folder_first[0] == "red/1.jpg"
    assert folder_first[1].startswith("red-")


def test_a_folder_that_readers_would_stumble_over_gets_another_name() -> None:
    assert given(("/images/a", "1.jpg"), layout=WITH_LABELS) == ["images_/a/1.jpg"]
    assert given(("/images/a", "1.jpg")) == ["images/a/1.jpg"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ('<a>:"b"|?*.jpg', "_a___b____.jpg"),
        ("a.jpg.", "a.jpg._"),
        ("a ", "a _"),
        ("con", "con_"),
        ("COM1.jpg", "COM1.jpg_"),
        ("console.jpg", "console.jpg"),
        ("..a", "..a"),
    ],
)
def test_a_name_is_made_safe(name: str, expected: str) -> None:
    assert safe(name) == expected


@pytest.mark.parametrize("name", ["x" * 255 + ".jpg", "ü" * 250 + ".jpg", "ü" * 255, "a." + "e" * 250])
def test_a_long_name_is_cut_and_stays_its_own(name: str) -> None:
    made = safe(name)
    assert len(made.encode()) <= MAX_PART
    assert made != safe(name.replace("x", "y", 1) if "x" in name else "z" + name)
    assert made == safe(name)


def test_a_dozen_of_one_name_all_have_a_place() -> None:
    places = given(*[("/", "a.jpg")] * 12, layout=WITH_LABELS)
    assert len(set(places)) == 12


def test_even_one_image_again_and_again_has_a_place_each_time() -> None:
    places, uuid = Places(WITH_LABELS), ids.new()
    assert len({places.give("", "/", "a.jpg", uuid) for _ in range(20)}) == 20
