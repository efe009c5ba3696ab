"""Delivery: tiles and whole pictures against Debian's image server, and what a very large image takes of memory."""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pyvips

from bench.library import KEPT
from bench.memory import Watch, held
from bench.pictures import photographs
from bench.report import Pairs, Table, spread, verdict
from bench.transfers import answers, free_port
from stackroom import Client
from stackroom.testing.live import LiveServer
from stackroom.testing.processes import wait_until

AIM = 0.5
CONNECTIONS = 4
SIDE, HUGE = 16_384, 30_000
TILE = 512
MEGABYTE = 1e6
MEMORY_AIM = 400
IIPSRV = os.environ.get("IIPSRV", "/usr/lib/iipimage-server/iipsrv.fcgi")
Say = Callable[[str], None]


class Contest(msgspec.Struct, frozen=True):
    """What is asked for in each turn, as the parts of IIIF addresses, and how it is called."""

    name: str
    turns: Sequence[Sequence[str]]


def measure_speed(workplace: Path, source: Path | None, turns: int, say: Say) -> Table:
    """Requests per second for the same pyramid, which is the original of an asset."""
    if shutil.which("nginx") is None or not Path(IIPSRV).exists():
        return _not_measured()
    rows = []
    arguments = ["--max-upload-mb", "2000"]
    with (
        tempfile.TemporaryDirectory() as directory,
        LiveServer(workplace / "delivery", arguments=arguments) as server,
    ):
        public = Path(directory)
        public.chmod(0o755)
        say("a pyramid")
        picture = _pyramid(photographs(1, workplace / "photograph", source)[0][0], public / "picture.tif")
        ours = _uploaded(server, picture)
        with _iipimage(public) as port:
            for contest in _contests(turns):
                say(contest.name)
                rows.append(_compared(contest, (server.port, ours), (port, "/?IIIF=picture.tif")))
    return Table(
        title="IIIF delivery",
        text=(
            f"A photograph of {SIDE:,} by {SIDE:,} pixels as a pyramid of JPEG tiles, 256 by 256, which both servers "
            f"read as it is. *Theirs*: iipimage-server as Debian packages it, one process for each core behind nginx. "
            f"{CONNECTIONS} connections that are kept; the same addresses in the same order for both. *Once*: each "
            "tile is asked for once, so that nobody's cache helps. Requests per second."
        ),
        columns=["what", "ours", "iipimage", "ratio", "spread", "aim"],
        rows=rows,
    )


def measure_memory(workplace: Path, say: Say) -> Table:
    say(f"an image of {HUGE:,} by {HUGE:,} pixels")
    picture = _huge()
    rows = []
    arguments = ["--max-upload-mb", "2000", "--pixel-processes", "2"]
    with LiveServer(workplace / "huge", arguments=arguments) as server:
        rows.append(["before", *_shown(held(server.pid).private, held(server.pid).mapped, 0.0)])

        def watched(name: str, work: Callable[[], object]) -> object:
            say(name)
            began = time.perf_counter()
            with Watch(server.pid) as watch:
                done = work()
            took = time.perf_counter() - began
            rows.append([name, *_shown(watch.peak.private, watch.peak.mapped, took)])
            return done

        ours = watched("uploaded, verified, thumbnail", lambda: _uploaded(server, picture))
        dice = random.Random(1)
        first, *others = _tiles(HUGE, dice, 300)
        watched("first tile, for which a pyramid is made", lambda: _fetch(server.port, [f"{ours}{first}"]))
        watched("300 tiles of all sizes", lambda: _fetch(server.port, [f"{ours}{each}" for each in others]))
        whole = ["full/max", "full/1024,", "full/6000,", "0,0,30000,15000/5000,", "square/4000,"]
        asked = [f"{ours}/{each}/{turn}/default.jpg" for each in whole for turn in ("0", "90", "!33")]
        watched("15 large pictures, turned too", lambda: _fetch(server.port, asked))
    return Table(
        title=f"Memory for an image of {HUGE:,} by {HUGE:,} pixels",
        text=(
            f"A JPEG of {picture.stat().st_size / MEGABYTE:.0f} MB. The server, two processes for pixels, "
            f"{CONNECTIONS} requests at a time. *Private* is what the processes hold of their own; *mapped* are files "
            f"in view, such as the libraries, counted for each process. Private is to stay below {MEMORY_AIM} MB."
        ),
        columns=["what", "private, at most", "mapped, at most", "seconds"],
        rows=rows,
    )


def _contests(turns: int) -> Iterator[Contest]:
    dice, asked = random.Random(3), range(turns + 1)
    tiles = _tiles(SIDE, dice, 200 * len(asked))
    yield Contest("tiles, once", [tiles[turn :: len(asked)] for turn in asked])
    yield Contest("tiles, again and again", [tiles[:20] * 30] * len(asked))
    yield Contest("whole, 1024 pixels wide", [["/full/1024,/0/default.jpg"] * 60] * len(asked))
    odd = [[dice.randrange(SIDE - 1500) for _ in range(2)] for _ in range(80 * len(asked))]
    parts = [f"/{x},{y},1400,1100/600,/0/default.jpg" for x, y in odd]
    yield Contest("odd regions, once", [parts[turn :: len(asked)] for turn in asked])


