"""Ten thousand items in one request, whole, against the bare floor; and whether time grows with the number of items."""

import os
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec

from bench.choosing import Chooser, Chosen, Reading
from bench.client import Answer, Client
from bench.floor import Floor
from bench.library import DATASET, Library, prepared
from bench.postgres import Connection, PostgresFloor, two_libraries
from bench.report import Pairs, Table, milliseconds, spread, verdict
from stackroom.testing.live import LiveServer

AT_ONCE = 10_000
PICTOGRAPH = "/api/v1/developer/batch/images"
NATIVE = "/library/v1/operations"
ANYWHERE, ONE_FOLDER, LISTED = "random", "one folder", "one folder, as listed"
AIMS = {ANYWHERE: 1.6, ONE_FOLDER: 2.3, LISTED: 2.3}
VERBS = ("move", "archive", "update", "copy", "purge", "undo", "restore")
SHOWN = ("move", "copy", "update", "archive", "restore", "purge", "undo")
ITEMS_OF = {"undo": "move", "restore": "archive"}
"""Each verb changes assets of its own; these two put back what another has changed in the same round."""
STATUSES = ("new", "annotate", "review", "complete")


class Served:
    """A library behind a server, changed by requests: by those of the Pictograph protocol where it has the verb."""

    def __init__(self, server: LiveServer, token: str, reading: Reading) -> None:
        self._client = Client(server.port, token)
        self.reading = reading
        self._spare = self._client.get(f"/library/v1/assets?dataset={DATASET}&limit=1")["assets"][0]["id"]
        self._moved = ""

    def change(self, verb: str, chosen: Chosen, folder: str, status: str, title: str) -> float:
        """One request for the whole change; its seconds. Returns when what follows is over, too."""
        seconds = self.request(verb, chosen, folder, status, title)
        self.settle()
        return seconds

    def request(self, verb: str, chosen: Chosen, folder: str, status: str, title: str) -> float:
        """One request for the whole change, with an Idempotency-Key; its seconds."""
        method, path, body = self._compose(verb, chosen, folder, status, title)
        answer = self._client.send(method, path, body, Idempotency_Key=str(uuid4()))
        self._check(verb, answer, len(chosen.uuids))
        return answer.seconds

    def settle(self) -> None:
        """Wait until what follows a write (a checkpoint, a sweep of bytes) is over: the next write comes after it."""
        while self.reading.execute(
            "SELECT EXISTS (SELECT 1 FROM loose_bytes WHERE due_at < 1e18)"
        ).fetchone()[0]:
            time.sleep(0.05)
        body = {"dataset_name": DATASET, "image_ids": [self._spare], "updates": {"status": "new"}}
        self._client.send("PATCH", f"{PICTOGRAPH}/update", msgspec.json.encode(body)).json()

    def run_long(self, chosen: Chosen, folder: str) -> float:
        """A move of any size over the native protocol, until it has finished and the log is folded in; its seconds."""
        selection = {"ids": chosen.uuids, "dataset": DATASET}
        body = msgspec.json.encode({"verb": "move", "selection": selection, "to": {"folder": folder}})
        began = time.perf_counter()
        operation = self._client.send("POST", NATIVE, body).json()
        while operation["state"] == "running":
            time.sleep(0.05)
            operation = self._client.get(f"{NATIVE}/{operation['id']}")
        self.settle()
        took = time.perf_counter() - began
        if operation["outcomes"] != {"done": len(chosen.uuids)}:
            raise RuntimeError(f"not all were moved: {operation['outcomes']}")
        return took

    def close(self) -> None:
        self._client.close()
        self.reading.close()

    def _compose(
        self, verb: str, chosen: Chosen, folder: str, status: str, title: str
    ) -> tuple[str, str, bytes | None]:
        about: dict[str, object] = {"dataset_name": DATASET, "image_ids": chosen.uuids}
        match verb:
            case "undo":
                return "POST", f"{NATIVE}/{self._moved}/undo", b"{}"
            case "move":
                method, path, more = "POST", "move", {"target_folder_path": folder}
            case "copy":
                rules = {"duplicate_handling": "rename", "copy_annotations": False}
                method, path, more = "POST", "copy", {"target_folder_path": folder, **rules}
            case "archive" | "purge":
                method, path, more = "POST", "delete", {"permanent": verb == "purge"}
            case _:
                updates = (
                    {"is_archived": False} if verb == "restore" else {"status": status, "display_name": title}
                )
                method, path, more = "PATCH", "update", {"updates": updates}
        return method, f"{PICTOGRAPH}/{path}", msgspec.json.encode(about | more)

    def _check(self, verb: str, answer: Answer, count: int) -> None:
        said = answer.json()
        done = said["outcomes"].get("done") if verb == "undo" else said["processed"]
        if done != count:
            raise RuntimeError(f"{verb}: {done} of {count} were done: {answer.body[:300]!r}")
        if verb == "move":
            self._moved = said["operation_id"]


