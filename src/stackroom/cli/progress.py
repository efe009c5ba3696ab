"""How far something has come: a bar on the terminal, and nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from stackroom.cli.console import errors_console

Follow = Callable[[int, int | None], None]


@contextmanager
def counting(what: str) -> Iterator[Follow]:
    """A bar for things that are counted; it is told `(done, total)`."""
    columns = (
        SpinnerColumn(),
        TextColumn(escape(what)),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with following(*columns) as follow:
        yield follow


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Says what is waited for, where nobody can say how long it will take."""
    with following(SpinnerColumn(), TextColumn(escape(what))):
        yield


@contextmanager
def following(*columns: ProgressColumn) -> Iterator[Follow]:
    """A bar of these columns; it is told `(done, total)`."""
    with bar_of(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def bar_of(*columns: ProgressColumn, transient: bool = False) -> Progress:
    """A bar of these columns, where somebody looks; a transient one goes when it is over."""
    screen = errors_console()
    return Progress(*columns, console=screen, disable=not screen.is_terminal, transient=transient)
