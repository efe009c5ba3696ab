"""Media: batches of fifty against single calls and the bare floor, what becomes of renditions, webhooks, memory."""

import hashlib
import http.client
import sqlite3
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import imageio_ffmpeg
import msgspec

from bench.client import Client
from bench.media_floor import MediaFloor
from bench.memory import MEGABYTE, Watch, held
from bench.report import Pairs, Table, milliseconds, verdict
from stackroom import ids
from stackroom.client import Client as Sdk
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

FACE = "/api/v0"
FIFTY = 50
CLIENTS = (1, 4, 16)
BATCHES = 12
"""Of fifty, for each number of clients and each turn."""
VIDEOS, RENDITIONS, SEGMENTS = 50, 4, 600
ANSWER_AIM = 1.0
DELIVERIES = 2_000
UPLOAD_MB, ARCHIVE_MEMBERS = 499, 4
PIECE = 2**20
UNLIMITED = {
    "STACKROOM_REQUESTS_PER_MINUTE": "0",
    "STACKROOM_ORGANIZATION_REQUESTS_PER_MINUTE": "0",
    "STACKROOM_WEBHOOK_ALLOW": "127.0.0.1",
}
Say = Callable[[str], None]


class Place:
    """A server with one organization, and a way to ask it."""

    def __init__(self, folder: Path) -> None:
        self.server = LiveServer(folder, environment=UNLIMITED)

    def __enter__(self) -> Self:
        self.server.start()
        self.token: str = self.server.create_organization("Media")["api_key"]
        return self

    def __exit__(self, *_: object) -> None:
        if self.server.running:
            self.server.stop()

    def client(self) -> Client:
        return Client(self.server.port, self.token)

    def sdk(self) -> Sdk:
        return Sdk(self.token, base_url=self.server.url, timeout=600)

    def post(self, path: str, body: Any) -> Any:
        with self.client() as client:
            return client.send("POST", FACE + path, msgspec.json.encode(body)).json()

    @property
    def database(self) -> Path:
        return self.server.data_dir / "library.db"

    @property
    def storage(self) -> Path:
        return self.server.data_dir / "storage"


def measure(workplace: Path, rounds: int, say: Say) -> Iterator[Table]:
    yield _batches(workplace / "batches", rounds, say)
    yield _renditions(workplace / "renditions", say)
    yield _deliveries(workplace / "deliveries", rounds, say)
    yield _memory(workplace / "media-memory", say)


# --- batches ---------------------------------------------------------------------------------------------------------


def _batches(folder: Path, rounds: int, say: Say) -> Table:
    rows = []
    with Place(folder) as place:
        seed = _an_image(place, folder.parent)
        floor = _floor(folder.parent / "floor", rounds)
        for verb in ("copy", "delete"):
            for clients in CLIENTS:
                say(f"batches of {FIFTY}, {verb}, {clients} clients")
                whole, looped = Pairs([], []), []
                for _ in range(rounds):
                    whole.ours.append(_in_batches(place, verb, seed, clients))
                    looped.append(_one_by_one(place, verb, seed, clients))
                rows.append(_row(verb, clients, whole.ours, looped, floor[verb]))
    return Table(
        title=f"Batches of {FIFTY} media",
        text=(
            f"`POST /api/v0/media/batch/…` over HTTP, with an `Idempotency-Key`, audit and events of every item; "
            f"{BATCHES} of them for each turn, shared among so many clients. *One by one*: the same items by calls of "
            "one item each, by the same clients. *Floor*: bare statements that write the same rows, journal, "
            "events and kept answer among them, fifty to a transaction and as durable, all values standing ready "
            "(`bench/media_floor.py`); no HTTP, nothing looked up, judged or named. Items per second, medians."
        ),
        columns=["what", "batches", "one by one", "ratio", "floor", "batches to the floor"],
        rows=rows,
    )


def _row(
    verb: str, clients: int, whole: Sequence[float], looped: Sequence[float], floor: Sequence[float]
) -> list[str]:
    ours, singles, bare = (statistics.median(each) for each in (whole, looped, floor))
    what = f"{verb}, {clients} client{'s' * (clients > 1)}"
    beside = f"{ours / bare:.2f}" if clients == 1 else ""
    return [what, f"{ours:,.0f}/s", f"{singles:,.0f}/s", f"{ours / singles:.1f}", f"{bare:,.0f}/s", beside]


def _an_image(place: Place, folder: Path) -> str:
    path = folder / "seed.png"
    path.write_bytes(picture("png", 64, 48, seed=9))
    with place.sdk() as client:
        return client.media.upload(path).id


def _copies(place: Place, seed: str, count: int) -> list[str]:
    with place.sdk() as client:
        return [each.new_id or "" for each in client.media.batch_copy([seed] * count)]


