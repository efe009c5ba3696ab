"""The store in a bucket against the contract, on a real S3 server, and what only it can do."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import obstore
import pytest

from stackroom.errors import Unavailable
from stackroom.settings import Bucket
from stackroom.storage import bucket as module
from stackroom.storage import copies
from stackroom.storage.blobstore import PIECE, BlobStore, MissingBytes
from stackroom.storage.bucket import BucketStore
from stackroom.storage.copies import Copies
from stackroom.testing.s3 import RunningS3
from stackroom.testing.store_contract import BlobStoreContract

MEGABYTE = 2**20


@pytest.fixture(autouse=True, scope="module")
def credentials(s3: RunningS3) -> Iterator[None]:
    with patch.dict(os.environ, s3.environment):
        yield


def a_store(s3: RunningS3, folder: Path, *, most: int = 64 * MEGABYTE, prefix: str = "") -> BucketStore:
    """An empty one: its prefix is nobody else's."""
    return BucketStore(Bucket("library", prefix or f"of/{uuid4()}", s3.endpoint, ""), Copies(folder, most))


class TestBucketStore(BlobStoreContract):
    @pytest.fixture
    def store(self, s3: RunningS3, tmp_path: Path) -> BlobStore:
        return a_store(s3, tmp_path / "copies")


@pytest.fixture
def store(s3: RunningS3, tmp_path: Path) -> BucketStore:
    return a_store(s3, tmp_path / "copies")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3000))
    return path


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were read from the bucket."""
    keys: list[str] = []
    read = BucketStore.read

    def noted(self: BucketStore, key: str, *part: int) -> object:
        keys.append(key)
        return read(self, key, *part)

    monkeypatch.setattr(BucketStore, "read", noted)
    return keys


def test_a_large_file_goes_in_parts_and_is_not_overwritten(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", MEGABYTE)
    monkeypatch.setattr(module, "PART", 5 * MEGABYTE)
    large, other = tmp_path / "large", tmp_path / "other"
    large.write_bytes(os.urandom(11 * MEGABYTE + 17))
    other.write_bytes(bytes(2 * MEGABYTE))
    assert store.put("video", large) is True
    assert store.put("video", other) is False
    content = large.read_bytes()
    assert b"".join(store.read("video")) == content
    assert (
        b"".join(store.read("video", 5 * MEGABYTE - 1, 10 * MEGABYTE + 1))
        == content[5 * MEGABYTE - 1 :][: 5 * MEGABYTE + 2]
    )
    with pytest.raises(Unavailable):
        store.put("gone", tmp_path / "nothing")


def test_libraries_in_one_bucket_do_not_see_each_other(s3: RunningS3, tmp_path: Path, source: Path) -> None:
    here, below = f"of/{uuid4()}", f"of/{uuid4()}"
    one, other = (a_store(s3, tmp_path / name, prefix=name) for name in (here, below))
    one.put("blobs/a", source)
    assert list(other.objects()) == []
    with pytest.raises(MissingBytes):
        other.size("blobs/a")
    other.delete(["blobs/a"])
    assert [each.key for each in one.objects()] == ["blobs/a"]


def test_more_than_one_request_lists_and_deletes_all(store: BucketStore, tmp_path: Path) -> None:
    sources = {f"hls/a/b/{n:04}": tmp_path / "x" for n in range(1003)}
    (tmp_path / "x").write_bytes(b"x")
    store.put_all(sources)
    assert sum(each.size for each in store.objects("hls/a/b/")) == 1003
    store.delete_all("hls/a/b/")
    assert list(store.objects()) == []


def test_who_may_not_or_cannot_reach_it_is_told_so(
    s3: RunningS3, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRIES", 0)
    nowhere = BucketStore(Bucket("library", "", "http://127.0.0.1:9", ""), Copies(tmp_path, MEGABYTE))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    refused = a_store(s3, tmp_path / "copies")
    for store in (nowhere, refused):
        with pytest.raises(Unavailable) as caught:
            store.check()
        assert caught.value.code == "storage_unusable"
        for attempt in (
            lambda store=store: store.put("key", source),
            lambda store=store: store.size("key"),
            lambda store=store: store.read("key"),
            lambda store=store: store.delete(["key"]),
            lambda store=store: list(store.objects()),
        ):
            with pytest.raises(Unavailable) as caught:
                attempt()
            assert caught.value.code == "storage_unreachable"


def test_a_server_that_would_overwrite_is_refused(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *args, **more: put(*args, **{**more, "mode": "overwrite"}))
    with pytest.raises(Unavailable, match="If-None-Match"):
        store.check()


def test_bytes_that_end_too_early_are_no_whole_file() -> None:
    arriving = module._Arriving("key", iter([b"12345", b"678"]), 10)
    assert next(arriving) == b"12345"
    assert next(arriving) == b"678"
    with pytest.raises(Unavailable) as caught:
        next(arriving)
    assert caught.value.code == "storage_unreachable"


def test_what_a_tool_needs_again_is_fetched_once(
    s3: RunningS3, tmp_path: Path, source: Path, fetched: list[str]
) -> None:
    """By another server, for whoever has stored it has it at hand."""
    here, prefix = tmp_path / "here", f"of/{uuid4()}"
    a_store(s3, here, prefix=prefix).put("blobs/a", source)
    other = a_store(s3, tmp_path / "there", prefix=prefix)
    start = threading.Barrier(6)

    def look() -> bytes:
        start.wait()
        with other.open_local("blobs/a") as path:
            return path.read_bytes()

    with ThreadPoolExecutor(6) as threads:
        seen = {task.result() for task in [threads.submit(look) for _ in range(6)]}
    assert seen == {source.read_bytes()}
    assert fetched == ["blobs/a"]
    assert list((tmp_path / "there" / "lent").iterdir()) == []


def test_what_was_just_stored_is_at_hand_for_tools(
    store: BucketStore, source: Path, fetched: list[str]
) -> None:
    store.put("blobs/a", source)
    source_bytes = source.read_bytes()
    source.unlink()
    with store.open_local("blobs/a") as path:
        assert path.read_bytes() == source_bytes
    assert fetched == []


def test_a_copy_is_on_the_disk_before_it_is_kept(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power failure nothing would tell a copy that is cut short from a whole one."""
    kept_then: list[int] = []
    monkeypatch.setattr(copies, "sync", lambda _: kept_then.append(len(list((tmp_path / "kept").iterdir()))))
    Copies(tmp_path, MEGABYTE).keep("blobs/a", source)
    assert kept_then == [0]
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_what_is_lent_stays_and_what_was_deleted_is_not_lent_again(store: BucketStore, source: Path) -> None:
    store.put("blobs/a", source)
    with store.open_local("blobs/a") as path:
        store.delete(["blobs/a"])
        assert path.read_bytes() == source.read_bytes()
    with pytest.raises(MissingBytes), store.open_local("blobs/a"):
        pass


