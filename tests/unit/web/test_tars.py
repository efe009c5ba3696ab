"""Archives in the format of tape, made while they are sent."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from stackroom.web.shared.archives import ENOUGH, Entry
from stackroom.web.shared.tars import TarResponse, length_of, tarred


def entry(name: str, *pieces: bytes, size: int | None = None) -> Entry:
    length = sum(map(len, pieces)) if size is None else size
    return Entry(name=name, pieces=pieces, size=length, modified=1_700_000_000_000_000)


def test_what_went_in_comes_out() -> None:
    entries = [entry("a.jpg", b"1", b"23"), entry("empty"), entry("n" * 300 + "é.png", bytes(512))]
    made = b"".join(tarred(entries))
    with tarfile.open(fileobj=io.BytesIO(made), mode="r:") as archive:
        found = {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]  # all are files
        assert {each.mtime for each in archive.getmembers()} == {1_700_000_000}
    assert found == {"a.jpg": b"123", "empty": b"", "n" * 300 + "é.png": bytes(512)}
    assert len(made) == length_of(entries)


def test_a_large_file_is_never_held_whole() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(ENOUGH)

    large = Entry(name="large", pieces=pieces(), size=200 * ENOUGH, modified=0)
    parts = [len(part) for part in tarred([large])]
    assert max(parts) < 2 * ENOUGH + tarfile.RECORDSIZE
    assert sum(parts) == length_of([large])


def test_more_than_a_header_can_say_in_digits_is_said_otherwise() -> None:
    assert length_of([entry("huge", size=9 * 2**30)]) > 9 * 2**30


def test_a_file_that_is_not_as_long_as_announced_breaks_the_archive_off() -> None:
    with pytest.raises(OSError, match="short"):
        list(tarred([entry("short", b"1", size=2)]))


def test_the_length_is_told_before_the_first_byte() -> None:
    entries = [entry("a", b"1")]
    assert TarResponse("a.tar", entries).headers["content-length"] == str(length_of(entries))
