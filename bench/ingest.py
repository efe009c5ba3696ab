"""Taking in: a batch of photographs from a folder of the server, against decoding them and nothing else."""

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.pictures import large_photographs
from bench.report import Pairs, Table, spread, verdict
from stackroom import Client
from stackroom.testing.live import LiveServer

PHOTOGRAPHS, FEW = 500, 100
WORKERS = 2
AIM = 0.8


def measure(
    workplace: Path, source: Path | None, turns: int, say: Callable[[str], None], *, quick: bool
) -> Table:
    count = FEW if quick else PHOTOGRAPHS
    say(f"{count} photographs")
    folder = workplace / "originals"
    files, where_from = large_photographs(count, folder, source)
    size = sum(path.stat().st_size for path in files)
    pairs = Pairs([], [])
    options = ["--workers", str(WORKERS), "--pixel-processes", str(WORKERS), "--origin-roots", str(folder)]
    with LiveServer(workplace / "ingest", arguments=options) as server:
        for turn in range(turns + 1):
            say(f"turn {turn} of {turns}")
            # An organization of its own each time: within one, bytes that are known are not stored again.
            key = server.create_organization(f"Turn {turn}")["api_key"]
            ours, theirs = _take_in(server.url, key, files), _decode(files, workplace / "bare")
            if turn:
                pairs.ours.append(ours)
                pairs.theirs.append(theirs)
    ratios = [1 / each for each in pairs.ratios]
    row = [
        f"{count} photographs, {size / 1e6:,.0f} MB",
        *(f"{count / statistics.median(side):,.1f}/s" for side in (pairs.ours, pairs.theirs)),
        f"{statistics.median(ratios):.2f}",
        spread(ratios),
        verdict(statistics.median(ratios), AIM, at_least=True),
    ]
    return Table(
        title="Ingest",
        text=(
            f"{where_from[0].upper()}{where_from[1:]}, 2,500 by 2,900 pixels and "
            f"{size / count / 1e6:.1f} MB each. "
            f"*Ours*: one batch from a folder of the server, on {WORKERS} workers, from its submission until it is "
            "finished: each file read, hashed, decoded and verified, stored durably with four thumbnails and a "
            "fingerprint, its rows and its event written, its batch counted. "
            f"*Bare*: {WORKERS} processes that decode the same files with libvips and write the same four thumbnails. "
            "The ratio is of photographs a second."
        ),
        columns=["what", "ours", "bare", "ratio", "spread", "aim"],
        rows=[row],
    )


def _take_in(url: str, api_key: str, files: Sequence[Path]) -> float:
    """Seconds from the submission of a batch to its end, by the server's watch: asking often would be in its way."""
    with Client(api_key, base_url=url) as client:
        client.datasets.create("photographs")
        batch = client.ingest.submit("photographs", [f"file://{path}" for path in files])
        while batch.finished_at is None:
            time.sleep(0.5)
            batch = client.ingest.get(batch.id)
    assert batch.completed == len(files)
    return (batch.finished_at - batch.created_at).total_seconds()


def _decode(files: Sequence[Path], out: Path) -> float:
    """Seconds that as many processes take, from when all of them are ready."""
    out.mkdir()
    with ExitStack() as ending:
        processes = [
            ending.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "bench.bare", out, *files[n::WORKERS]],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for n in range(WORKERS)
        ]
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        start = time.perf_counter()
        for each in processes:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == "done\n"
        seconds = time.perf_counter() - start
    shutil.rmtree(out)
    return seconds
