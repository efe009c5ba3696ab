"""Reading a form with a file in it, however it comes in and whatever is wrong with it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stackroom.errors import Invalid, StackroomError, TooLarge
from stackroom.ingest import gathering, multipart
from stackroom.ingest.multipart import AROUND_IT, Sent, receive
from stackroom.storage.staging import Staging

BOUNDARY = "xX-boundary-Xx"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
CONTENT = bytes(range(256)) * 3 + b"\r\n--xX-boundary-X\r\n" + b"\r" * 70  # nearly an end, many times over


def part(
    content: bytes = CONTENT, name: str = "file", more: str = '; filename="a.png"', kind: str = ""
) -> bytes:
    said = f'Content-Disposition: form-data; name="{name}"{more}\r\n'
    return f"--{BOUNDARY}\r\n{said}{kind or 'Content-Type: image/png'}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read(
    folder: Path, body: bytes, *, content_type: str = TYPE, size: int = 2**16, limit: int = 2**20
) -> tuple[Sent, bytes]:
    async def stream() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    with Staging(folder, 2**30).receive() as arrival:
        sent = asyncio.run(receive(stream(), content_type, arrival, limit=limit))
        staged = arrival.finish()
        content = staged.path.read_bytes()
        assert staged.sha256 == hashlib.sha256(content).digest()
        return sent, content


def refusal(folder: Path, body: bytes, **how: object) -> StackroomError:
    with pytest.raises(StackroomError) as refused:
        read(folder, body, **how)
    return refused.value


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, 2**20])
def test_a_file_comes_in_whole_in_whatever_pieces_it_is_sent(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PIECE", size)  # so that the parser sees pieces of that size as well
    body = form(part(b"noise", "other", more=""), part(), part(b"more noise", "later", more=""))
    assert read(tmp_path, body, size=size) == (Sent("a.png", "image/png"), CONTENT)


def test_a_name_may_be_in_any_letters(tmp_path: Path) -> None:
    sent, _ = read(tmp_path, form(part().replace(b'"a.png"', '"Häfen 港.png"'.encode())))
    assert sent.filename == "Häfen 港.png"


def test_a_name_may_be_given_in_the_way_of_other_headers(tmp_path: Path) -> None:
    extended = "; filename*=utf-8''H%C3%A4fen%20%E6%B8%AF.png"
    assert read(tmp_path, form(part(more=extended)))[0].filename == "Häfen 港.png"
    assert read(tmp_path, form(part(more=f'; filename="a.png"{extended}')))[0].filename == "a.png"


def test_what_is_not_said_is_not_made_up(tmp_path: Path) -> None:
    sent, content = read(tmp_path, form(part(b"", more="", kind="X-Nothing: 1")))
    assert sent == Sent(None, None)
    assert content == b""


def test_a_file_of_just_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert read(tmp_path, form(part(b"x" * 5000)), limit=5000)[1] == b"x" * 5000
    assert isinstance(refusal(tmp_path, form(part(b"x" * 5001)), limit=5000), TooLarge)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(part(), part()), "several_files"),
        (form(part(name="picture")), "no_file"),
        (form(), "no_file"),
        (b"", "incomplete_upload"),
        (form(part())[:-40], "incomplete_upload"),
        (form(part())[:60], "incomplete_upload"),
        (b"no form at all", "malformed_form"),
        (form(part()).replace(b"Content-Disposition: ", b"Content Disposition\x00: "), "malformed_form"),
    ],
)
def test_what_is_no_form_with_one_file_is_refused(tmp_path: Path, body: bytes, code: str) -> None:
    error = refusal(tmp_path, body)
    assert isinstance(error, Invalid)
    assert error.code == code


@pytest.mark.parametrize(
    "content_type", ["", "multipart/form-data", "application/json", f"multipart/mixed; boundary={BOUNDARY}"]
)
def test_what_is_not_said_to_be_a_form_is_refused(tmp_path: Path, content_type: str) -> None:
    assert refusal(tmp_path, form(part()), content_type=content_type).code == "not_a_form"


def test_other_fields_may_not_be_of_any_size(tmp_path: Path) -> None:
    noise = form(part(b"x" * (AROUND_IT + 1), "other", more=""), part())
    assert isinstance(refusal(tmp_path, noise), TooLarge)


def test_nor_may_what_follows_the_end(tmp_path: Path) -> None:
    assert read(tmp_path, form(part()) + bytes(AROUND_IT // 2))[1] == CONTENT
    assert isinstance(refusal(tmp_path, form(part()) + bytes(AROUND_IT)), TooLarge)


def test_a_form_that_is_refused_is_read_on_so_that_its_sender_hears_of_it(tmp_path: Path) -> None:
    taken = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal taken
        for piece in [form(part(), part()), *[bytes(2**20)] * 5]:
            taken += len(piece)
            yield piece

    with Staging(tmp_path, 2**30).receive() as arrival, pytest.raises(Invalid):
        asyncio.run(receive(stream(), TYPE, arrival, limit=2**20))
    assert taken > 5 * 2**20


def test_nobody_reads_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "STILL_READ", 3 * 2**20)

    async def stream() -> AsyncIterator[bytes]:
        yield form(part(), part())
        while True:
            yield bytes(2**20)

    with Staging(tmp_path, 2**30).receive() as arrival, pytest.raises(Invalid):
        asyncio.run(receive(stream(), TYPE, arrival, limit=2**20))