def test_of_too_many_copies_those_go_that_nobody_wanted_longest(
    s3: RunningS3, tmp_path: Path, fetched: list[str]
) -> None:
    store = a_store(s3, tmp_path / "copies", most=10 * PIECE)
    for name in "abcdefghij":
        source = tmp_path / name
        source.write_bytes(os.urandom(PIECE))
        store.put(name, source)
        os.utime(source, (1_000_000 + ord(name),) * 2)
    with store.open_local("a"):
        pass  # wanted just now, though it came first
    for name in "klm":
        source = tmp_path / name
        source.write_bytes(os.urandom(PIECE))
        store.put(name, source)
    kept = list((tmp_path / "copies" / "kept").iterdir())
    assert sum(path.stat().st_size for path in kept) <= 10 * PIECE
    for name, again in (("a", False), ("b", True), ("m", False)):
        with store.open_local(name):
            assert (name in fetched) is again, name


def test_what_killed_processes_left_is_no_object_and_is_swept(
    s3: RunningS3, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(s3, tmp_path)
    store.put("blobs/a", source)

    def die(*_: object) -> None:
        raise SystemExit

    for what in ("get", "delete"):  # while it was tried
        with monkeypatch.context() as context:
            context.setattr(obstore, what, die)
            with pytest.raises(SystemExit):
                store.check()
    for name in ("old", "new"):  # while it lent a file
        (tmp_path / "lent" / name).write_bytes(b"x")
    os.utime(tmp_path / "lent" / "old", (1, 1))
    assert [each.key for each in store.objects()] == ["blobs/a"]  # which they come before
    assert store.sweep_temporary(3600.0) == 1
    assert [path.name for path in (tmp_path / "lent").iterdir()] == ["new"]
    assert store.sweep_temporary(-3600.0) == 3
    assert store.sweep_temporary(-3600.0) == 0
