"""The form that a medium is sent in."""

import os
from pathlib import Path

import pytest

from stackroom.client.media import form_around, look_at_media


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"plain.png", "plain.png"),
        ("häfen 港😀.png".encode(), "häfen 港😀.png"),
        (b'a"b\\c\nd.png', "a_b_c_d.png"),
        (b"\xff\xfe.png", "__.png"),
    ],
    ids=["plain", "other letters", "what would end the name", "no text"],
)
def test_whatever_a_file_is_called_it_can_be_sent(tmp_path: Path, name: bytes, said: str) -> None:
    path = tmp_path / os.fsdecode(name)
    path.touch()
    form = form_around(look_at_media(path, None, None).file)
    assert f'name="file"; filename="{said}"\r\n'.encode() in form.head
