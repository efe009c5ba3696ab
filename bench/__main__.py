"""`python -m bench`: measures, shows tables, and writes bench/RESULTS.md."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench import operations, readers, report
from bench.library import KEPT, prepared

SECTIONS = ("operations", "growth", "readers")
RESULTS = Path(__file__).parent / "RESULTS.md"
console = Console(stderr=True)


def main() -> None:
    options = _options()
    tables = []
    with console.status("making the library") as status:
        for table in _measure(options, lambda words: status.update(words)):
            report.show(table)
            tables.append(table)
    if set(options.sections) == set(SECTIONS):
        report.write(tables, RESULTS, quick=options.quick)
        print(f"written to {RESULTS}")


def _measure(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[report.Table]:
    library = prepared(options.assets)
    rounds = options.rounds or (2 if options.quick else 5)
    workplace = KEPT / "work"
    try:
        if set(SECTIONS[:3]) & set(options.sections):
            contest = operations.Contest(library, workplace)
            try:
                if "operations" in options.sections:
                    yield operations.measure_verbs(contest, rounds, lambda words: say(f"operations: {words}"))
                if "growth" in options.sections:
                    yield operations.measure_growth(contest, min(rounds, 3), lambda words: say(f"growth: {words}"))
                if "readers" in options.sections:
                    seconds = 3 if options.quick else 6
                    yield readers.measure(contest, library, rounds, seconds, lambda words: say(f"readers: {words}"))
            finally:
                contest.close()
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: some two minutes")
    parser.add_argument("--rounds", type=int, help="how often each thing is measured (5, or 2 with --quick)")
    parser.add_argument("--assets", type=int, default=1_000_000, help="size of the library (1000000)")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    options.sections = options.sections or list(SECTIONS)
    return options


if __name__ == "__main__":
    sys.exit(main())
