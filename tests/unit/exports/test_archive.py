"""The zip that is written front to back: what other programs read in it."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from stackroom.exports import archive
from stackroom.exports.archive import Archive

MOMENT = datetime(2031, 4, 5, 6, 7, 8)  # noqa: DTZ001 - a zip knows no zones


def written(path: Path, files: dict[str, bytes]) -> zipfile.ZipFile:
    made = Archive(path, MOMENT)
    for number, (name, content) in enumerate(files.items()):
        pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
        if number % 3 == 0:
            made.write(name, content)
        elif number % 3 == 1:
            made.copy(name, pieces, len(content))
        else:
            made.pack(name, pieces, len(content))
    made.close()
    return zipfile.ZipFile(path)


@pytest.fixture
def files() -> dict[str, bytes]:
    names = ["a.txt", "für/dich.png", "deep/er/empty", "b", "c/✓.json", "d"]
    return {name: (name * 40 * number).encode() for number, name in enumerate(names)}


def test_what_was_written_is_read(tmp_path: Path, files: dict[str, bytes]) -> None:
    with written(tmp_path / "x.zip", files) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files
        assert found.getinfo("a.txt").date_time == (2031, 4, 5, 6, 7, 8)


def test_another_program_reads_it_front_to_back(tmp_path: Path, files: dict[str, bytes]) -> None:
    """The headers before the files agree with the directory behind them."""
    with written(tmp_path / "x.zip", files) as found:
        for info in found.infolist():
            local = (tmp_path / "x.zip").read_bytes()[info.header_offset :][:30]
            assert int.from_bytes(local[14:18], "little") == info.CRC
            assert int.from_bytes(local[18:22], "little") == info.compress_size
            assert int.from_bytes(local[22:26], "little") == info.file_size


def test_an_empty_zip_is_one(tmp_path: Path) -> None:
    with written(tmp_path / "x.zip", {}) as found:
        assert found.namelist() == []


def test_what_does_not_get_smaller_is_stored(tmp_path: Path) -> None:
    with written(tmp_path / "x.zip", {"short": b"x"}) as found:
        assert found.getinfo("short").compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize("limit", [1, 50, 300, 1000])
def test_past_four_gigabytes_the_large_numbers_stand_in_extra_fields(
    tmp_path: Path, files: dict[str, bytes], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit lowered, as four gigabytes take their time; a reader still takes the mark for what it is."""

    class LowLimit(int):
        """Compares as a small number, and is written as the mark."""

        def __lt__(self, other: int) -> bool:
            return limit < other

        def __gt__(self, other: int) -> bool:
            return limit > other

        def __le__(self, other: int) -> bool:
            return limit <= other

        def __ge__(self, other: int) -> bool:
            return limit >= other

    monkeypatch.setattr(archive, "_LARGEST", LowLimit(0xFFFFFFFF))
    with written(tmp_path / "x.zip", files) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files
    assert b"PK\6\6" in (tmp_path / "x.zip").read_bytes()


def test_more_entries_than_sixteen_bits_count(tmp_path: Path) -> None:
    made = Archive(tmp_path / "x.zip", MOMENT)
    for number in range(66_000):
        made.write(f"{number}", b"")
    made.close()
    with zipfile.ZipFile(tmp_path / "x.zip") as found:
        assert len(found.namelist()) == 66_000
        assert found.namelist()[-1] == "65999"


def test_memory_does_not_follow_the_number_of_files(tmp_path: Path) -> None:
    """By structure: nothing in an archive grows with what is put into it."""
    made = Archive(tmp_path / "x.zip", MOMENT)
    before = {name: sys.getsizeof(value) for name, value in vars(made).items()}

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1024

    for number in range(500):
        made.write(f"labels/{number}.txt", b"0 0.5 0.5 0.1 0.1\n")
    made.copy("images/large.png", pieces(), 1024 * 1000)
    after = {name: sys.getsizeof(value) for name, value in vars(made).items()}
    assert before.keys() == after.keys()
    assert all(after[name] <= before[name] + 64 for name in before)
    made.close()


def test_the_command_line_of_python_unpacks_it(tmp_path: Path, files: dict[str, bytes]) -> None:
    written(tmp_path / "x.zip", files).close()
    command = [sys.executable, "-m", "zipfile", "-e", str(tmp_path / "x.zip"), str(tmp_path / "out")]
    subprocess.run(command, check=True)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == files