class Contest:
    """The same changes to the same assets on two copies of a library: over the server, and on the bare floor."""

    def __init__(
        self, library: Library, server: LiveServer, floor: Floor | PostgresFloor, reading: Reading
    ) -> None:
        self._server = server.start()
        self.port, self.pid, self.token = server.port, server.pid, library.token
        self.served = Served(server, library.token, reading)
        self.floor = floor
        self.chooser = Chooser(reading, library.assets, library.crowded)

    def close(self) -> None:
        self.served.close()
        self.floor.close()
        self._server.stop()

    def turn(
        self, number: int, ours: Callable[[], float], theirs: Callable[[], float]
    ) -> tuple[float, float]:
        """Both, each the first in every other turn."""
        if number % 2:
            other = theirs()
            return ours(), other
        return ours(), theirs()


@contextmanager
def on_sqlite(assets: int, workplace: Path) -> Iterator[Contest]:
    """In two copies of the library that is kept."""
    library = prepared(assets)
    ours, theirs = library.copy_to(workplace / "served"), library.copy_to(workplace / "floor")
    reading = sqlite3.connect(f"file:{ours.database}?mode=ro", uri=True, check_same_thread=False)
    contest = Contest(ours, LiveServer(ours.data_dir, patience=120), Floor(theirs.database), reading)
    with closing(contest):
        yield contest


@contextmanager
def on_postgres(assets: int, workplace: Path) -> Iterator[Contest]:
    """In two databases of a server of its own."""
    server, library, ours, theirs = two_libraries(assets, workplace)
    try:
        live = LiveServer(library.data_dir, database_url=ours, patience=120)
        with closing(Contest(library, live, PostgresFloor(theirs), Connection(ours))) as contest:
            yield contest
    finally:
        server.stop()


def measure_verbs(contest: Contest, rounds: int, say: Callable[[str], None]) -> Table:
    """Every verb, for ten thousand assets anywhere, for as many of one folder, and for those as they are listed."""
    measured: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for number in range(rounds + 1):  # the first round warms up and is not counted
        for kind in AIMS:
            say(f"round {number} of {rounds}, {kind}")
            for verb, pair in _one_round(contest, number, kind).items():
                if number:
                    measured[verb, kind].append(pair)
    rows = []
    for verb in SHOWN:
        for kind in AIMS:
            pairs = Pairs(*map(list, zip(*measured[verb, kind], strict=True)))
            rows.append(_row(verb, kind, pairs))
    return Table(
        title=f"{AT_ONCE:,} items in one request",
        text=_verbs_text(contest),
        columns=["verb", "items", "whole request", "bare floor", "ratio", "spread", "aim"],
        rows=rows,
    )


