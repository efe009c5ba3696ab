"""`python -m bench`: measures, shows tables, and puts each into bench/RESULTS.md as soon as it is there."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from bench import (
    delivery,
    ingest,
    jobs,
    listing,
    media,
    memory,
    operations,
    readers,
    report,
    submitting,
    transfers,
)
from bench.library import KEPT

SECTIONS = (
    "operations",
    "growth",
    "readers",
    "listing",
    "upload",
    "download",
    "memory",
    "iiif",
    "ingest",
    "submitting",
    "queue",
    "media",
)
RESULTS = Path(__file__).parent / "RESULTS.md"
WORKPLACE = KEPT / "work"
Say = Callable[[str], None]


def main() -> None:
    options = _options()
    with Console(stderr=True).status("") as status:
        for table in _measure(options, status.update):
            report.show(table)
            if options.written:
                report.write([table], RESULTS, rounds=_rounds(options))
    if options.written:
        print(f"written to {RESULTS}")


def _measure(options: argparse.Namespace, say: Say) -> Iterator[report.Table]:
    rounds = _rounds(options)
    shutil.rmtree(WORKPLACE, ignore_errors=True)
    WORKPLACE.mkdir(parents=True)
    try:
        if set(options.sections) - {"upload", "download", "iiif", "ingest", "submitting", "queue", "media"}:
            say(f"a library of {options.assets:,} assets")
            yield from _beside_a_library(options, rounds, say)
        if "upload" in options.sections:
            yield transfers.measure_upload(WORKPLACE, options.photos, rounds, _named("upload", say))
        if "download" in options.sections:
            yield transfers.measure_download(WORKPLACE, rounds, _named("download", say))
        if "iiif" in options.sections:
            yield delivery.measure_speed(WORKPLACE, options.photos, rounds, _named("iiif", say))
            yield delivery.measure_memory(WORKPLACE, _named("iiif", say))
        if "ingest" in options.sections:
            say_so = _named("ingest", say)
            yield ingest.measure(WORKPLACE, options.photos, rounds, say_so, quick=options.quick)
        if "submitting" in options.sections:
            yield submitting.measure(WORKPLACE, rounds, _named("submitting", say))
        if "queue" in options.sections:
            yield from jobs.measure(WORKPLACE, rounds, _named("queue", say), postgres=options.postgres)
        if "media" in options.sections:
            yield from media.measure(WORKPLACE, rounds, _named("media", say))
    finally:
        shutil.rmtree(WORKPLACE)


def _rounds(options: argparse.Namespace) -> int:
    return options.rounds or (2 if options.quick else 5)


def _beside_a_library(options: argparse.Namespace, rounds: int, say: Say) -> Iterator[report.Table]:
    database = operations.on_postgres if options.postgres else operations.on_sqlite
    with database(options.assets, WORKPLACE) as contest:
        if "operations" in options.sections:
            yield operations.measure_verbs(contest, rounds, _named("operations", say))
        if "growth" in options.sections:
            yield operations.measure_growth(contest, rounds, _named("growth", say))
        if "readers" in options.sections:
            seconds = 3 if options.quick else 6
            yield readers.measure(contest, rounds, seconds, _named("readers", say))
        if "listing" in options.sections:
            yield from listing.measure(contest, WORKPLACE, rounds, _named("listing", say))
        if "memory" in options.sections:
            yield memory.measure(contest, WORKPLACE, min(rounds, 3), _named("memory", say))


def _named(section: str, say: Say) -> Say:
    return lambda words: say(f"{section}: {words}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    sections = f"of {', '.join(SECTIONS)}; without any, all of them"
    parser.add_argument("sections", nargs="*", metavar="section", help=sections)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and RESULTS.md is not written")
    parser.add_argument("--rounds", type=int, help="how often each thing is measured (5, or 2 with --quick)")
    parser.add_argument("--assets", type=int, default=1_000_000, help="size of the library (1000000)")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL; shown, and not written")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to upload (those of the demo)")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    options.sections = options.sections or list(SECTIONS)
    options.written = not (options.quick or options.postgres)
    return options


if __name__ == "__main__":
    sys.exit(main())
