"""Identifiers: UUIDv7, sixteen bytes in the database, the usual text outside.

Version 7 begins with the time, so new rows land side by side in every index: at a million rows random
keys made inserts three to five times slower.
"""

import binascii
import os
import re
import struct
import time
from collections.abc import Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

_SHAPE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VERSION = bytes(0x70 | (byte & 0x0F) for byte in range(256))
_VARIANT = bytes(0x80 | (byte & 0x3F) for byte in range(256))


def new() -> bytes:
    """A fresh UUIDv7, as the sixteen bytes the database keeps."""
    return uuid7().bytes


def new_block(count: int) -> bytes:
    """`count` fresh UUIDv7 in ascending order, packed end to end.

    Made column by column, not one by one: a copy of ten thousand items needs ten thousand ids inside a
    transaction that holds the writer. A counter follows the time so that the first 262,144 ascend; 56 bits
    are random.
    """
    block = bytearray(16 * count)
    moment = (time.time_ns() // 1_000_000).to_bytes(6, "big")
    for column in range(6):
        block[column::16] = moment[column : column + 1] * count
    # Eighteen bits of the counter go where version 7 leaves room for them: four, then eight, then six.
    above = range(count // 64 + 1)
    block[6::16] = b"".join(bytes([n >> 8 & 0x0F]) * 64 for n in above)[:count].translate(_VERSION)
    block[7::16] = b"".join(bytes([n & 0xFF]) * 64 for n in above)[:count]
    block[8::16] = (bytes(range(64)) * len(above))[:count].translate(_VARIANT)
    noise = os.urandom(7 * count)
    for column in range(7):
        block[9 + column :: 16] = noise[column * count : (column + 1) * count]
    return bytes(block)


def ascending(packed: bytes) -> tuple[bytes, list[int]]:
    """The ids of `packed` by their size, the oldest first, and where in it each of them stands."""
    given = _each(packed)
    places = sorted(range(len(given)), key=given.__getitem__)
    return b"".join(map(given.__getitem__, places)), places


def text(raw: bytes) -> str:
    """The usual text of sixteen bytes: 8-4-4-4-12, lower case."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def text_or_none(raw: bytes | None) -> str | None:
    return None if raw is None else text(raw)


def texts(packed: bytes) -> list[str]:
    """`text` for each of the ids laid end to end."""
    # A hyphen after every second byte, of all ids at once; then out with those that do not belong there.
    digits = bytearray(packed.hex("-", 2).encode())
    for column, width in ((34, 40), (29, 39), (4, 38)):
        del digits[column::width]
    digits[36::37] = b"," * (len(digits) // 37)  # the hyphen between two of them
    return digits.decode().split(",") if digits else []


def looks_like_id(value: str) -> bool:
    """Whether `value` has an id's shape. Names of that shape are refused, so a reference is one or the other."""
    return len(value) == 36 and _SHAPE.fullmatch(value) is not None


def parse(value: str) -> bytes | None:
    """The sixteen bytes of an id's text in either case, or None: a malformed id is simply unknown."""
    return bytes.fromhex(value.replace("-", "")) if looks_like_id(value) else None


def parse_many(values: Sequence[str]) -> list[bytes | None]:
    """`parse` for each value; a few passes in C for the usual case in which every one is well formed."""
    packed = pack(values)
    return [parse(value) for value in values] if packed is None else list(_each(packed))


def pack(values: Sequence[str]) -> bytes | None:
    """The ids end to end, sixteen bytes each; None unless every one is well formed."""
    joined, count = ",".join(values), len(values)
    if len(joined) != 37 * count - 1 or joined[36::37] != "," * (count - 1):
        return None
    if any(joined[column::37] != "-" * count for column in (8, 13, 18, 23)):
        return None
    try:
        digits = joined.encode("ascii").translate(None, b"-,")
        return binascii.unhexlify(digits) if len(digits) == 32 * count else None
    except ValueError:
        return None


def all_differ(packed: bytes) -> bool:
    """Whether no id stands twice in `packed`."""
    return len(set(_each(packed))) == len(packed) // 16


def number(value: str) -> int | None:
    """The number that a reference's text writes in digits, or None: one of more than 18 is nobody's, and fits in no
    database; of thousands Python would not even make a number."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else None


def _each(packed: bytes) -> tuple[bytes, ...]:
    return struct.unpack("16s" * (len(packed) // 16), packed)


def uuid(raw: bytes) -> UUID:
    return UUID(bytes=raw)
