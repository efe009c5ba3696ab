"""The file through which the owner of a data directory reaches its server."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec

from stackroom.control import (
    NAME,
    Control,
    control_file,
    read_control_file,
    remove_control_file,
    write_control_file,
)
from stackroom.settings import Settings


def test_a_running_server_is_found_and_its_token_is_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with control_file(settings, "http://127.0.0.1:8000") as token:
        found = read_control_file(settings.data_dir)
        assert found == Control(url="http://127.0.0.1:8000", token=token, pid=os.getpid())
        assert stat.S_IMODE((settings.data_dir / NAME).stat().st_mode) == 0o600
        assert len(token) > 40
    assert read_control_file(settings.data_dir) is None
    assert list(settings.data_dir.iterdir()) == []


def test_every_start_has_a_token_of_its_own(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert write_control_file(settings, "http://x") != write_control_file(settings, "http://x")


def test_a_file_that_a_dead_server_left_behind_is_none(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = Control(url="http://127.0.0.1:8000", token="x", pid=ended.pid)
    (tmp_path / NAME).write_bytes(msgspec.json.encode(left))
    assert read_control_file(tmp_path) is None


def test_a_damaged_file_is_none(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    assert read_control_file(tmp_path) is None
    remove_control_file(Settings(data_dir=tmp_path), "x")


def test_a_server_leaves_the_file_of_the_next_one_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = write_control_file(settings, "http://first")
    write_control_file(settings, "http://second")
    remove_control_file(settings, first)
    found = read_control_file(tmp_path)
    assert found is not None
    assert found.url == "http://second"
