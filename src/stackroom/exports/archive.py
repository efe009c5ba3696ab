"""A zip that is written front to back: its directory waits in a file beside it, so memory is the same for any number.

Python's own `zipfile` keeps an object for every entry, which for a million images is most of a gigabyte.
Format: PKWARE's APPNOTE 6.3; what is past 4 GiB, or past 65,535 entries, is said in zip64 records.
"""

import shutil
import struct
import zlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

STORED, DEFLATED = 0, 8
_LARGEST = 0xFFFFFFFF  # what does not fit is said elsewhere, and this stands in its place
_MOST_ENTRIES = 0xFFFF
_UTF8 = 0x800
_UNIX = 3 << 8
_PLAIN_FILE = 0o100644 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    name: bytes
    method: int
    offset: int
    crc: int = 0
    packed: int = 0
    size: int = 0


class Archive:
    """Made on a path where there is nothing yet; `close` makes it complete. `name`s must differ, and use slashes.

    A disk without room raises OSError.
    """

    def __init__(self, path: Path, moment: datetime) -> None:
        self._file: BinaryIO = path.open("w+b")
        self._directory: BinaryIO = path.with_name(path.name + ".directory").open("w+b")
        self._entries = 0
        year = min(max(moment.year, 1980), 2107)
        self._date = (year - 1980) << 9 | moment.month << 5 | moment.day
        self._time = moment.hour << 11 | moment.minute << 5 | moment.second // 2

    def write(self, name: str, content: bytes) -> None:
        """Add a short file."""
        packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packing.compress(content) + packing.flush()
        method = DEFLATED if len(packed) < len(content) else STORED
        body = packed if method == DEFLATED else content
        entry = _Entry(
            name=name.encode(),
            method=method,
            offset=self._file.tell(),
            crc=zlib.crc32(content),
            packed=len(body),
            size=len(content),
        )
        self._file.write(self._header(entry, large=len(content) > _LARGEST) + body)
        self._list(entry)

    def copy(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        """Add a file of about `size` bytes as it is: pictures are as small as they get."""
        self._stream(name, pieces, STORED, size)

    def pack(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        """Add a file of about `size` bytes, compressed."""
        self._stream(name, pieces, DEFLATED, size)

    def close(self) -> None:
        """Write the directory: now the zip is complete."""
        start = self._file.tell()
        self._directory.seek(0)
        shutil.copyfileobj(self._directory, self._file)
        self._end(start, self._file.tell() - start)
        self._file.flush()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the files. May be called twice."""
        self._directory.close()
        self._file.close()

    def _stream(self, name: str, pieces: Iterable[bytes], method: int, about: int) -> None:
        # Room for large numbers must be left before it is known how large they are; what is incompressible grows.
        large = about + about // 100 + 1024 > _LARGEST
        entry = _Entry(name=name.encode(), method=method, offset=self._file.tell())
        self._file.write(self._header(entry, large=large))
        entry = self._body(entry, pieces)
        end = self._file.tell()
        self._file.seek(entry.offset)
        self._file.write(self._header(entry, large=large))
        self._file.seek(end)
        self._list(entry)

    def _body(self, entry: _Entry, pieces: Iterable[bytes]) -> _Entry:
        packing = zlib.compressobj(wbits=-zlib.MAX_WBITS) if entry.method == DEFLATED else None
        crc = size = packed = 0
        for piece in pieces:
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            packed += self._file.write(packing.compress(piece) if packing else piece)
        if packing:
            packed += self._file.write(packing.flush())
        return msgspec.structs.replace(entry, crc=crc, size=size, packed=packed)

    def _header(self, entry: _Entry, *, large: bool) -> bytes:
        extra = struct.pack("<2H2Q", 1, 16, entry.size, entry.packed) if large else b""
        sizes = (_LARGEST, _LARGEST) if large else (entry.packed, entry.size)
        about = (_version(large), _UTF8, entry.method, self._time, self._date, entry.crc, *sizes)
        return _LOCAL.pack(b"PK\3\4", *about, len(entry.name), len(extra)) + entry.name + extra

    def _list(self, entry: _Entry) -> None:
        """Into the directory, where only the numbers that are too large stand in an extra field, in this order."""
        numbers = (entry.size, entry.packed, entry.offset)
        beyond = [number for number in numbers if number >= _LARGEST]
        extra = struct.pack(f"<2H{len(beyond)}Q", 1, 8 * len(beyond), *beyond) if beyond else b""
        size, packed, offset = (min(number, _LARGEST) for number in numbers)
        version = _version(bool(beyond))
        about = (_UNIX | version, version, _UTF8, entry.method, self._time, self._date, entry.crc)
        lengths = (packed, size, len(entry.name), len(extra), 0, 0, 0, _PLAIN_FILE, offset)
        self._directory.write(_CENTRAL.pack(b"PK\1\2", *about, *lengths) + entry.name + extra)
        self._entries += 1

    def _end(self, start: int, size: int) -> None:
        if self._entries >= _MOST_ENTRIES or max(start, size) >= _LARGEST:
            counts = (self._entries, self._entries, size, start)
            self._file.write(_END_64.pack(b"PK\6\6", _END_64.size - 12, _UNIX | 45, 45, 0, 0, *counts))
            self._file.write(_LOCATOR_64.pack(b"PK\6\7", 0, start + size, 1))
        entries = min(self._entries, _MOST_ENTRIES)
        numbers = (0, 0, entries, entries, min(size, _LARGEST), min(start, _LARGEST), 0)
        self._file.write(_END.pack(b"PK\5\6", *numbers))


def _version(large: bool) -> int:
    """What a reader must be able to do: zip64, or plain deflate."""
    return 45 if large else 20
