"""Documents: how many pages a PDF has, and what it says."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

from stackroom.errors import Invalid, UnsupportedMedia
from stackroom.media.formats import HEAD_SIZE, sniff
from stackroom.media.kinds import Kind, MediaInfo

PDF: Final = "application/pdf"
MOST_TEXT: Final = 200_000
"""Characters of a document's text that are kept: for finding it, and not for reading it."""
MOST_SECONDS: Final = 15.0
"""After so long no further page is read for its text."""


def examine(path: Path) -> MediaInfo:
    """Look at a document. It must open without a password and have a page; a page whose text cannot be read has none.

    Raises Invalid `empty_file`; UnsupportedMedia `not_a_document` (another kind of file), `encrypted_document` (nobody
    can read it without its password) or `damaged_document`.
    """
    _check_kind(path)
    with closing(_opened(path)) as document:
        count = len(document)
        if count < 1:
            raise _damaged()
        return MediaInfo(kind=Kind.DOCUMENT, content_type=PDF, page_count=count, text=_text(document) or None)


def _check_kind(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    if not head:
        raise Invalid("The file is empty.", code="empty_file", hint="Choose a file with something in it.")
    content_type = sniff(head)
    if content_type != PDF:
        found = f"its content is {content_type}" if content_type else "its content is none of the known kinds"
        raise UnsupportedMedia(
            f"The file is not a document: {found}.", code="not_a_document", hint="Send a PDF."
        )


def _opened(path: Path) -> Any:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == FPDF_ERR_PASSWORD:
            raise UnsupportedMedia(
                "The document is encrypted: it cannot be read without its password.",
                code="encrypted_document",
                hint="Save it without a password, and send that.",
            ) from error
        raise _damaged() from error


def _text(document: Any) -> str:
    """What its pages say, one after the other, as far as there is room and time."""
    said: list[str] = []
    room = MOST_TEXT
    for text in _pages(document):
        said.append(text[:room])
        room -= len(said[-1]) + 1
        if room <= 0:
            break
    return "\n".join(said).strip()


def _pages(document: Any) -> Iterator[str]:
    until = time.monotonic() + MOST_SECONDS
    for number in range(len(document)):
        if time.monotonic() > until:  # also where none of the pages can be read, and there are millions
            return
        try:
            with closing(document[number]) as page, closing(page.get_textpage()) as text:
                # What PDFium writes for what it cannot spell, and what PostgreSQL has no room for.
                yield text.get_text_range().replace("\r\n", "\n").replace("\ufffe", "").replace("\0", "")
        except (pypdfium2.PdfiumError, ValueError):
            continue


def _damaged() -> UnsupportedMedia:
    return UnsupportedMedia(
        "The document is damaged or has no pages.",
        code="damaged_document",
        hint="Open it in a viewer to see whether it is whole, export it again, and send that.",
    )