def _in_batches(place: Place, verb: str, seed: str, clients: int) -> float:
    total = FIFTY * BATCHES
    media = [seed] * total if verb == "copy" else _copies(place, seed, total)
    bodies = [msgspec.json.encode({"ids": media[n : n + FIFTY]}) for n in range(0, total, FIFTY)]

    def send(client: Client, body: bytes) -> None:
        fresh = ids.text(ids.new())
        client.send("POST", f"{FACE}/media/batch/{verb}", body, Idempotency_Key=fresh).json()

    return total / _shared(place, bodies, send, clients)


def _one_by_one(place: Place, verb: str, seed: str, clients: int) -> float:
    total = FIFTY * 4
    media = [seed] * total if verb == "copy" else _copies(place, seed, total)

    def send(client: Client, one: str) -> None:
        fresh = ids.text(ids.new())
        if verb == "delete":
            answer = client.send("DELETE", f"{FACE}/media/{one}", Idempotency_Key=fresh)
        else:
            body = msgspec.json.encode({"ids": [one]})
            answer = client.send("POST", f"{FACE}/media/batch/copy", body, Idempotency_Key=fresh)
        if answer.status >= 300:
            raise RuntimeError(answer.body.decode(errors="replace"))

    return total / _shared(place, media, send, clients)


def _shared(place: Place, work: Sequence[Any], send: Callable[[Client, Any], None], clients: int) -> float:
    """Seconds until so many clients have done all of it together."""
    waiting, gate, failed = iter(list(work)), threading.Barrier(clients + 1), []
    lock = threading.Lock()

    def run() -> None:
        with place.client() as client:
            gate.wait()
            try:
                while True:
                    with lock:
                        each = next(waiting, None)
                    if each is None:
                        return
                    send(client, each)
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - began


