"""Identifiers: made in order, read in either case, and never guessed from what is not one."""

import time
import uuid

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stackroom import ids

WELL_FORMED = "0190a000-0000-7000-8000-00000000abcd"
ALMOST = [
    "",
    "no id",
    WELL_FORMED[:-1],
    WELL_FORMED + "0",
    WELL_FORMED.replace("-", ""),
    "{" + WELL_FORMED + "}",
    "urn:uuid:" + WELL_FORMED,
    WELL_FORMED + "\n",
    " " + WELL_FORMED[1:],
    WELL_FORMED.replace("a", "g"),
    WELL_FORMED.replace("0", "\u0660"),
    WELL_FORMED.replace("0000-7", "000-07"),
    "0190a000-0000-7000-8000-0000000 abcd",
    "0190a000,0000-7000-8000-00000000abcd",
]
any_text = st.one_of(
    st.uuids().map(str), st.uuids().map(lambda it: str(it).upper()), st.sampled_from(ALMOST), st.text()
)


def test_an_id_is_a_uuid_of_version_seven() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.uuid(ids.new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("count", [0, 1, 2, 17, 4_096, 262_144])
def test_a_block_of_ids_ascends_and_all_are_of_version_seven(count: int) -> None:
    block = ids.new_block(count)
    assert len(block) == 16 * count
    made = [block[n : n + 16] for n in range(0, len(block), 16)]
    assert made == sorted(set(made))
    assert {(ids.uuid(each).version, ids.uuid(each).variant) for each in made} <= {(7, uuid.RFC_4122)}


def test_two_blocks_made_at_once_share_nothing() -> None:
    one, other = ids.new_block(1_000), ids.new_block(1_000)
    assert ids.all_differ(one + other)


@given(st.lists(st.uuids(), max_size=50).flatmap(lambda some: st.permutations([*some, *some[:9]])))
def test_ids_are_put_in_order_and_found_where_they_were(given_ids: list[uuid.UUID]) -> None:
    packed = b"".join(each.bytes for each in given_ids)
    block, places = ids.ascending(packed)
    ordered = [block[n : n + 16] for n in range(0, len(block), 16)]
    assert ordered == sorted(each.bytes for each in given_ids)
    assert sorted(places) == list(range(len(given_ids)))
    assert [given_ids[place].bytes for place in places] == ordered


@given(st.uuids())
def test_an_id_is_read_as_it_is_written(made: uuid.UUID) -> None:
    assert ids.text(made.bytes) == str(made)
    assert ids.parse(str(made)) == ids.parse(str(made).upper()) == made.bytes
    assert ids.uuid(made.bytes) == made


@pytest.mark.parametrize("value", ALMOST)
def test_what_is_almost_an_id_is_none(value: str) -> None:
    assert ids.parse(value) is None
    assert not ids.looks_like_id(value)


@given(st.lists(any_text, max_size=12))
def test_many_are_read_as_one_by_one(values: list[str]) -> None:
    expected = [ids.parse(each) for each in values]
    assert ids.parse_many(values) == expected
    packed = ids.pack(values)
    if None in expected:
        assert packed is None
    elif values:
        assert packed == b"".join(each for each in expected if each is not None)


@given(st.lists(st.sampled_from(list("ab")), max_size=4))
def test_it_is_noticed_whether_all_differ(letters: list[str]) -> None:
    packed = b"".join(each.encode() * 16 for each in letters)
    assert ids.all_differ(packed) == (len(set(letters)) == len(letters))


def test_many_ids_are_written_as_one_by_one() -> None:
    made = [ids.new() for _ in range(50)]
    assert ids.texts(b"".join(made)) == [ids.text(each) for each in made]
    assert ids.texts(b"") == []


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("1" * 19, None), ("7" * 5000, None)]
    + [(value, None) for value in ("", "-1", "+1", " 1", "1.0", "1e3", "1_0", "²", "٣", "0x1")],
)
def test_a_number_is_written_in_digits_and_fits_in_a_database(value: str, number: int | None) -> None:
    assert ids.number(value) == number
