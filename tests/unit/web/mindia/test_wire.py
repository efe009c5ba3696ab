"""What the frame of the Mindia face makes of ids and queries."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.web.mindia.watching import MASKED, MAX_QUERY, masked
from stackroom.web.mindia.wire.base import parse_uuid


@given(st.uuids(), st.booleans())
def test_an_id_is_read_in_each_of_its_spellings(value: uuid.UUID, upper: bool) -> None:
    for spelled in (str(value), value.hex, value.urn, f"{{{value}}}"):
        assert parse_uuid(spelled.upper() if upper else spelled) == value.bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "0" * 31,
        "0" * 33,
        "{" + "0" * 32 + "}",
        "urn:uuid:" + "g" * 32,
        "00000000-0000-0000-000000000000-0000",
        "{00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000\n",
        "\u0660" * 32,
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert parse_uuid(text) is None


@given(st.text())
def test_nothing_else_breaks_reading_an_id(text: str) -> None:
    found = parse_uuid(text)
    assert found is None or len(found) == 16


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("limit=5&q=harbour", "limit=5&q=harbour"),
        ("token=abc&limit=5", f"token={MASKED}&limit=5"),
        ("API_KEY=1&x=2", f"API_KEY={MASKED}&x=2"),
        ("to%6Ben=abc", f"to%6Ben={MASKED}"),
        ("Authorization=Bearer%20x", f"Authorization={MASKED}"),
        ("token&secret", "token&secret"),
        ("my.password=&a=b=c", f"my.password={MASKED}&a=b=c"),
    ],
)
def test_values_that_sound_like_secrets_are_not_kept(query: str, kept: str) -> None:
    assert masked(query) == kept


def test_a_long_query_is_cut_after_its_secrets_are_out() -> None:
    kept = masked("a=" + "x" * MAX_QUERY + "&token=abc")
    assert len(kept) == MAX_QUERY
    assert "abc" not in masked("token=" + "abc" * MAX_QUERY)
