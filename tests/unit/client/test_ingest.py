"""Batches: what is asked for, how one is followed, and what folders and manifests are read as."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import BatchState, InvalidArgument, PollTimeoutError
from stackroom.client.arrivals import from_folder, from_manifest

from .conftest import StillClock
from .fake_server import NOW, FakeServer

BATCH = {"id": "b1", "number": 41, "state": "running", "count": 3, "pending": 3, "created_at": NOW}
OVER = {**BATCH, "state": "finished", "pending": 0, "completed": 2, "errors": 1, "finished_at": NOW}
ITEM = {"position": 2, "state": "failed", "origin": "https://a.example/1.jpg", "code": "origin_not_found"}


def answers(server: FakeServer, *bodies: Any) -> None:
    server.script.extend(httpx.Response(200, json=body) for body in bodies)


def asked(server: FakeServer) -> tuple[str, str]:
    last = server.requests[-1]
    return last.method, last.url.raw_path.decode()


def test_a_batch_is_submitted_with_what_is_known_of_each_item(client: Any, server: FakeServer) -> None:
    answers(server, BATCH)
    made = client.ingest.submit(
        "quay",
        ["https://a.example/1.jpg", {"origin": "s3://b/2.tif", "key": "leaf-2", "tags": ["vol1"]}],
        folder="/in",
        name="first",
        priority=True,
        idempotency_key="once",
    )
    assert (made.number, made.state, made.is_over) == (41, BatchState.RUNNING, False)
    assert asked(server) == ("POST", "/library/v1/batches")
    assert server.requests[-1].headers["Idempotency-Key"] == "once"
    assert json.loads(server.requests[-1].content) == {
        "dataset": "quay",
        "items": [
            {"origin": "https://a.example/1.jpg"},
            {"origin": "s3://b/2.tif", "key": "leaf-2", "tags": ["vol1"]},
        ],
        "folder": "/in",
        "name": "first",
        "priority": "priority",
    }


@pytest.mark.parametrize("nothing", [[], (), iter([]), "https://a.example/1.jpg"])
def test_nothing_and_one_string_are_refused_without_a_request(
    client: Any, server: FakeServer, nothing: Any
) -> None:
    with pytest.raises(InvalidArgument):
        client.ingest.submit("quay", nothing)
    assert server.requests == []


def test_batches_and_items_are_read_to_their_end(client: Any, server: FakeServer) -> None:
    answers(server, {"batches": [BATCH, OVER], "next": "c2"}, {"batches": [OVER], "next": None})
    assert [each.is_over for each in client.ingest.iter(which="active", page_size=2)] == [False, True, True]
    assert asked(server) == ("GET", "/library/v1/batches?which=active&cursor=c2&limit=2")
    answers(server, {"items": [ITEM], "next": 2}, {"items": [], "next": None})
    assert [each.code for each in client.ingest.items(41, state="failed")] == ["origin_not_found"]
    assert asked(server) == ("GET", "/library/v1/batches/41/items?state=failed&after=2&limit=1000")


def test_watching_tells_each_state_and_ends_with_the_last(
    client: Any, server: FakeServer, clock: StillClock
) -> None:
    answers(server, BATCH, {**BATCH, "pending": 1, "completed": 2}, OVER)
    seen: list[int] = []
    done = client.ingest.watch("b1", lambda it: seen.append(it.pending))
    assert (done.errors, done.success, seen) == (1, False, [3, 1, 0])
    assert clock.pauses == pytest.approx([0.2, 0.3])
    assert client.ingest.wait(done) == done
    assert len(server.requests) == 3


def test_watching_ends_when_its_time_is_up(client: Any, server: FakeServer, clock: StillClock) -> None:
    answers(server, *[BATCH] * 20)
    with pytest.raises(PollTimeoutError):
        client.ingest.wait("b1", timeout=5)
    assert sum(clock.pauses) == pytest.approx(5)


@pytest.mark.parametrize(("method", "word"), [("retry_failed", "retry"), ("cancel", "cancel")])
def test_a_batch_is_tried_again_and_cancelled(
    client: Any, server: FakeServer, method: str, word: str
) -> None:
    answers(server, BATCH)
    assert getattr(client.ingest, method)("b1").number == 41
    assert asked(server) == ("POST", f"/library/v1/batches/b1/{word}")
    assert server.requests[-1].headers["Idempotency-Key"]


def test_a_folder_gives_its_files_with_their_places(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "1 ä.jpg", ".hidden/3.jpg", "b/.4.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = from_folder(tmp_path, into="/scans/")
    assert found == [
        {"origin": (tmp_path / "1 ä.jpg").resolve().as_uri(), "name": "1 ä.jpg", "folder": "/scans"},
        {"origin": (tmp_path / "b/2.jpg").resolve().as_uri(), "name": "2.jpg", "folder": "/scans/b"},
    ]
    assert {each["folder"] for each in from_folder(tmp_path, preserve_structure=False)} == {"/"}
    with pytest.raises(FileNotFoundError):
        from_folder(tmp_path / "1 ä.jpg")


def test_a_folder_that_may_not_be_read_is_not_left_out_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").touch()
    for name in ("locked", ".hidden"):
        (tmp_path / name).mkdir()
    scan = os.scandir

    def scandir(path: str) -> Any:
        if Path(path) != tmp_path:  # permissions do not hold root off, as whom tests may run
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="locked"):
        from_folder(tmp_path)
    (tmp_path / "locked").rmdir()
    assert [each["name"] for each in from_folder(tmp_path)] == ["a.jpg"]


def test_manifests_of_both_kinds_say_the_same(tmp_path: Path) -> None:
    table, lines = tmp_path / "m.csv", tmp_path / "m.jsonl"
    table.write_text(
        "\ufefforigin,key,tags\nhttps://a.example/1.jpg,leaf,vol1; vol 2\nsub/2.jpg,,\n", encoding="utf-8"
    )
    lines.write_text(
        '{"origin": "https://a.example/1.jpg", "key": "leaf", "tags": ["vol1", "vol 2"]}\n\n'
        '{"origin": "sub/2.jpg"}\n'
    )
    expected = [
        {"origin": "https://a.example/1.jpg", "key": "leaf", "tags": ["vol1", "vol 2"]},
        {"origin": (tmp_path / "sub/2.jpg").resolve().as_uri()},
    ]
    assert from_manifest(table) == from_manifest(lines) == expected


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("m.csv", "origin,kind\nx,y\n", "line 2"),
        ("m.csv", "origin,key\nx,1\n,2\n", "line 3"),
        ("m.csv", "origin\nx,too,many\n", "line 2"),
        ("m.jsonl", '{"origin": "x"}\n{"origin":\n', "line 2"),
        ("m.jsonl", '{"origin": 5}\n', "line 1"),
        ("m.jsonl", "[]\n", "line 1"),
        ("m.csv", "origin,name\na,b\nb,\xfcber\n", "line 3: it is not UTF-8"),  # as office programs write it
        ("m.jsonl", '{"origin": "x"}\n{"origin": "\xfc"}\n', "line 2: it is not UTF-8"),
        ("m.csv", "origin\n" + "x" * 200_000, "line 2: field larger"),
        ("m.csv", "origin\nx\0y\n", "line 2"),
        ("m.jsonl", '{"tags": ' + "[" * 100_000, "line 1"),
    ],
    ids=itertools.count(),
)
def test_a_manifest_that_cannot_be_read_names_its_line(
    tmp_path: Path, name: str, text: str, where: str
) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidArgument, match=where):
        from_manifest(tmp_path / name)
