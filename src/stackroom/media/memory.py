"""What a process that decodes may hold: all that it was given, but for what it needs itself."""

import resource
from pathlib import Path

FOR_THE_REST = 512 * 2**20
"""Bytes that no picture may count on: the libraries, and what is open."""


def check_memory(needed: float) -> None:
    """Raise MemoryError if decoding a picture takes more bytes than any may.

    Not than are left at the moment: what was taken in must be shown later, whatever its process has done before.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and needed > allowed - FOR_THE_REST:
        raise MemoryError


def holds_too_much() -> bool:
    """Whether this process still holds, between two pictures, what should be free for the next."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize() > FOR_THE_REST
