"""What the pages have in common that say which test holds each case of a protocol's list."""

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

ROOT: Final = Path(__file__).parents[1]
Case = TypeVar("Case", int, str)


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """The functions of a file, as they stand in it."""
    yield from (each for each in ast.parse(path.read_text()).body if isinstance(each, ast.FunctionDef))


def ids_of(test: ast.FunctionDef) -> list[str]:
    """The texts in a test's decorators, among which are the ids of its parameters."""
    return [
        each.value
        for decorator in test.decorator_list
        for each in ast.walk(decorator)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def gathered(
    paths: Iterable[Path], known: Iterable[Case], held_by: Callable[[ast.FunctionDef], Iterable[Case]]
) -> dict[Case, list[str]]:
    """The tests that hold each case, as pytest names them."""
    found: dict[Case, list[str]] = {case: [] for case in known}
    for path in paths:
        for test in functions(path):
            if test.name.startswith("test_"):
                for case in held_by(test):
                    found[case].append(f"{path.relative_to(ROOT)}::{test.name}")
    return found


def tables(
    cases: Mapping[str, Mapping[Case, str]],
    held: Mapping[Case, Sequence[str]],
    notes: Mapping[Case, str],
    *,
    named: str,
    excused: Mapping[Case, str] | None = None,
) -> list[str]:
    """The lines of a table for each group. `named` is how a test's name begins with its cases; what is `excused` has no
    test, and says why."""
    excused = excused or {}
    lines = []
    for title, group in cases.items():
        lines += [f"## {title}\n", "| | Case | Held by |", "|---|---|---|"]
        for case, about in group.items():
            by = "; ".join(_link(each, named) for each in sorted(held[case]))
            note = excused.get(case, notes.get(case, ""))
            if case in excused:
                by = "does not apply"
            lines.append(f"| {case} | {about} | {by}{': ' if note else ''}{note} |")
        lines.append("")
    return lines


def _link(test: str, named: str) -> str:
    path, _, name = test.partition("::")
    words = re.sub(rf"^(?:{named}_)+", "", name.removeprefix("test_")).replace("_", " ")
    return f"[{words}](../../{path})"


def keep(path: Path, wanted: str, about: str) -> int:
    """The command: bring a page up to date, or with `--check` only say whether it is."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true", help="only say whether the page is stale")
    check = parser.parse_args().check
    if path.exists() and path.read_text() == wanted:
        return 0
    if check:
        sys.stdout.write(f"stale: {path.relative_to(ROOT)}; run `make generate`\n")
        return 1
    path.write_text(wanted)
    sys.stdout.write(f"written: {path.name}\n")
    return 0
