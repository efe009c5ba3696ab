"""Sending files from the command line."""

from pathlib import Path, PosixPath
from typing import Any

import pytest

from stackroom.cli.sending import Fate, ToSend, send, told_apart
from stackroom.cli.upload import summed_up


class _Images:
    """Takes the first, and is interrupted at the second."""

    def upload(self, _dataset: str, path: Path, **_how: Any) -> object:
        if path.name == "2.jpg":
            raise KeyboardInterrupt
        return object()


class _Client:
    images = _Images()


def test_what_had_come_is_said_when_it_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    files = [ToSend(Path(f"{number}.jpg"), "/", 1) for number in (1, 2)]
    client: Any = _Client()
    with pytest.raises(KeyboardInterrupt):
        send(client, "depot", files, workers=1)
    assert "1 of 2 files had been uploaded" in capsys.readouterr().err


class _NeverCompared(PosixPath):
    """The path of a file that is told from no other by comparing it."""

    def __eq__(self, _other: object) -> bool:
        raise AssertionError("each file was compared with the others")

    __hash__ = PosixPath.__hash__


def test_what_was_there_already_is_counted_without_comparing_each_file_with_all() -> None:
    files = [ToSend(_NeverCompared(f"{number}.jpg"), "/", 1) for number in range(3)]
    fates = [Fate(file=file, reason="its name is taken", taken=True) for file in files]
    again = summed_up("depot", fates, 1.0, skip_existing=True)
    assert (again.skipped, again.failed, again.failures) == (3, 0, [])
    refused = summed_up("depot", fates, 1.0, skip_existing=False)
    assert (refused.skipped, refused.failed, len(refused.failures)) == (0, 3, 3)


def test_what_is_there_already_is_told_from_the_rest_by_where_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = {("/in", "1.jpg"), ("/out", "2.jpg")}
    monkeypatch.setattr("stackroom.client._sync.upload_folder.taken_places", lambda *_: taken)
    here = [ToSend(Path(f"photos/{number}.jpg"), "in/", 1) for number in (1, 2)]
    client: Any = _Client()
    there, missing = told_apart(client, "depot", here)
    assert [(fate.file, fate.taken) for fate in there] == [(here[0], True)]
    assert missing == here[1:]
