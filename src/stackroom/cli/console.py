"""What commands print on: tables and bars on a terminal, one JSON document with `--json`."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
# What reads a pipe has no edge, and an id that is folded is no id.
_WIDTH_OF_A_PIPE = 200


@cache
def console() -> Console:
    """Standard output, for what was asked for."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)


@cache
def errors_console() -> Console:
    """Standard error, for everything else: progress, notes, errors."""
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A line for people, never wrapped in the middle of something to copy."""
    console().print(text, soft_wrap=True)


def note(text: str) -> None:
    """A remark on standard error, so that it spoils no output that is piped on."""
    errors_console().print(text, soft_wrap=True, style="dim")


def print_json(value: Any, *, offsets: bool = False) -> None:
    """One JSON document on standard output. Structs, moments and enums become what JSON has for them.

    Moments end in Z, or with `offsets` in +00:00, as the Pictograph face writes them: for documents that say
    what it says.
    """
    plain = msgspec.to_builtins(value, builtin_types=(datetime,) if offsets else None)
    _write_json(plain, indent=2)


def print_json_line(value: Any) -> None:
    """One line of JSON on standard output, of several."""
    _write_json(msgspec.to_builtins(value), indent=None)


def _write_json(plain: Any, *, indent: int | None) -> None:
    # Names as they are, where the terminal or pipe takes them; its own way out for others would not be JSON.
    escaped = (sys.stdout.encoding or "").lower() not in {"utf-8", "utf8"}
    text = json.dumps(plain, indent=indent, ensure_ascii=escaped, default=datetime.isoformat)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> Table:
    """A plain table; columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def counted(count: int, what: str) -> str:
    """So many of something whose plural takes an s."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"
