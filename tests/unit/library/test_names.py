"""What a name may be, and what becomes of one that is taken."""

import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stackroom.errors import Invalid
from stackroom.library.names import (
    MAX_NAME,
    Namer,
    ancestors,
    clean_dataset_name,
    clean_name,
    clean_path,
    last_part,
    numbered,
    parent,
    split_name,
)

any_name = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\"), min_size=1, max_size=300
)


@pytest.mark.parametrize(
    "name", ["a.jpg", " a ", "é", "a\u200bb", "日本.png", "...", "x" * 255, "con", "a:b?*"]
)
def test_a_name_is_kept_as_it_was_given(name: str) -> None:
    assert clean_name(name) == name


def test_a_composed_and_a_decomposed_letter_are_one_name() -> None:
    assert clean_name("e\u0301.jpg") == clean_name("\u00e9.jpg") == "\u00e9.jpg"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is not a name"),
        (".", "is not a name"),
        ("..", "is not a name"),
        ("a/b", "contains a slash"),
        ("a\\b", "contains a slash"),
        ("x" * 256, "is longer than 255"),
        ("a\0b", "contains control characters"),
        ("a\nb", "contains control characters"),
        ("a\ud800b", "contains control characters"),
    ],
)
def test_a_name_that_no_folder_can_hold_is_refused(name: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        clean_name(name)
    assert refused.value.code == "invalid_name"
    assert refused.value.message.isprintable()


def test_a_refusal_cuts_a_long_name_short() -> None:
    with pytest.raises(Invalid) as refused:
        clean_name("x" * 5_000)
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("cars", "/cars"),
        ("/cars/", "/cars"),
        ("//cars///red", "/cars/red"),
        ("/e\u0301", "/\u00e9"),
        ("/ a /b c", "/ a /b c"),
    ],
)
def test_a_path_has_one_spelling(path: str, clean: str) -> None:
    assert clean_path(path) == clean
    assert clean_path(clean) == clean


@pytest.mark.parametrize(
    "path",
    ["/a/../b", "..", "/a" * 500, "/./a", "a\\b", "/a\0", "/a\tb", "/" + "x" * 256, "/a" * 600, "/a\ud800"],
)
def test_a_path_that_names_no_folder_is_refused(path: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_path(path)
    assert refused.value.code == "invalid_path"


def test_a_datasets_name_is_trimmed() -> None:
    assert clean_dataset_name("  cars  ") == "cars"


@pytest.mark.parametrize(
    "name", ["", "   ", ".", " .. ", "a/b", "x" * 256, "a\0", "0190A000-0000-7000-8000-000000000000"]
)
def test_a_name_that_no_dataset_can_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_dataset_name(name)
    assert refused.value.code == "invalid_name"


def test_a_path_knows_what_is_above_it() -> None:
    assert ancestors("/") == ["/"]
    assert ancestors("/a/b") == ["/", "/a", "/a/b"]
    assert (parent("/a/b"), parent("/a"), last_part("/a/b")) == ("/a", "/", "b")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.jpg", ("a", ".jpg")),
        ("a.tar.gz", ("a.tar", ".gz")),
        ("a", ("a", "")),
        (".bashrc", (".bashrc", "")),
        ("a.", ("a", ".")),
        ("...", ("..", ".")),
        ("a. " + "x" * 40, ("a. " + "x" * 40, "")),
    ],
)
def test_a_number_goes_before_the_last_extension(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


def test_a_number_that_is_there_already_is_part_of_the_name() -> None:
    assert numbered("a-2.jpg", 2) == "a-2-2.jpg"


def test_free_names_are_the_first_that_are_free() -> None:
    namer = Namer({"a-2.jpg", "a-4.jpg"}, 2)
    assert [namer.free("a.jpg") for _ in range(3)] == ["a-3.jpg", "a-5.jpg", "a-6.jpg"]
    assert namer.free("a") == "a-2"


def test_numbers_go_on_past_nine() -> None:
    namer = Namer((), 1)
    assert [namer.free("a.jpg") for _ in range(1_001)][-1] == "a-1001.jpg"
    assert namer.free("b.jpg") == "b-1.jpg"


@given(
    st.lists(
        st.sampled_from(["a.jpg", "a-1.jpg", "a", "n" * 255, "n" * 254 + "m", "n" * 250 + ".jpg"]),
        max_size=40,
    )
)
def test_no_name_is_handed_out_twice(names: list[str]) -> None:
    """And each is the first free one, as counting from the beginning every time would find it."""
    taken = {"a-1.jpg", "a-2"}
    namer, slow = Namer(taken, 1), set(taken)
    for name in names:
        number = 1
        while numbered(name, number) in slow:
            number += 1
        assert namer.free(name) == numbered(name, number)
        slow.add(numbered(name, number))


@given(any_name, st.integers(1, 10**9))
def test_a_numbered_name_is_a_name(raw: str, number: int) -> None:
    try:
        name = clean_name(raw)
    except Invalid:
        return
    made = numbered(name, number)
    assert made != name
    assert len(made) <= MAX_NAME
    assert clean_name(made) == made


@pytest.mark.parametrize("name", ["a.jpg", "n" * 255, "n" * 250 + ".jpg"])
def test_ten_thousand_of_one_name_take_linear_time(name: str) -> None:
    begun = time.process_time()
    namer = Namer((), 1)
    assert len({namer.free(name) for _ in range(10_000)}) == 10_000
    assert time.process_time() - begun < 1


def test_ten_thousand_long_names_that_begin_alike_take_linear_time() -> None:
    begun = time.process_time()
    namer = Namer((), 1)
    assert len({namer.free("n" * 250 + f"{number:05}") for number in range(10_000)}) == 10_000
    assert time.process_time() - begun < 1
