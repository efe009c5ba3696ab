"""A form with a file in it (multipart/form-data), read as it comes: the file goes to disk and is hashed on its way.

What is wrong with a form is said when it has been read to its end, or for a while: a client that is cut off while it
still sends does not read the answer.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from stackroom.errors import Invalid, StackroomError, TooLarge
from stackroom.ingest.gathering import gathered
from stackroom.storage.staging import Arrival

FIELD: Final = "file"
AROUND_IT: Final = 2**20
"""How many bytes a form may have beside its file."""
STILL_READ: Final = 32 * 2**20
"""How many bytes of a form that is refused are read and dropped."""
MOST_PARTS: Final = 1000
# Forms are not to name files this way (RFC 7578), and some widespread clients do where a name is not ASCII.
_EXTENDED_NAME: Final = re.compile(r""";\s*filename\*\s*=\s*"?utf-8'[^']*'([^;"\s]+)""", re.IGNORECASE)


class Sent(msgspec.Struct, frozen=True):
    """What a form says of its file. The file itself is in the arrival."""

    filename: str | None
    content_type: str | None


async def receive(stream: AsyncIterator[bytes], content_type: str, arrival: Arrival, *, limit: int) -> Sent:
    """Read a form whose field `file` has one file of at most `limit` bytes, into an arrival, which the caller then
    finishes. Other fields are passed over.

    Raises `Invalid` for what is no such form or ends too early, for no file and for a second one, and `TooLarge`.
    Then the arrival is of no use.
    """
    form = _Form(_boundary(content_type), arrival, limit)
    refused: StackroomError | None = None
    dropped = 0
    async for piece in gathered(stream):
        if refused is None:
            try:
                await asyncio.to_thread(form.take, piece)
            except (Invalid, TooLarge) as error:
                refused = error
        else:
            dropped += len(piece)
            if dropped > STILL_READ:
                break
    if refused is not None:
        raise refused
    return form.end()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise Invalid(
            "The body must be multipart/form-data with a boundary",
            code="not_a_form",
            hint="Send the file as the field `file` of a form",
        )
    return boundary


class _Form:
    """The reader's state. What it calls back is run by whoever feeds it, one piece after the other."""

    def __init__(self, boundary: bytes, arrival: Arrival, limit: int) -> None:
        self._arrival = arrival
        self._limit = limit
        self._taken = 0
        self._parts = 0
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._here = False
        self._sent: Sent | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field_name,
                "on_header_value": self._field_value,
                "on_header_end": self._field_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def take(self, piece: bytes) -> None:
        """Raises `Invalid` and `TooLarge`. What follows the end of the form counts as well."""
        self._taken += len(piece)
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise Invalid(
                f"The form cannot be read: {error}", code="malformed_form", hint="Build it with a library"
            ) from error
        if self._taken - self._arrival.size > AROUND_IT:
            raise _too_large("The form has too much beside its file", AROUND_IT)

    def end(self) -> Sent:
        """What there was. Raises `Invalid` if something is missing."""
        if not self._ended:
            raise Invalid("The form ends in the middle", code="incomplete_upload", hint="Send the file again")
        if self._sent is None:
            raise Invalid("No file provided", code="no_file", hint="Send the file as the field `file`")
        return self._sent

    def _begin(self) -> None:
        self._headers = {}
        self._here = False
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Invalid(f"The form has more than {MOST_PARTS} fields", code="malformed_form")

    def _field_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _field_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _field_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_end(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(disposition)
        if options.get(b"name") != FIELD.encode():
            return
        if self._sent is not None:
            raise Invalid("Only one file may be sent at a time", code="several_files")
        self._here = True
        kind = self._headers.get(b"content-type")
        self._sent = Sent(_filename(disposition, options), None if kind is None else kind.decode("latin-1"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._here:
            return
        if self._arrival.size + end - start > self._limit:
            raise too_large(self._limit)
        self._arrival.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self._ended = True


def _filename(disposition: str, options: Mapping[bytes, bytes]) -> str | None:
    plain = options.get(b"filename")
    if plain is not None:
        return plain.decode(errors="replace")
    extended = _EXTENDED_NAME.search(disposition)
    return None if extended is None else unquote(extended[1], errors="replace")


def too_large(limit: int) -> TooLarge:
    return _too_large(f"The file is larger than {limit} bytes", limit)


def _too_large(message: str, limit: int) -> TooLarge:
    return TooLarge(message, hint="Send a smaller file", details={"limit": limit})