def _tiles(side: int, dice: random.Random, count: int) -> list[str]:
    """Different tiles of all sizes of an image, as a viewer asks for them."""
    found = []
    scale = 1
    while scale * TILE < side:
        step = scale * TILE
        for x in range(0, side, step):
            for y in range(0, side, step):
                wide, high = min(step, side - x), min(step, side - y)
                found.append(f"/{x},{y},{wide},{high}/{-(-wide // scale)},/0/default.jpg")
        scale *= 2
    return dice.sample(found, count)


def _compared(contest: Contest, ours: tuple[int, str], theirs: tuple[int, str]) -> list[str]:
    """Compare; the first turn is for warming up."""
    pairs = Pairs([], [])
    for turn, parts in enumerate(contest.turns):
        mine, other = (_fetch(port, [f"{at}{each}" for each in parts]) for port, at in (ours, theirs))
        if turn:
            pairs.ours.append(mine)
            pairs.theirs.append(other)
    count = len(contest.turns[0])
    rates = [f"{count / statistics.median(side):,.0f}" for side in (pairs.ours, pairs.theirs)]
    faster = Pairs(pairs.theirs, pairs.ours)  # requests per second: the other way round than times
    aim = verdict(faster.ratio, AIM, at_least=True)
    return [contest.name, *rates, f"{faster.ratio:.2f}", spread(faster.ratios), aim]


def _fetch(port: int, paths: Sequence[str]) -> float:
    """The seconds that all of them take."""
    with tempfile.NamedTemporaryFile("w", suffix=".paths") as file:
        file.write("\n".join(paths))
        file.flush()
        command = [sys.executable, "-m", "bench.viewer", str(port), file.name, str(CONNECTIONS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(done.stdout)


def _uploaded(server: LiveServer, picture: Path) -> str:
    """Where it is delivered, in version 2, which both servers speak."""
    made = server.create_organization("Delivery")
    with Client(made["api_key"], base_url=server.url, timeout=600) as client:
        dataset = client.projects.create("pictures")
        image = client.images.upload(dataset.id, picture)
    return f"/iiif-img/v2/{made['customer']}/1/{image.id}"


def _pyramid(photograph: Path, out: Path) -> Path:
    photo = pyvips.Image.new_from_file(str(photograph)).extract_band(0, n=3)
    across, down = -(-SIDE // photo.width), -(-SIDE // photo.height)
    whole = photo.replicate(across, down).crop(0, 0, SIDE, SIDE)
    options = {"tile": True, "tile_width": 256, "tile_height": 256, "pyramid": True, "bigtiff": True}
    whole.tiffsave(str(out), compression="jpeg", Q=75, keep="none", **options)
    return out


def _huge() -> Path:
    """Made once and kept: it takes a minute."""
    picture = KEPT / f"huge-{HUGE}.jpg"
    if not picture.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        noise = pyvips.Image.gaussnoise(1000, 1000, sigma=12, mean=0).replicate(30, 30).crop(0, 0, HUGE, HUGE)
        places = pyvips.Image.xyz(HUGE, HUGE) * (255 / HUGE)
        bands = [places[0] + noise, places[1] + noise, noise + 128]
        coloured = bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb")
        coloured.jpegsave(str(picture.with_suffix(".part")), Q=80)
        picture.with_suffix(".part").rename(picture)
    return picture


@contextmanager
def _iipimage(public: Path) -> Iterator[int]:
    """Their server, in as many processes as there are cores, behind nginx."""
    port, backends = free_port(), [free_port() for _ in range(os.cpu_count() or 1)]
    environment = {**os.environ, "FILESYSTEM_PREFIX": f"{public}/", "VERBOSITY": "0", "LOGFILE": "/dev/null"}
    environment |= {"JPEG_QUALITY": "80"}
    upstream = "".join(f"server 127.0.0.1:{each};" for each in backends)
    temporary = "".join(
        f"{kind}_temp_path {public}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = public / "nginx.conf"
    configuration.write_text(
        f"worker_processes auto; daemon off; pid {public}/pid; error_log {public}/error.log;"
        f"events {{ worker_connections 256; }} http {{ {temporary} access_log off;"
        f"upstream iip {{ {upstream} }} server {{ listen 127.0.0.1:{port}; location / {{"
        "fastcgi_pass iip; fastcgi_param QUERY_STRING $query_string;"
        "fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;"
        "fastcgi_param SERVER_NAME localhost; fastcgi_param HTTP_HOST localhost; } } }"
    )
    with ExitStack() as running:
        for each in backends:
            command = [IIPSRV, "--bind", f"127.0.0.1:{each}"]
            running.callback(_end, subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        nginx = ["nginx", "-c", str(configuration), "-e", str(public / "start.log")]
        running.callback(_end, subprocess.Popen(nginx, stderr=subprocess.DEVNULL))
        if not wait_until(lambda: all(answers(each) for each in (port, *backends)), seconds=10):
            raise RuntimeError(f"iipimage-server does not answer: {(public / 'error.log').read_text()}")
        yield port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()


def _shown(private: int, mapped: int, seconds: float) -> list[str]:
    return [f"{private / MEGABYTE:,.0f} MB", f"{mapped / MEGABYTE:,.0f} MB", f"{seconds:.1f}"]


def _not_measured() -> Table:
    return Table(
        title="IIIF delivery",
        text=(
            "Not measured: there is no `iipimage-server` on this machine, or no `nginx`. "
            "`apt-get install iipimage-server nginx-light` brings them."
        ),
        columns=["what"],
        rows=[["not measured"]],
    )
