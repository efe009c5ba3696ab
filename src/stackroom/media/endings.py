"""Whether a file ends where its format says, for the two formats whose decoders do not mind when it does not.

The picture may be whole without it: libvips stops reading a PNG after the last pixel, and takes a GIF that
was cut off in mid-animation for a shorter one. What follows the end does no harm.
"""

import mmap
from pathlib import Path

_EXTENSION, _IMAGE = 0x21, 0x2C


def check_end_of_png(path: Path) -> None:
    """Walk the chunks to the end mark. Raises ValueError if the file ends first."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = int.from_bytes(head[:4], "big"), head[4:]
            file.seek(length, 1)
            checksum = file.read(4)
            if name == b"IEND" and len(checksum) == 4:
                return
    raise ValueError("The end mark is missing.")


def check_end_of_gif(path: Path) -> None:
    """Walk the blocks to the trailer, or to an end between two blocks: many a GIF lacks the trailer.

    Raises IndexError if the file ends inside a block.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        bounds_of_gif(content)


def bounds_of_gif(content: mmap.mmap) -> list[int]:
    """Where the blocks of a GIF begin, and where the last one ends. Raises IndexError if the file ends inside one."""
    bounds = [13 + _size_of_palette(content[10])]
    while (at := bounds[-1]) < len(content) and content[at] in {_EXTENSION, _IMAGE}:
        if content[at] == _IMAGE:
            at += 9 + _size_of_palette(content[at + 9])
        at += 2
        while length := content[at]:
            at += length + 1
        bounds.append(at + 1)
    return bounds


def _size_of_palette(flags: int) -> int:
    """How many bytes the colours have that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
