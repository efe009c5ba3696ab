"""Files that come in a body as base64."""

import base64
import os

import pytest

from stackroom.errors import Invalid
from stackroom.web.dlcs.convert import encoded
from stackroom.web.dlcs.convert.encoded import decoded


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1000, 10_001])
def test_any_bytes_come_through_in_pieces_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(size)
    for piece in (1, 5, 64, 10**6):
        monkeypatch.setattr(encoded, "PIECE", piece)
        for text in (base64.b64encode(content), base64.encodebytes(content)):
            assert b"".join(decoded(text.decode())) == content


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "QUJ", "QUJD=", "QU=D", "QQ==QQ==", "QQ==\nQUJD", "data:image/png;base64,QUJD", "QUJ\xe4"],
)
@pytest.mark.parametrize("piece", [1, 4, 1000])
def test_what_is_no_base64_is_refused(text: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "PIECE", piece)
    with pytest.raises(Invalid, match="'file' is not base64: "):
        list(decoded(text))
