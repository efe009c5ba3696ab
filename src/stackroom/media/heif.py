"""The boxes of a HEIF file (AVIF is one), as far as it takes to find what is said beside its pictures.

A file names what is in it as items, and says of each where its bytes are, counted from the file's beginning: so nothing
can be taken out without moving all the rest. What is said is made blank instead, in its place.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

_OF_ITEMS: Final = frozenset({b"Exif", b"mime", b"uri "})
_NEEDED: Final = frozenset({b"ftyp", b"styp", b"mdat", b"moof", b"mfra", b"sidx", b"pdin", b"free", b"skip"})
_SAID_OF_TRACKS: Final = frozenset({b"meta", b"udta", b"uuid"})
_TRACKS: Final = frozenset({b"moov", b"trak"})
_NO_EXIF: Final = bytes(4) + b"MM\0*\0\0\0\x08" + bytes(6)
_MOST: Final = 2**24
"""Bytes of what describes a picture."""


class Cut(NamedTuple):
    """Bytes of a file that are left out, from one to before another; or what stands there instead."""

    start: int
    stop: int
    instead: bytes = b""


class _Box(NamedTuple):
    name: bytes
    start: int
    body: int
    stop: int


def blanks(file: BinaryIO, size: int) -> Iterator[Cut]:
    """What is to be made blank, and what that is then. What follows the last box is nothing.

    Raises ValueError, EOFError or struct.error where the boxes are not what they must be.
    """
    at = 0
    while at < size:
        box = _box(file, at, size)
        if box is None:
            yield Cut(at, size)
            return
        if box.name == b"meta":
            yield from _of_items(
                file, {each.name: each for each in _boxes(file, box.body + 4, box.stop)}, size
            )
        elif box.name in _TRACKS:
            yield from _of_tracks(file, box)
        elif box.name not in _NEEDED:
            yield from _empty(file, box)
        at = box.stop


def _of_tracks(file: BinaryIO, box: _Box) -> Iterator[Cut]:
    for each in _boxes(file, box.body, box.stop):
        if each.name in _SAID_OF_TRACKS:
            yield from _empty(file, each)
        elif each.name in _TRACKS:
            yield from _of_tracks(file, each)


def _empty(file: BinaryIO, box: _Box) -> Iterator[Cut]:
    return _blank(file, box.start + 4, box.stop, b"free")


def _of_items(file: BinaryIO, boxes: dict[bytes, _Box], size: int) -> Iterator[Cut]:
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    kinds = dict(_kinds(file, boxes[b"iinf"]))
    data = boxes.get(b"idat")
    for item, start, length in _places(file, boxes[b"iloc"], None if data is None else data.body):
        kind = kinds.get(item)
        if kind in _OF_ITEMS:
            if not 0 < length <= size - start:
                raise ValueError("An item is not where it is said to be.")
            blank = _NO_EXIF if kind == b"Exif" else b" " * min(length, _MOST)
            yield from _blank(file, start, start + length, blank)


def _blank(file: BinaryIO, start: int, stop: int, instead: bytes) -> Iterator[Cut]:
    """Unless it is so already."""
    if stop - start > _MOST:
        raise ValueError("More is said of a picture than can be.")
    blank = instead[: stop - start].ljust(stop - start, b"\0")
    file.seek(start)
    if file.read(stop - start) != blank:
        yield Cut(start, stop, blank)


def _kinds(file: BinaryIO, box: _Box) -> Iterator[tuple[int, bytes]]:
    """Of each item, what it is. Those of the oldest versions do not say, and are no pictures."""
    fields = _Fields(file, box)
    version = fields.take(4) >> 24
    fields.take(2 if version == 0 else 4)
    for each in _boxes(file, fields.at, box.stop):
        entry = _Fields(file, each)
        version = entry.take(4) >> 24
        item = entry.take(4 if version == 3 else 2)
        entry.take(2)
        yield item, entry.take(4).to_bytes(4, "big") if version >= 2 else b"mime"


def _places(file: BinaryIO, box: _Box, data: int | None) -> Iterator[tuple[int, int, int]]:
    """Of each item, where its bytes begin, and how many they are; several times if it is in several places."""
    fields = _Fields(file, box)
    version, sizes = fields.take(4) >> 24, fields.take(2)
    of_offset, of_length, of_base, of_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(fields.take(4 if version == 2 else 2)):
        item = fields.take(4 if version == 2 else 2)
        method = fields.take(2) & 15 if version else 0
        elsewhere, base = fields.take(2), fields.take(of_base)
        begin = {0: 0, 1: data}.get(method)
        for _ in range(fields.take(2)):
            fields.take(of_index if version else 0)
            offset, length = fields.take(of_offset), fields.take(of_length)
            if elsewhere or begin is None:
                yield item, 0, 0  # somewhere else: not to be found, should anybody look for it
            else:
                yield item, begin + base + offset, length


class _Fields:
    """The numbers in a box, one after the other."""

    def __init__(self, file: BinaryIO, box: _Box) -> None:
        if box.stop - box.body > _MOST:
            raise ValueError("More is said of a picture than can be.")
        file.seek(box.body)
        self._content = file.read(box.stop - box.body)
        self._begin = self.at = box.body

    def take(self, size: int) -> int:
        start = self.at - self._begin
        self.at += size
        if start + size > len(self._content):
            raise EOFError("A box ends in the middle.")
        return int.from_bytes(self._content[start : start + size], "big")


def _boxes(file: BinaryIO, at: int, stop: int) -> Iterator[_Box]:
    while at < stop:
        box = _box(file, at, stop)
        if box is None:
            raise ValueError("There is no box where one must be.")
        yield box
        at = box.stop


def _box(file: BinaryIO, at: int, stop: int) -> _Box | None:
    """None for what is no box, or goes further than it can."""
    file.seek(at)
    head = file.read(16)
    if len(head) < 8:
        return None
    length, name = struct.unpack(">I4s", head[:8])
    body = at + 8
    if length == 1 and len(head) == 16:
        length, body = struct.unpack(">Q", head[8:])[0], at + 16
    end = stop if length == 0 else at + length
    return _Box(name, at, body, end) if body <= end <= stop else None
