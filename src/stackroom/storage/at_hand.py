"""Opening a file where that takes no waiting for a disk: so quick that it need not be done in a thread.

To hand such a small thing to a thread and back takes longer than sending most files.
"""

import ctypes
import os
import sys
from typing import Final

# The same number on every machine but MIPS and Alpha, which answer that they know no such call.
_OPENAT2: Final = 437
_AT_FDCWD: Final = -100
_RESOLVE_CACHED: Final = 0x20  # Linux 5.12 and newer


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_HOW = _How(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
_WHERE, _SIZE = ctypes.addressof(_HOW), ctypes.sizeof(_HOW)
# Keeps the interpreter to itself, as other calls of the kind do not: there is nothing to wait for.
_syscall = getattr(ctypes.PyDLL(None), "syscall", None) if sys.platform == "linux" else None
if _syscall is not None:
    _syscall.restype = ctypes.c_long
    _syscall.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]


def open_at_hand(path: str) -> int | None:
    """A descriptor to read a file by, if the system has in memory where the file is. None otherwise, whatever the
    reason: nothing there, not allowed, an older system. Whoever opens the file in the usual way learns it."""
    if _syscall is None:
        return None
    descriptor: int = _syscall(_OPENAT2, _AT_FDCWD, os.fsencode(path), _WHERE, _SIZE)
    return None if descriptor < 0 else descriptor


def can_tell(descriptor: int) -> bool:
    """Whether a file lies where the system says what it has in memory. Over a network it does not, and there even what
    looks as if it were at hand may have to be asked for."""
    try:
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):  # of the file system; of this system altogether
        return False
    return True
