"""Bytes in and out: uploads against hashing and writing the same bytes, downloads against nginx."""

import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.client import Client as PlainClient
from bench.pictures import noise, photographs
from bench.report import Pairs, Table, spread, verdict
from stackroom import Client, workflows
from stackroom.testing.live import LiveServer
from stackroom.testing.processes import wait_until

PHOTOGRAPHS, WORKERS = 200, 8
DOWNLOAD_AIM = 0.7
SIDE = 1290  # 5.0 MB
TIMES = {1: 40, 8: 10}
"""How many downloads each of so many connections makes in one turn."""


Side = tuple[str, str]
"""An address, and the header lines to ask with."""


class Run(msgspec.Struct, frozen=True):
    turns: int
    say: Callable[[str], None]


def measure_upload(workplace: Path, source: Path | None, turns: int, say: Callable[[str], None]) -> Table:
    files, where_from = photographs(PHOTOGRAPHS, workplace / "photographs", source)
    size = sum(path.stat().st_size for path in files)
    pairs = Pairs([], [])
    with LiveServer(workplace / "uploads") as server:
        for turn in range(turns + 1):
            say(f"turn {turn} of {turns}")
            # An organization of its own each time: within one, bytes that are known are not stored again.
            key = server.create_organization(f"Turn {turn}")["api_key"]
            ours = _upload(server.url, key, workplace / "photographs")
            theirs = _hash_and_write(files, workplace / f"written-{turn}")
            if turn:
                pairs.ours.append(ours)
                pairs.theirs.append(theirs)
    row = [
        f"{PHOTOGRAPHS} photographs, {size / 1e6:.1f} MB",
        *(f"{size / 1e6 / statistics.median(side):,.1f} MB/s" for side in (pairs.ours, pairs.theirs)),
        *(f"{PHOTOGRAPHS / statistics.median(side):,.0f}/s" for side in (pairs.ours, pairs.theirs)),
        f"{pairs.ratio:.1f}",
        spread(pairs.ratios),
    ]
    return Table(
        title="Upload",
        text=(
            f"{where_from[0].upper()}{where_from[1:]}, {size / PHOTOGRAPHS / 1000:,.0f} kB each on average. *Ours*: "
            f"the SDK's `upload_dataset_from_folder` with {WORKERS} workers, so for each photograph an address is "
            "asked for, the bytes sent there, and the image registered: checked, decoded, its thumbnail made, its "
            "rows written durably. *Floor*: one process reads each file, hashes it with SHA-256, writes it, and "
            "waits until it is on the disk. The ratio is of times."
        ),
        columns=["what", "ours", "floor", "ours, files", "floor, files", "ratio", "spread"],
        rows=[row],
    )


def measure_download(workplace: Path, turns: int, say: Callable[[str], None]) -> Table:
    if shutil.which("nginx") is None:
        return _no_nginx()
    run = Run(turns, say)
    with tempfile.TemporaryDirectory() as directory, LiveServer(workplace / "downloads") as server:
        public = Path(directory)
        public.chmod(0o755)
        picture = noise(SIDE, public / "picture.png")
        key = server.create_organization("Downloads")["api_key"]
        ours = _put_there(server, key, picture)
        with _nginx(public) as port:
            theirs = f"http://127.0.0.1:{port}/{picture.name}"
            rows = [
                _contest(
                    connections,
                    kind,
                    (url, f"X-API-Key: {key}\r\n" if kind == "API" else ""),
                    (theirs, ""),
                    run,
                )
                for connections in TIMES
                for kind, url in ours.items()
            ]
    return Table(
        title="Download of a 5 MB file",
        text=(
            "Against nginx as Debian packages it (as many workers as there are cores, `sendfile`), serving the same "
            "file. The client is the same for both: a process of its own that asks over connections it keeps, reads "
            "into one piece of memory, and looks at nothing. *API* also asks whose the key is. Nothing is written "
            "meanwhile, so keys and files are looked up once (decision 16)."
        ),
        columns=["what", "ours", "nginx", "ratio of bytes per second", "spread", "aim"],
        rows=rows,
    )


