"""What was measured, as tables: on the terminal, and in RESULTS.md."""

import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from stackroom import __version__


class Pairs(msgspec.Struct, frozen=True):
    """Ours and what it is held against, measured in turns: the seconds of each turn."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        """The median of the turns' ratios: a neighbour that slows both sides of a turn does not show in it."""
        return statistics.median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A section: what was compared, and rows of text."""

    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def milliseconds(seconds: Sequence[float]) -> str:
    middle = statistics.median(seconds) * 1000
    return f"{middle:,.0f} ms" if middle >= 10 else f"{middle:.2f} ms"


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def verdict(ratio: float, aim: float, *, at_least: bool = False) -> str:
    reached = ratio >= aim if at_least else ratio <= aim
    return f"{'at least' if at_least else 'at most'} {aim:g}: {'reached' if reached else '**missed**'}"


def show(table: Table) -> None:
    console = Console()
    drawn = RichTable(
        title=table.title, title_justify="left", caption="\n".join(table.notes), caption_justify="left"
    )
    for n, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if n == 0 else "right")
    for row in table.rows:
        drawn.add_row(*(cell.replace("**", "") for cell in row))
    console.print(drawn)


def write(tables: Sequence[Table], path: Path, *, rounds: int) -> None:
    """Put these tables into RESULTS.md, in the place of those that were measured before; the others stay."""
    there = path.read_text().split("\n## ")[1:] if path.exists() else []
    kept = {part.partition("\n")[0]: f"## {part.rstrip()}" for part in there}
    when = f"*Measured on {time.strftime('%d %B %Y', time.gmtime())}, {rounds} rounds, on {_machine()}.*"
    kept |= {table.title: f"{_markdown(table)}\n\n{when}" for table in tables}
    path.write_text("\n\n".join([_HEAD, *kept.values()]) + "\n")


_HEAD = f"""# How fast it is

Written by `make bench`, by Stackroom {__version__}; each table says when it was measured, and on what.

Everything is a ratio to something that ran in turns with it on the same machine, moments apart; absolute times
depend on the machine. Unless a table says otherwise, a number is the median, and *spread* is the lowest to the
highest ratio of a single turn."""


def _machine() -> str:
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"{sys.implementation.name} {platform.python_version()}"
    return (
        f"{cores} cores with {memory:.0f} GB, {platform.system()}, {python}, SQLite {sqlite3.sqlite_version}"
    )


def _markdown(table: Table) -> str:
    head = f"| {' | '.join(table.columns)} |"
    line = f"|{'|'.join(['---', *['---:'] * (len(table.columns) - 1)])}|"
    rows = [f"| {' | '.join(row)} |" for row in table.rows]
    notes = "".join(f"\n\n{note}" for note in table.notes)
    return "\n".join([f"## {table.title}", "", table.text, "", head, line, *rows]) + notes
