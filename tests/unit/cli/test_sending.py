"""Sending files from the command line."""

from pathlib import Path
from typing import Any

import pytest

from stackroom.cli.sending import ToSend, send


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
