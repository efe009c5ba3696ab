"""Which bytes a Range header asks for."""

import asyncio
import tempfile
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.storage.blobstore import BlobStore, MissingBytes
from stackroom.storage.local import LocalStore
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
        ("Bytes=5-18446744073709551615", (5, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-5000", (0, 100)),
        (" bytes = 1 - 2 ", (1, 3)),
        ("bytes=99-", (99, 100)),
        ("bytes=100-", UNSATISFIABLE),
        ("bytes=18446744073709551615-", UNSATISFIABLE),
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


BEFORE, THEN, AFTER = (
    f"{day}, 22 Nov {year} 12:00:00 GMT" for day, year in (("Sat", 2025), ("Sun", 2026), ("Mon", 2027))
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": THEN}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-modified-since": AFTER, "if-none-match": '"another"'}, 200),
        ({"if-none-match": '"another", W/"tag"'}, 304),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": THEN}, 200),
        ({"if-unmodified-since": BEFORE, "if-match": '"tag"'}, 200),
        ({"if-match": '"another", "tag"'}, 200),
        ({"if-match": 'W/"tag"'}, 412),
        ({"if-match": "*"}, 200),
        ({"range": "bytes=1-2"}, 206),
        ({"range": "bytes=1-2", "if-range": THEN}, 206),
        ({"range": "bytes=1-2", "if-range": 'W/"tag"'}, 200),
    ],
)
def test_what_a_client_says_of_its_copy_decides(headers: dict[str, str], status: int) -> None:
    assert answered("GET", headers)[0] == status


def test_only_who_gets_bytes_gets_a_range_of_them() -> None:
    status, fields = answered("HEAD", {"range": "bytes=1-2"})
    assert (status, fields["content-length"]) == (200, "5")


def test_of_a_file_that_was_cut_short_no_status_is_sent_that_would_not_be_true(tmp_path: Path) -> None:
    store, sent = LocalStore(tmp_path), list[Any]()
    put_five_bytes(store)
    next(each for each in tmp_path.rglob("*") if each.is_file()).write_bytes(b"byt")
    with pytest.raises(MissingBytes, match="some are missing"):
        respond(store, "GET", {}, sent)
    assert not sent
    respond(store, "GET", {"range": "bytes=1-2"}, sent)
    assert (sent[0]["status"], sent[1]["body"]) == (206, b"yt")


def answered(method: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    store, sent = MemoryStore(), list[Any]()
    put_five_bytes(store)
    respond(store, method, headers, sent)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def put_five_bytes(store: BlobStore) -> None:
    with tempfile.NamedTemporaryFile() as source:
        source.write(b"bytes")
        source.flush()
        store.put("k", Path(source.name))


def respond(store: BlobStore, method: str, headers: dict[str, str], sent: list[Any]) -> None:
    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    modified = int(parsedate_to_datetime(THEN).timestamp()) * 1_000_000 + 999_999
    file = StoredFile(
        key="k", size=5, etag='"tag"', content_type="image/png", filename="a", modified=modified
    )
    scope = {
        "type": "http",
        "method": method,
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    asyncio.run(StoredFileResponse(store, file)(scope, receive, send))