def _floor(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Items per second that bare statements make and remove, for each verb."""
    rates: dict[str, list[float]] = {"copy": [], "delete": []}
    floor = MediaFloor(folder, FIFTY)
    for _ in range(rounds):
        rates["copy"].append(FIFTY * BATCHES / sum(floor.copy() for _ in range(BATCHES)))
        rates["delete"].append(FIFTY * BATCHES / sum(floor.delete() for _ in range(BATCHES)))
    floor.close()
    return rates


# --- renditions ------------------------------------------------------------------------------------------------------


def _renditions(folder: Path, say: Say) -> Table:
    files = VIDEOS * (RENDITIONS * (SEGMENTS + 1) + 1)
    with Place(folder) as place:
        videos = _copies(place, _an_image(place, folder.parent), VIDEOS)
        place.server.stop()
        say(f"{files:,} files of renditions")
        prefixes = _as_if_processed(place, videos)
        place.server.start()
        say(f"deleting {VIDEOS} videos")
        began = time.perf_counter()
        answered = place.post("/media/batch/delete", {"ids": videos})["results"]
        seconds = time.perf_counter() - began
        if {each["status"] for each in answered} != {204}:
            raise RuntimeError(answered)
        gone = wait_until(lambda: not any((place.storage / each).exists() for each in prefixes), seconds=600)
        cleaned = time.perf_counter() - began
    rows = [
        ["the answer", f"{seconds * 1000:,.0f} ms", verdict(seconds, ANSWER_AIM)],
        [
            "until no file is left",
            f"{cleaned:,.1f} s" if gone else "**never**",
            f"{files / cleaned:,.0f} files/s",
        ],
    ]
    return Table(
        title="Deleting videos",
        text=(
            f"`batch/delete` of {VIDEOS} videos with {RENDITIONS} renditions of {SEGMENTS} segments each: {files:,} "
            "files, which are listed and removed after the answer. Aim: an answer within a second."
        ),
        columns=["what", "time", "that is"],
        rows=rows,
    )


def _as_if_processed(place: Place, videos: Sequence[str]) -> list[str]:
    """Give media renditions without making any, while the server is down."""
    database = sqlite3.connect(place.database)
    prefixes = []
    for video in videos:
        prefix = f"hls/{video}/{ids.text(ids.new())}/"
        prefixes.append(prefix)
        raw = ids.parse(video)
        (number,) = database.execute("SELECT id FROM asset WHERE uuid = ?", (raw,)).fetchone()
        database.execute("INSERT OR IGNORE INTO asset_media (asset_id) VALUES (?)", (number,))
        database.execute(
            "UPDATE asset_media SET processing = 'completed', renditions = '[]', hls_prefix = ? WHERE asset_id = ?",
            (prefix, number),
        )
        for rendition in range(RENDITIONS):
            below = place.storage / prefix / f"{rendition}p"
            below.mkdir(parents=True)
            for segment in range(SEGMENTS):
                (below / f"segment_{segment:03}.ts").touch()
            (below / "index.m3u8").touch()
        (place.storage / prefix / "master.m3u8").touch()
    database.commit()
    database.close()
    return prefixes


# --- deliveries ------------------------------------------------------------------------------------------------------


@contextmanager
def _sink() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _received(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    found = int(connection.getresponse().read())
    connection.close()
    return found


def _deliveries(folder: Path, rounds: int, say: Say) -> Table:
    rates, lags = [], []
    with ExitStack() as closing:
        place, port = closing.enter_context(Place(folder)), closing.enter_context(_sink())
        seed = _an_image(place, folder.parent)
        place.post(
            "/webhooks",
            {"url": f"http://127.0.0.1:{port}/", "event_type": "file.deleted", "secret": "s" * 20},
        )
        for number in range(rounds):
            say(f"{DELIVERIES:,} deliveries, round {number + 1} of {rounds}")
            media = _copies(place, seed, DELIVERIES)
            before, began = _received(port), time.perf_counter()
            with place.sdk() as client:
                client.media.batch_delete(media)
            changed = time.perf_counter()
            if not wait_until(lambda before=before: _received(port) >= before + DELIVERIES, seconds=300):  # type: ignore[misc]
                raise RuntimeError(f"{_received(port) - before} of {DELIVERIES} deliveries")
            rates.append(DELIVERIES / (time.perf_counter() - began))
            lags.append(time.perf_counter() - changed)
    return Table(
        title="Deliveries of webhooks",
        text=(
            f"{DELIVERIES:,} media are deleted, fifty to a request by one client, and each is told to one endpoint on "
            "this machine, signed, with audit and outbox; from the first request until the last has arrived."
        ),
        columns=["deliveries", "after the last request"],
        rows=[[f"{statistics.median(rates):,.0f}/s", milliseconds(lags)]],
    )


# --- memory ----------------------------------------------------------------------------------------------------------


def _memory(folder: Path, say: Say) -> Table:
    with Place(folder) as place:
        say(f"a video of {UPLOAD_MB} MiB")
        video = _large_video(folder.parent / "large.mp4")
        at_rest = held(place.server.pid)
        rows = [["at rest", f"{at_rest.private / MEGABYTE:,.0f} MB", "", ""]]
        with Watch(place.server.pid) as watch, place.sdk() as client:
            began = time.perf_counter()
            made = client.media.upload(video)
            seconds = time.perf_counter() - began
        rows.append(
            _held_while(f"upload of {UPLOAD_MB} MiB", watch, at_rest.private, UPLOAD_MB * PIECE, seconds)
        )
        say("an archive of two gigabytes")
        members = [made.id, *_copies(place, made.id, ARCHIVE_MEMBERS - 1)]
        group = place.post("/groups", {"files": members})["id"]
        for kind in ("zip", "tar"):
            with Watch(place.server.pid) as watch:
                began = time.perf_counter()
                size = _fetched(place, f"{FACE}/groups/{group}/archive/{kind}")
                seconds = time.perf_counter() - began
            name = f"download of a {kind} of {size / 1e9:.1f} GB"
            rows.append(_held_while(name, watch, at_rest.private, size, seconds))
    return Table(
        title="Memory while media come and go",
        text=(
            "Of the server and all processes below it, together, of their own (`RssAnon`), looked at fifty times a "
            "second. A video that has been uploaded is transcoded beside the downloads."
        ),
        columns=["while", "private, peak", "over rest", "bytes per second"],
        rows=rows,
    )


def _held_while(name: str, watch: Watch, rest: int, size: int, seconds: float) -> list[str]:
    peak = watch.peak.private
    over = (peak - rest) / MEGABYTE
    return [name, f"{peak / MEGABYTE:,.0f} MB", f"{over:,.0f} MB", f"{size / seconds / MEGABYTE:,.0f} MB/s"]


def _large_video(path: Path) -> Path:
    """A second of film, and after it a box that says nothing at great length."""
    source = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=10:duration=1", "-pix_fmt", "yuv420p"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        *source,
        "-movflags",
        "+faststart",
        str(path),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    left = UPLOAD_MB * PIECE - path.stat().st_size
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", left, b"free"))
        left -= 8
        while left:
            piece = hashlib.sha256(str(left).encode()).digest() * (PIECE // 32)
            left -= file.write(piece[: min(left, PIECE)])
    return path


def _fetched(place: Place, path: str) -> int:
    size = 0
    headers = {"Authorization": f"Bearer {place.token}"}
    with httpx.stream("GET", place.server.url + path, headers=headers, timeout=600) as answer:
        if answer.status_code >= 300:
            raise RuntimeError(answer.read().decode(errors="replace"))
        for piece in answer.iter_raw(PIECE):
            size += len(piece)
    return size
