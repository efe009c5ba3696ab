"""Files that come in a body as base64."""

import binascii
from collections.abc import Iterator

from stackroom.errors import Invalid

PIECE = 2**20


def decoded(text: str) -> Iterator[bytes]:
    """The bytes of a base64 text, piece by piece, whatever lines it is broken into.

    Raises `Invalid` (`bad_base64`) at the first character that does not belong there, and for no bytes at all.
    """
    rest, ended = "", not text.strip()
    if ended:
        raise _refused("it is empty")
    for start in range(0, len(text), PIECE):
        piece = rest + "".join(text[start : start + PIECE].split())
        if ended and piece:
            raise _refused("there is more after its end")
        whole = len(piece) - len(piece) % 4
        piece, rest = piece[:whole], piece[whole:]
        ended = ended or piece.endswith("=")
        try:
            yield binascii.a2b_base64(piece, strict_mode=True)
        except ValueError as error:  # also for what is not ASCII
            raise _refused(str(error)) from error
    if rest:
        raise _refused("it is cut off")


def _refused(why: str) -> Invalid:
    return Invalid(
        f"'file' is not base64: {why}",
        code="bad_base64",
        hint="Send the bytes of the file in base64, padded, and no data: URL.",
    )
