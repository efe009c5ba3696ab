"""What the server and its children hold, while large operations and large uploads run: it should not grow."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from bench.library import DATASET
from bench.operations import AT_ONCE, SHOWN, Contest
from bench.pictures import noise
from bench.report import Table
from stackroom import Client

EVERY = 0.02
SIDE = 4170  # 52.2 MB, just under the limit of 50 MiB
MEGABYTE = 1e6


class Held(msgspec.Struct, frozen=True):
    """Bytes of a moment: `private` is what the processes hold of their own, `mapped` files they have in view, such
    as the database, which the system takes back whenever it needs the room."""

    private: int
    mapped: int


def measure(contest: Contest, workplace: Path, turns: int, say: Callable[[str], None]) -> Table:
    rows = [["before", *_shown(held(contest.pid), held(contest.pid))]]
    for turn in range(1, turns + 1):
        say(f"turn {turn} of {turns}, operations")
        with Watch(contest.pid) as watch:
            _operate(contest, turn)
        rows.append(
            [f"{len(SHOWN)} operations of {AT_ONCE:,}, turn {turn}", *_shown(watch.peak, held(contest.pid))]
        )
    picture = noise(SIDE, workplace / "large.png")
    for turn in range(1, turns + 1):
        say(f"turn {turn} of {turns}, uploads")
        with (
            Watch(contest.pid) as watch,
            Client(contest.token, base_url=f"http://127.0.0.1:{contest.port}") as client,
        ):
            dataset = client.datasets.get(DATASET)
            for number in range(2):
                client.images.upload(dataset.id, picture, folder_path=f"/large/{turn}-{number}")
        time.sleep(1)
        name = f"two uploads of {picture.stat().st_size / MEGABYTE:.0f} MB, turn {turn}"
        rows.append([name, *_shown(watch.peak, held(contest.pid))])
    return Table(
        title="Memory",
        text=(
            "Of the server and the processes it decodes pictures in, together. *Private* is what they hold of their "
            "own (`RssAnon`), looked at fifty times a second; *mapped* are files in view, mostly the database, which "
            "the system takes back when it needs the room. *After*: when the work is done."
        ),
        columns=["while", "private, peak", "mapped, peak", "private, after", "processes"],
        rows=[[*row, str(len(_family(contest.pid)))] for row in rows],
    )


class Watch:
    """The most that was held between `with` and its end."""

    def __init__(self, pid: int) -> None:
        self.peak = Held(0, 0)
        self._pid = pid
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._enough.wait(EVERY):
            now = held(self._pid)
            self.peak = Held(max(self.peak.private, now.private), max(self.peak.mapped, now.mapped))


def _operate(contest: Contest, turn: int) -> None:
    contest.chooser.begin_round()
    chosen, others = contest.chooser.anywhere(AT_ONCE), contest.chooser.anywhere(AT_ONCE)
    for verb in ("move", "undo", "update", "copy", "archive", "restore"):
        contest.served.change(verb, chosen, f"/memory/{verb}-{turn}", "review", f"memory {turn}")
    contest.served.change("purge", others, "", "", "")


def held(pid: int) -> Held:
    private = mapped = 0
    for each in _family(pid):
        fields = _status(each)
        private += fields.get("RssAnon", 0)
        mapped += fields.get("RssFile", 0)
    return Held(private, mapped)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task").glob("*/children")
        below = [int(child) for file in children for child in file.read_text().split()]
    except OSError:
        return []
    return [pid, *(each for child in below for each in _family(child))]


def _status(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (line.partition(":") for line in lines)
        if "kB" in rest
    }


def _shown(peak: Held, after: Held) -> list[str]:
    return [f"{value / MEGABYTE:,.0f} MB" for value in (peak.private, peak.mapped, after.private)]