def _upload(url: str, key: str, folder: Path) -> float:
    with Client(key, base_url=url) as client:
        began = time.perf_counter()
        report = workflows.upload_dataset_from_folder(
            client, "photographs", folder, organize_by_class=False, max_workers=WORKERS
        )
        took = time.perf_counter() - began
    if report.images_uploaded != PHOTOGRAPHS:
        raise RuntimeError(f"not all were uploaded: {report.failures[:3]}")
    return took


def _hash_and_write(files: list[Path], place: Path) -> float:
    place.mkdir()
    began = time.perf_counter()
    for path in files:
        content = path.read_bytes()
        hashlib.sha256(content).digest()
        with (place / path.name).open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
    took = time.perf_counter() - began
    shutil.rmtree(place)
    return took


def _put_there(server: LiveServer, key: str, picture: Path) -> dict[str, str]:
    """Its two addresses."""
    with Client(key, base_url=server.url) as client:
        dataset = client.projects.create("files")
        image = client.images.upload(dataset.id, picture)
    with PlainClient(server.port, key) as plain:
        told = plain.get(f"/api/v1/developer/images/{image.id}/metadata")
    return {
        "signed URL": told["image"]["image_url"],
        "API": f"{server.url}/api/v1/developer/images/{image.id}",
    }


def _contest(connections: int, kind: str, ours: Side, theirs: Side, run: Run) -> list[str]:
    what = f"{kind}, {connections} connection{'s' * (connections > 1)}"
    pairs = Pairs([], [])
    size = 0
    for turn in range(run.turns + 1):
        run.say(f"{what}, turn {turn} of {run.turns}")
        (mine, size), (other, same) = (_download(*side, connections) for side in (ours, theirs))
        if size != same:
            raise RuntimeError(f"{size} bytes from us, {same} from nginx")
        if turn:
            pairs.ours.append(mine)
            pairs.theirs.append(other)
    rates = [f"{size / statistics.median(side) / 1e6:,.0f} MB/s" for side in (pairs.ours, pairs.theirs)]
    faster = Pairs(pairs.theirs, pairs.ours)  # bytes per second: the other way round than times
    aim = verdict(faster.ratio, DOWNLOAD_AIM, at_least=True)
    return [what, *rates, f"{faster.ratio:.2f}", spread(faster.ratios), aim]


def _download(url: str, header: str, connections: int) -> tuple[float, int]:
    """Seconds and bytes of one turn."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    command = [sys.executable, "-m", "bench.downloader", str(parts.port), path, header]
    command += [str(connections), str(TIMES[connections])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, size = done.stdout.split()
    return float(seconds), int(size)


@contextmanager
def _nginx(public: Path) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        place = Path(directory)
        place.chmod(0o755)
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = place / "nginx.conf"
        configuration.write_text(
            f"worker_processes auto; daemon off; pid {place}/pid; error_log {place}/error.log;"
            f"events {{ worker_connections 256; }} http {{ {temporary} access_log {place}/access.log; sendfile on;"
            f"tcp_nopush on; server {{ listen 127.0.0.1:{port}; root {public}; }} }}"
        )
        process = subprocess.Popen(
            ["nginx", "-c", configuration, "-e", place / "start.log"], stderr=subprocess.DEVNULL
        )
        try:
            if not wait_until(lambda: answers(port), seconds=10):
                raise RuntimeError(f"nginx does not answer: {(place / 'start.log').read_text()}")
            yield port
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _no_nginx() -> Table:
    return Table(
        title="Download of a 5 MB file",
        text="Not measured: there is no `nginx` on this machine. `apt-get install nginx-light` brings it.",
        columns=["what"],
        rows=[["not measured"]],
    )
