"""Arriving bytes: complete, or gone."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stackroom.errors import Invalid, TooLarge, Unavailable
from stackroom.storage.local import LocalStore
from stackroom.storage.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging", limit=1000)


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "staging").iterdir())


def test_an_arrival_is_counted_and_hashed_as_it_comes(staging: Staging, tmp_path: Path) -> None:
    with staging.receive() as arrival:
        for chunk in (b"ab", bytearray(b"c"), memoryview(b""), b"def"):
            arrival.write(chunk)
        staged = arrival.finish(expected_size=6, expected_sha256=hashlib.sha256(b"abcdef").digest())
        assert staged.path.read_bytes() == b"abcdef"
        assert (staged.size, staged.sha256) == (6, hashlib.sha256(b"abcdef").digest())
    assert left(tmp_path) == []


def test_a_stored_arrival_leaves_staging_and_stays_in_the_store(staging: Staging, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    with staging.receive() as arrival:
        arrival.write(b"kept")
        store.put("key", arrival.finish().path)
    assert left(tmp_path) == []
    assert b"".join(store.read("key")) == b"kept"


def test_an_aborted_upload_leaves_nothing_behind(staging: Staging, tmp_path: Path) -> None:
    def broken_off() -> None:
        with staging.receive() as arrival:
            arrival.write(b"half")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken_off()
    with staging.receive() as arrival:
        arrival.write(b"never finished")
    assert left(tmp_path) == []


def test_the_byte_past_the_limit_is_refused_at_once(staging: Staging, tmp_path: Path) -> None:
    with staging.receive() as arrival:
        arrival.write(bytes(1000))
        with pytest.raises(TooLarge) as refused:
            arrival.write(b"x")
    assert refused.value.code == "payload_too_large"
    assert refused.value.details == {"limit": 1000}
    assert left(tmp_path) == []


def test_exactly_the_limit_is_taken(staging: Staging) -> None:
    with staging.receive() as arrival:
        arrival.write(bytes(1000))
        assert arrival.finish().size == 1000


@pytest.mark.parametrize(("own", "effective"), [(10, 10), (5000, 1000)])
def test_the_smaller_limit_counts(staging: Staging, own: int, effective: int) -> None:
    with pytest.raises(TooLarge) as refused, staging.receive(limit=own) as arrival:
        arrival.write(bytes(5001))
    assert refused.value.details == {"limit": effective}


@pytest.mark.parametrize("announced", [3, 5])
def test_another_size_than_announced_is_incomplete(staging: Staging, announced: int) -> None:
    with staging.receive() as arrival:
        arrival.write(b"four")
        with pytest.raises(Invalid) as refused:
            arrival.finish(expected_size=announced)
    assert refused.value.code == "incomplete_upload"


def test_another_hash_than_announced_is_refused(staging: Staging, tmp_path: Path) -> None:
    with staging.receive() as arrival:
        arrival.write(b"four")
        with pytest.raises(Invalid) as refused:
            arrival.finish(expected_sha256=hashlib.sha256(b"five").digest())
    assert refused.value.code == "checksum_mismatch"
    assert left(tmp_path) == []


def test_nothing_may_be_written_after_the_end(staging: Staging) -> None:
    with staging.receive() as arrival:
        arrival.finish()
        with pytest.raises(ValueError, match="finished"):
            arrival.write(b"x")


def test_giving_up_waits_for_a_write_that_is_going_on(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file's number would be free for another file, and the write would go there."""
    writing, go_on, order, really = threading.Event(), threading.Event(), [], os.write

    def slow(descriptor: int, data: memoryview) -> int:
        writing.set()
        go_on.wait(10)
        os.fstat(descriptor)  # still open
        order.append("written")
        return really(descriptor, data)

    monkeypatch.setattr(os, "write", slow)
    with staging.receive() as arrival:
        thread = threading.Thread(target=arrival.write, args=(b"abc",))
        thread.start()
        writing.wait(10)
        threading.Timer(0.05, go_on.set).start()
    order.append("closed")
    thread.join()
    assert order == ["written", "closed"]


def test_a_full_disk_is_said_and_leaves_nothing(
    staging: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with staging.receive() as arrival, pytest.raises(Unavailable) as refused:
        arrival.write(b"x")
    assert refused.value.code == "storage_full"
    assert left(tmp_path) == []


def test_a_write_cut_short_by_the_system_is_continued(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, view: write(descriptor, view[:3]))
    with staging.receive() as arrival:
        arrival.write(b"0123456789")
        staged = arrival.finish()
        assert staged.path.read_bytes() == b"0123456789"


def test_a_workspace_is_gone_with_all_in_it(staging: Staging, tmp_path: Path) -> None:
    with staging.workspace() as folder:
        (folder / "thumbnail").write_bytes(b"x")
    assert left(tmp_path) == []


def test_what_a_killed_process_left_is_swept_when_it_is_old(staging: Staging, tmp_path: Path) -> None:
    program = """
import os, pathlib, signal, sys
from stackroom.storage.staging import Staging
staging = Staging(pathlib.Path(sys.argv[1]), 1000)
with staging.receive() as arrival, staging.workspace() as folder:
    arrival.write(b"half")
    (folder / "half").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path / "staging"], check=False, timeout=60)
    assert len(left(tmp_path)) == 2
    assert staging.sweep(older_than_seconds=3600) == 0
    time.sleep(0.01)
    assert staging.sweep(older_than_seconds=0) == 2
    assert left(tmp_path) == []


def test_sweeping_before_anything_arrived_is_fine(staging: Staging) -> None:
    assert staging.sweep(older_than_seconds=0) == 0
