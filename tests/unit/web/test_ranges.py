"""Which bytes a Range header asks for."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.testing.memory_store import MemoryStore
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse, parse_range

UNSATISFIABLE = (0, 0)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=5-9", (5, 10)),
        ("bytes=5-5000", (5, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-5000", (0, 100)),
        (" bytes = 1 - 2 ", (1, 3)),
        ("bytes=99-", (99, 100)),
        ("bytes=100-", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_a_range_of_a_hundred_bytes(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


@given(
    header=st.text(max_size=30) | st.from_regex(r"bytes=\d{0,4}-\d{0,4}", fullmatch=True),
    size=st.integers(1, 5000),
)
def test_a_range_lies_within_the_file_whatever_is_asked(header: str, size: int) -> None:
    found = parse_range(header, size)
    assert found in {None, UNSATISFIABLE} or 0 <= found[0] < found[1] <= size


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a.png", "a.png"), ('a"b\\.png', "a_b_.png"), ("häfen\r\nX: 1.png", "h_fen__X: 1.png")],
)
def test_a_name_for_older_clients_stays_between_its_quotes(name: str, plain: str) -> None:
    file = StoredFile(
        key="k", size=1, etag='"e"', content_type="image/png", filename=name, modified=0, plain_name=True
    )
    said = StoredFileResponse(MemoryStore(), file)._fields(200, 0, 1)["content-disposition"]
    assert said == f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
