"""Processes that a test starts, and how it knows that they have ended."""

import ctypes
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_BRIEFLY: Final = 0.01
_AT_MOST: Final = 0.1
"""Seconds between two looks."""
# Run by a Python of its own, so that nothing of ours happens between fork and exec of a process with threads.
# A parent that was gone before the request is noticed by its number having changed.
_LAUNCHER: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
if os.getppid() != int(sys.argv[2]):
    sys.exit("the process that wanted this one has ended")
os.execv(sys.argv[3], sys.argv[3:])
"""


def mortal(command: Sequence[str | Path], *, parent: int, when_orphaned: int = signal.SIGKILL) -> list[str]:
    """`command` (its first word a path), made to get a signal when its `parent` ends, however that ends.

    The kernel counts the parent's *thread* as the parent: start it from one that lives as long as it should.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(int(when_orphaned)), str(parent)]
    return [*launcher, *map(str, command)]


def die_with_parent(when_orphaned: int) -> None:
    """Ask for a signal when the parent of this process ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(when_orphaned))


def started_at(pid: int) -> int | None:
    """When a living process started (what tells it from the next of that number); None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Look again and again, for `seconds` at most, whether `condition` holds; whether it came to."""
    deadline = time.monotonic() + seconds
    while True:
        looked_at = time.monotonic()
        if condition():
            return True
        now = time.monotonic()
        if now > deadline:
            return False
        # Whoever asks a server, keeps it from what is waited for: the longer a look takes, the fewer there are.
        time.sleep(min(max(_BRIEFLY, 5 * (now - looked_at)), _AT_MOST))
