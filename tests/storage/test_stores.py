"""Every store against the contract, and what only one of them can do."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stackroom.errors import Unavailable
from stackroom.storage.blobstore import PIECE, BlobStore, MissingBytes
from stackroom.storage.local import LocalStore
from stackroom.testing.faulty_store import FaultyStore
from stackroom.testing.memory_store import MemoryStore
from stackroom.testing.store_contract import BlobStoreContract


class TestLocalStore(BlobStoreContract):
    def make_store(self, folder: Path) -> BlobStore:
        return LocalStore(folder)


class TestLocalStoreWithoutHardLinks(BlobStoreContract):
    """As on some network and FAT file systems: everything is copied and renamed."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "link", _refuse(errno.EPERM))

    def make_store(self, folder: Path) -> BlobStore:
        return LocalStore(folder)


class TestMemoryStore(BlobStoreContract):
    def make_store(self, _: Path) -> BlobStore:
        return MemoryStore()


class TestFaultyStoreWithoutFaults(BlobStoreContract):
    def make_store(self, _: Path) -> BlobStore:
        return FaultyStore(MemoryStore())


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"bytes")
    return path


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def at_hand(store: LocalStore, source: Path) -> LocalStore:
    """A store that has been read from, and so knows its file system."""
    store.put("folder/key", source)
    list(store.read("folder/key"))
    if store.read_at_hand("folder/key") is None:
        pytest.skip("this system does not say what it has in memory")
    return store


def test_what_was_read_once_is_at_hand(at_hand: LocalStore) -> None:
    pieces = at_hand.read_at_hand("folder/key", 1, 4)
    assert pieces is not None
    assert b"".join(pieces) == b"yte"


def test_what_is_no_file_is_not_at_hand_and_nothing_stays_open(at_hand: LocalStore) -> None:
    before = open_files()
    assert [at_hand.read_at_hand(key) for key in ("folder", "folder/other", "no/key")] == [None] * 3
    at_hand.delete(["folder/key"])
    assert at_hand.read_at_hand("folder/key") is None
    assert open_files() == before


def test_nothing_is_at_hand_where_the_file_system_cannot_tell(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "preadv", _refuse(errno.EOPNOTSUPP))
    store.put("key", source)
    assert b"".join(store.read("key")) == b"bytes"
    assert store.read_at_hand("key") is None


def test_on_one_file_system_bytes_are_linked_and_not_copied(store: LocalStore, source: Path) -> None:
    store.put("key", source)
    with store.open_local("key") as path:
        assert path.samefile(source)


def test_from_another_file_system_bytes_are_copied(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def only_at_home(old: Path, new: Path) -> None:
        if old == source:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(old, new)

    monkeypatch.setattr(os, "link", only_at_home)
    assert store.put("key", source) is True
    assert store.put("key", source) is False
    with store.open_local("key") as path:
        assert not path.samefile(source)
    assert [listed.key for listed in store.objects()] == ["key"]


def test_file_and_folders_reach_the_disk_before_a_put_returns(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[str] = []
    fsync, link = os.fsync, os.link

    def noted(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))
        fsync(descriptor)

    def linked(old: Path, new: Path) -> None:
        synced.append("(link)")
        link(old, new)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "link", linked)
    store.put("a/b/key", source)
    assert synced == ["store", "store/a", "source", "(link)", "store/a/b"]
    synced.clear()
    store.put("a/b/key", source)
    assert synced == ["store/a/b"]
    synced.clear()
    store.put_all({"a/b/one": source, "a/b/two": source})
    assert synced == ["source", "(link)", "source", "(link)", "store/a/b"]


def test_a_full_disk_is_said_and_leaves_nothing(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _refuse(errno.ENOSPC))
    with pytest.raises(Unavailable) as refused:
        store.put("a/key", source)
    assert refused.value.code == "storage_full"
    assert refused.value.hint is not None
    assert list(store.objects()) == []


