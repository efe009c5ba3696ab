"""Archives that are made while they are sent."""

import asyncio
import io
from typing import Any
from zipfile import ZipFile

import pytest

from stackroom.web.shared.archives import ENOUGH, Entry
from stackroom.web.shared.zips import ZipResponse, zipped


def opened(content: bytes) -> ZipFile:
    archive = ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def entry(name: str, pieces: Any, size: int) -> Entry:
    return Entry(name=name, pieces=pieces, size=size, modified=1_700_000_000_000_000)


def test_an_archive_is_made_piece_by_piece() -> None:
    """As much is held as one piece and a little more, however large the file."""
    piece = bytes(ENOUGH)
    longest = 0
    made = bytearray()
    for part in zipped(
        [entry("large", (piece for _ in range(200)), 200 * len(piece)), entry("s", [b"s"], 1)]
    ):
        longest = max(longest, len(part))
        made += part
    assert longest < 2 * ENOUGH
    archive = opened(bytes(made))
    assert [(each.filename, each.file_size) for each in archive.infolist()] == [
        ("large", 200 * ENOUGH),
        ("s", 1),
    ]


def test_an_archive_that_nobody_reads_to_its_end_reads_no_further() -> None:
    taken = []

    def pieces() -> Any:
        for number in range(1_000):
            taken.append(number)
            yield bytes(ENOUGH)

    made = zipped([entry("large", pieces(), 1_000 * ENOUGH)])
    next(made)
    made.close()
    assert len(taken) < 5


def test_a_file_that_breaks_off_breaks_the_archive_off() -> None:
    def pieces() -> Any:
        yield bytes(ENOUGH)
        raise OSError("the disk is gone")

    made = zipped([entry("large", pieces(), 2 * ENOUGH)])
    next(made)
    with pytest.raises(OSError, match="the disk is gone"):
        list(made)


class Pieces:
    """As a store lends them: they must be given back."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.closed = False

    def __iter__(self) -> "Pieces":
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self.closed = True


def answered(method: str, *pieces: Pieces, give_up_after: int = 10**6) -> bytes:
    """What is sent to a client, which hangs up after so many messages."""
    body = bytearray()
    messages = 0

    async def send(message: Any) -> None:
        nonlocal messages
        messages += 1
        if messages > give_up_after:
            raise ConnectionResetError
        body.extend(message.get("body", b""))

    async def receive() -> Any:
        await asyncio.Event().wait()

    entries = [entry(str(number), each, 1) for number, each in enumerate(pieces)]
    asyncio.run(ZipResponse("a.zip", entries)({"type": "http", "method": method}, receive, send))
    return bytes(body)


def test_what_was_lent_is_given_back_whatever_happens() -> None:
    first, second = Pieces(b"1"), Pieces(b"2")
    assert opened(answered("GET", first, second)).namelist() == ["0", "1"]
    assert (first.closed, second.closed) == (True, True)
    unwanted = Pieces(b"1")
    assert answered("HEAD", unwanted) == b""
    assert unwanted.closed
    first, second = Pieces(bytes(ENOUGH), bytes(ENOUGH)), Pieces(b"2")
    with pytest.raises(ConnectionResetError):
        answered("GET", first, second, give_up_after=2)
    assert (first.closed, second.closed) == (True, True)
