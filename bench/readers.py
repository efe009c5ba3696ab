"""How long a reader waits while ten thousand items at a time are changed, against the same reader left alone.

The reader is a process of its own: `python -m bench.readers PORT TOKEN SECONDS` reads ids from its standard input
and prints how long each of its requests took.
"""

import itertools
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from bench.client import Client
from bench.library import DATASET
from bench.operations import AT_ONCE, Contest
from bench.report import Table, verdict

AIM = 3.0
FACE = "/api/v1/developer/images"
KINDS = ("one image", "first page of 50")
CYCLE = ("move", "update", "archive", "restore")
Times = dict[str, list[float]]


def measure(contest: Contest, turns: int, seconds: float, say: Callable[[str], None]) -> Table:
    quiet, busy, operations = [], [], 0
    for turn in range(turns):
        say(f"turn {turn + 1} of {turns}, quiet")
        quiet.append(_read(contest, seconds))
        say(f"turn {turn + 1} of {turns}, busy")
        with _Busy(contest, turn) as writers:
            busy.append(_read(contest, seconds))
        operations += writers.count
        contest.served.settle()
    rows = [_row(kind, [it[kind] for it in quiet], [it[kind] for it in busy]) for kind in KINDS]
    both = [[[*it[KINDS[0]], *it[KINDS[1]]] for it in side] for side in (quiet, busy)]
    rows.append(_row("both", *both))
    return Table(
        title="A reader beside bulk operations",
        text=(
            "One client in a process of its own asks, in turns, for the metadata of a random image and for the first "
            f"page of 50 of the dataset of {contest.chooser.assets:,}. *Busy*: meanwhile another client sends moves, "
            f"updates, archives and restores of {AT_ONCE:,} random ids each, one upon the other ({operations} in "
            f"{turns} times {seconds:g} s, checkpoints included); *quiet*: nothing else happens. The p99 is the "
            "median of the turns', the ratio that of each turn's two."
        ),
        columns=["request", "quiet p50", "quiet p99", "busy p50", "busy p99", "busy max", "p99 ratio", "aim"],
        rows=rows,
    )


class _Busy:
    """Operations one upon the other, from `with` to its end."""

    def __init__(self, contest: Contest, turn: int) -> None:
        self.count = 0
        self._contest = contest
        self._turn = turn
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._failed: Exception | None = None

    def __enter__(self) -> Self:
        self._contest.chooser.begin_round()
        self._chosen = [self._contest.chooser.anywhere(AT_ONCE) for _ in range(4)]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        try:
            for number, chosen in enumerate(itertools.cycle(self._chosen)):
                for verb in CYCLE:
                    if self._enough.is_set() and verb != "restore":  # what is archived comes back first
                        return
                    folder, title = f"/busy/{self._turn}-{number}", f"busy {self._turn}-{number}"
                    self._contest.served.request(verb, chosen, folder, "review", title)
                    self.count += 1
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for this one
            self._failed = error


def _read(contest: Contest, seconds: float) -> Times:
    command = [sys.executable, "-m", "bench.readers", str(contest.port), contest.token, str(seconds)]
    asked = "\n".join(contest.chooser.some_ids(2_000))
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    times: Times = json.loads(done.stdout)
    return times


def _row(kind: str, quiet: list[list[float]], busy: list[list[float]]) -> list[str]:
    ratio = statistics.median(_p99(mine) / _p99(alone) for mine, alone in zip(busy, quiet, strict=True))
    shown = [
        statistics.median(map(statistics.median, quiet)),
        statistics.median(map(_p99, quiet)),
        statistics.median(map(statistics.median, busy)),
        statistics.median(map(_p99, busy)),
        max(map(max, busy)),
    ]
    return [kind, *(f"{value * 1000:.1f} ms" for value in shown), f"{ratio:.2f}", verdict(ratio, AIM)]


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _main(port: str, token: str, seconds: str) -> None:
    images = sys.stdin.read().split()
    times: Times = {kind: [] for kind in KINDS}
    with Client(int(port), token) as client:
        end = time.perf_counter() + float(seconds)
        while time.perf_counter() < end:
            paths = (f"{FACE}/{random.choice(images)}/metadata", f"{FACE}?dataset_name={DATASET}&limit=50")
            for kind, path in zip(KINDS, paths, strict=True):
                answer = client.send("GET", path)
                answer.json()
                times[kind].append(answer.seconds)
    print(json.dumps(times))


if __name__ == "__main__":
    _main(*sys.argv[1:])