def test_a_disk_that_fills_up_in_mid_copy_leaves_nothing(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "link", _refuse(errno.EXDEV))
    monkeypatch.setattr(os, "fsync", _refuse_for("copy", errno.EDQUOT))
    with pytest.raises(Unavailable) as refused:
        store.put("a/key", source)
    assert refused.value.code == "storage_full"
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_failing_disk_is_unreachable_and_not_missing(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("key", source)
    pieces = store.read("key")
    monkeypatch.setattr(os, "pread", _refuse(errno.EIO))
    with pytest.raises(Unavailable) as failed:
        next(pieces)
    assert failed.value.code == "storage_unreachable"
    monkeypatch.setattr(Path, "stat", _refuse(errno.EIO))
    with pytest.raises(Unavailable):
        store.size("key")


def test_an_object_that_ends_too_early_does_not_end_quietly(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(2 * PIECE))
    store.put("key", source)
    pieces = store.read("key")
    next(pieces)
    os.truncate(source, PIECE)
    with pytest.raises(Unavailable):
        next(pieces)


def test_one_object_that_cannot_be_deleted_does_not_keep_the_others(
    store: LocalStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ["a", "b", "c"]:
        store.put(key, source)
    unlink = Path.unlink

    def stubborn(path: Path, missing_ok: bool = False) -> None:
        if path.name == "a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", stubborn)
    with pytest.raises(Unavailable):
        store.delete(["a", "b", "c"])
    assert [listed.key for listed in store.objects()] == ["a"]


def test_many_reads_given_up_leave_no_file_open(store: LocalStore, source: Path) -> None:
    store.put("key", source)
    before = _open_files()
    for _ in range(50):
        store.read("key")
    assert _open_files() == before


def test_a_store_that_cannot_be_used_says_so_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable) as refused:
        LocalStore(tmp_path / "file" / "store").check()
    assert refused.value.code == "storage_unusable"


def test_a_store_is_tried_where_nothing_of_it_can_be_taken_for_an_object(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries it may be killed on the way, or the doctor look at it meanwhile."""
    seen: list[list[str]] = []
    real = os.link

    def linked(source: Path, target: Path) -> None:
        real(source, target)
        seen.append([each.key for each in store.objects()])

    monkeypatch.setattr(os, "link", linked)
    store.check()
    assert seen == [[]]


def test_old_temporary_files_are_swept_and_young_ones_stay(store: LocalStore, tmp_path: Path) -> None:
    store.check()
    temporary = tmp_path / "store" / ".temporary"
    for name in ["old", "young"]:
        (temporary / name).mkdir()
        (temporary / name / "copy").write_bytes(b"half")
    an_hour_ago = time.time() - 3600
    os.utime(temporary / "old", (an_hour_ago, an_hour_ago))
    assert store.sweep_temporary(older_than=1800) == 1
    assert [path.name for path in temporary.iterdir()] == ["young"]
    assert list(store.objects()) == []


def test_puts_of_one_key_from_several_processes_store_once(tmp_path: Path) -> None:
    program = """
import sys, pathlib
from stackroom.storage.local import LocalStore
folder = pathlib.Path(sys.argv[1])
source = folder / sys.argv[2]
source.write_bytes(sys.argv[2].encode() * 100_000)
print(sum(LocalStore(folder / "store").put(f"a/{n}", source) for n in range(100)))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path, name], stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    stored = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(stored) == 100
    store = LocalStore(tmp_path / "store")
    assert {listed.size for listed in store.objects()} == {300_000}
    assert len(list(store.objects())) == 100


def test_a_faulty_store_is_full_slow_unreachable_or_broken_when_told(source: Path) -> None:
    store = FaultyStore(MemoryStore())
    store.full = True
    with pytest.raises(Unavailable) as full:
        store.put("key", source)
    assert full.value.code == "storage_full"
    assert list(store.objects()) == []
    store.full = False
    store.put("key", source)
    store.breaks_after = 2
    pieces = store.read("key")
    assert next(pieces) == b"by"
    with pytest.raises(Unavailable):
        next(pieces)
    store.unreachable = True
    with pytest.raises(Unavailable) as unreachable:
        store.size("no")
    assert unreachable.value.code == "storage_unreachable"
    store.unreachable = False
    store.delay = 0.05
    begin = time.monotonic()
    with pytest.raises(MissingBytes):
        store.size("no")
    assert time.monotonic() - begin >= 0.05
    assert store.puts == 2


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _refuse(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def _refuse_for(name: str, number: int) -> Callable[[int], None]:
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == name:
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    return refuse
