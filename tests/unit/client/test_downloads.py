"""A download is whole or not there, and goes on where it broke."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import NetworkError, NotFoundError
from stackroom.client.files import Arrival

from .fake_server import BrokenOff, FakeServer

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def image_id(server: FakeServer) -> str:
    server.dataset("depot")
    return str(server.image("depot", "a.jpg", content=CONTENT)["id"])


def half(**headers: str) -> httpx.Response:
    """An answer that breaks off after a third."""
    whole = {"Content-Length": str(len(CONTENT)), "ETag": '"v1"'} | headers
    return httpx.Response(200, stream=BrokenOff(CONTENT[:3000]), headers=whole)


def left(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


def test_the_bytes_arrive_in_folders_made_for_them(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    path = client.images.download(
        image_id, output_path=str(tmp_path / "a/b/photo.jpg"), progress=lambda *it: seen.append(it)
    )
    assert path == tmp_path / "a/b/photo.jpg"
    assert path.read_bytes() == CONTENT
    assert left(path.parent) == ["photo.jpg"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    headers = server.requests[0].headers
    assert (headers["X-API-Key"], headers["Accept-Encoding"]) == ("secret", "identity")
    assert "Range" not in headers


def test_a_name_may_be_as_long_as_files_can_have(client: Any, image_id: str, tmp_path: Path) -> None:
    name = "ü" * 125 + "a.jpg"  # 255 bytes
    assert client.images.download(image_id, tmp_path / name).read_bytes() == CONTENT
    assert left(tmp_path) == [name]


def test_a_broken_download_goes_on_where_it_broke(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    server.script.append(half())
    path = client.images.download(image_id, tmp_path / "photo.jpg")
    assert path.read_bytes() == CONTENT
    first, second = server.requests
    assert (second.headers["Range"], second.headers["If-Range"]) == ("bytes=3000-", '"v1"')
    assert "Range" not in first.headers


def test_a_file_that_has_changed_meanwhile_comes_from_the_start(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    server.script.append(half(ETag='"v0"'))
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT
    assert server.requests[1].headers["If-Range"] == '"v0"'


@pytest.mark.parametrize("headers", [{"ETag": 'W/"v1"'}, {"ETag": ""}])
def test_without_a_strong_tag_it_comes_from_the_start(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path, headers: dict[str, str]
) -> None:
    server.script.append(half(**headers))
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT
    assert "Range" not in server.requests[1].headers


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(416),
        lambda: httpx.Response(
            206, content=b"wrong", headers={"Content-Range": "bytes 7-11/12", "ETag": '"v1"'}
        ),
        lambda: httpx.Response(503),
    ],
)
def test_a_strange_answer_to_going_on_is_survived(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path, answer: Callable[[], httpx.Response]
) -> None:
    server.script += [half(), answer()]
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT


def test_an_answer_that_ends_too_soon_without_a_word_is_noticed(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    short = httpx.Response(200, content=CONTENT[:10], headers={"ETag": '"v1"'})
    short.headers["Content-Length"] = str(len(CONTENT))
    server.script.append(short)
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT
    assert server.requests[1].headers["Range"] == "bytes=10-"


def test_a_packed_answer_is_unpacked_and_never_gone_on_with(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    server.script.append(half(**{"Content-Encoding": "gzip"}))
    server.script[0].stream.content = b""
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT
    assert "Range" not in server.requests[1].headers


def test_when_patience_ends_nothing_is_left_behind(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    server.script += [half(), half(), half(), half()]
    with pytest.raises(NetworkError):
        client.images.download(image_id, tmp_path / "photo.jpg")
    assert len(server.requests) == 4
    assert left(tmp_path) == []


def test_a_refusal_leaves_an_older_file_alone(client: Any, server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("older")
    with pytest.raises(NotFoundError) as caught:
        client.images.download("nope", tmp_path / "photo.jpg")
    assert caught.value.request_id
    assert (tmp_path / "photo.jpg").read_text() == "older"
    assert left(tmp_path) == ["photo.jpg"]


def test_a_redirect_is_an_error_and_not_followed(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    server.script.append(httpx.Response(302, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(Exception, match="302"):
        client.images.download(image_id, tmp_path / "photo.jpg")
    assert left(tmp_path) == []


def test_a_mistake_in_the_callers_progress_leaves_nothing_behind(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    def mistaken(*_: object) -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        client.images.download(image_id, tmp_path / "photo.jpg", progress=mistaken)
    assert left(tmp_path) == []


def test_a_folder_in_the_files_place_is_told_before_any_request(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    with pytest.raises(IsADirectoryError):
        client.images.download(image_id, tmp_path)
    assert server.requests == []


def test_what_is_no_file_is_not_replaced_by_one(
    client: Any, server: FakeServer, image_id: str, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"  # a device would be gone in the same way, for the whole machine
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no file that could be replaced"):
        client.images.download(image_id, pipe)
    assert pipe.is_fifo()
    assert server.requests == []


def test_a_file_that_only_looks_like_one_on_its_way_is_left_alone(
    client: Any, image_id: str, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg.part").write_text("of somebody else")
    assert client.images.download(image_id, tmp_path / "photo.jpg").read_bytes() == CONTENT
    assert left(tmp_path) == ["photo.jpg", "photo.jpg.part"]
    assert (tmp_path / "photo.jpg.part").read_text() == "of somebody else"


def test_two_downloads_to_one_place_are_both_whole(tmp_path: Path) -> None:
    place = tmp_path / "photo.jpg"
    with Arrival(place) as first:
        first.write(CONTENT[:3000])
        with Arrival(place) as second:
            second.write(b"another")
        assert place.read_bytes() == b"another"
        first.write(CONTENT[3000:])
    assert place.read_bytes() == CONTENT
    assert left(tmp_path) == ["photo.jpg"]


def test_a_report_is_streamed_to_a_file(client: Any, server: FakeServer, tmp_path: Path) -> None:
    server.items["op-1"] = [{"position": 0, "id": "a"}]
    path = client.operations.report("op-1", tmp_path / "report.jsonl", outcome="failed")
    assert path.read_text() == '{"position": 0, "id": "a"}\n'
    assert server.requests[-1].url.query == b"format=jsonl&outcome=failed"
    client.operations.report("op-1", tmp_path / "report.csv", file_format="csv")
    assert (tmp_path / "report.csv").read_text() == "position,id\n"


def test_a_failed_download_is_retried_with_the_usual_pauses(
    make_client: Callable[..., Any], server: FakeServer, image_id: str, tmp_path: Path, clock: Any
) -> None:
    server.script += [httpx.Response(503, headers={"Retry-After": "5"}), httpx.ConnectError("x")]
    make_client().images.download(image_id, tmp_path / "photo.jpg")
    assert clock.pauses == [5, 2]