def measure_growth(contest: Contest, rounds: int, say: Callable[[str], None]) -> Table:
    """A move of a thousand, ten thousand and a hundred thousand."""
    sizes = (1_000, 10_000, 100_000)
    measured: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for number in range(rounds):
        for size in sizes:
            say(f"round {number + 1} of {rounds}, {size:,} items")
            measured[size].append(_one_size(contest, number, size))
    rows = []
    base = statistics.median(size_pair[0] for size_pair in measured[AT_ONCE]) / AT_ONCE
    for size in sizes:
        pairs = Pairs(*map(list, zip(*measured[size], strict=True)))
        each = statistics.median(pairs.ours) / size
        rows.append(
            [
                f"{size:,}",
                milliseconds(pairs.ours),
                f"{1 / each:,.0f}",
                f"{each / base:.2f}",
                f"{pairs.ratio:.2f}",
            ]
        )
    return Table(
        title="Growth",
        text=(
            "A move of random ids as an operation of `/library/v1`, from the request until it has finished. Up to "
            "10,000 items are one transaction; more run in chunks of that size. The floor makes the same changes, "
            "also 10,000 to a transaction. A long operation meets its own checkpoints, so here they are counted on "
            "both sides, the last one too. *Time per item* is relative to that of 10,000 items: 1.00 throughout would "
            "be exactly linear."
        ),
        columns=["items", "time", "items per second", "time per item", "ratio to the floor"],
        rows=rows,
    )


def _one_round(contest: Contest, number: int, kind: str) -> dict[str, tuple[float, float]]:
    chooser, taken = contest.chooser, {}
    chooser.begin_round()
    status, title = STATUSES[number % len(STATUSES)], f"round {number}, {kind}"
    pairs = {}
    for verb in VERBS:
        source = ITEMS_OF.get(verb, verb)
        if source not in taken:
            in_folder = partial(chooser.of_one_folder, listed=kind == LISTED)
            draw = chooser.anywhere if kind == ANYWHERE else in_folder
            taken[source] = draw(AT_ONCE)
        folder = f"/bench/{kind}-{verb}-{number}"
        place = contest.floor.make_folder(folder)
        pairs[verb] = contest.turn(
            number,
            lambda verb=verb, folder=folder, chosen=taken[source]: contest.served.change(
                verb, chosen, folder, status, title
            ),
            lambda verb=verb, place=place, chosen=taken[source]: contest.floor.change(
                verb, chosen, place, status, title
            ),
        )
    return pairs


def _one_size(contest: Contest, number: int, size: int) -> tuple[float, float]:
    contest.chooser.begin_round()
    chosen = contest.chooser.anywhere(size)
    folder = f"/bench/growth-{size}-{number}"
    place = contest.floor.make_folder(folder)
    chunks = [Chosen(chosen.rows[n : n + AT_ONCE], []) for n in range(0, size, AT_ONCE)]
    os.sync()  # a thousand would wait longer for what the hundred thousand before them left to be written
    return contest.turn(
        number,
        lambda: contest.served.run_long(chosen, folder),
        lambda: sum(contest.floor.change_and_fold("move", chunk, place) for chunk in chunks),
    )


def _row(verb: str, kind: str, pairs: Pairs) -> list[str]:
    aim = AIMS[kind]
    return [
        verb,
        kind,
        milliseconds(pairs.ours),
        milliseconds(pairs.theirs),
        f"{pairs.ratio:.2f}",
        spread(pairs.ratios),
        verdict(pairs.ratio, aim),
    ]


def _verbs_text(contest: Contest) -> str:
    return (
        f"From a library of {contest.chooser.assets:,} assets in 1,000 folders, in no order, but for those *as "
        "listed*, whose ids come newest first, as a client has them from a listing. *Whole request*: one HTTP "
        "request with an `Idempotency-Key`, from its first byte to the last byte of the answer, journal, event and "
        "outcome of every item included; it is the Pictograph protocol's batch request, and for undo the native "
        "one. *Bare floor*: the cheapest statements that make the same change to the same rows in one transaction, "
        "in another copy of the same library with the same settings, the row ids standing ready in a temporary "
        "table (`bench/floor.py`). Both commit durably; checkpoints of either come after the clock has stopped. "
        "Moves and copies go into a folder that the request makes; restore and undo put back what the archive and "
        "the move of the same round changed."
    )
