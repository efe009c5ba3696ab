"""`stackroom demo`: real photographs, changed in bulk, and a table of what happened and how fast."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import console, errors_console, print_json, say, size, table
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import DataDir, Json, Server, need_server
from stackroom.cli.sending import Fate, ToSend, send

if TYPE_CHECKING:
    from stackroom import Client, Operation

EXAMPLE = """stackroom demo

stackroom demo --photos ~/Pictures --count 1000"""

_READABLE = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_UNKNOWN = "00000000-0000-7000-8000-{:012d}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    step: str
    items: int
    succeeded: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.items / self.seconds if self.seconds else 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, and where to look at it. `api_key` is there only if the demonstration made one."""

    dataset: str
    base_url: str
    api_key: str | None
    steps: list[Step]


def demo(
    *,
    photos: Annotated[
        Path | None, typer.Option("--photos", metavar="DIR", help="Photographs of your own, instead of ours.")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=10, max=100_000, help="How many to upload.")
    ] = 200,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave out the purge, so that everything stays.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
    server: Server,
) -> None:
    """Try bulk work on real photographs: upload, move, copy, change, archive, undo and purge them.

    Needs a running server. Without a key, it makes one in the data directory's library, for the organization
    "Demo". It works in a new dataset, touches no other, and leaves it to look at.
    """
    need_server()
    asked = server if server.api_key else _with_key_of_its_own(data_dir, server)
    with asked.connected() as client, _photographs(photos, count) as found:
        name = _free_name(client)
        steps = _Play(client, name, keep=keep).run(found)
        report = Report(
            dataset=name,
            base_url=client.base_url,
            api_key=None if server.api_key else asked.api_key,
            steps=steps,
        )
    if as_json:
        print_json(report)
    else:
        _show(report)


def _with_key_of_its_own(data_dir: Path | None, server: Server) -> Server:
    from stackroom.cli import steward
    from stackroom.control import read_control_file
    from stackroom.settings import load

    settings = load({"data_dir": data_dir})
    running = read_control_file(settings.data_dir)
    if running is None:
        raise Refused(
            f"there is no API key, and no server runs on {settings.data_dir}",
            fix="Start `stackroom serve` first, or set STACKROOM_API_KEY and STACKROOM_BASE_URL.",
        )
    made = steward.key_of(settings, "Demo")
    return Server(api_key=made.api_key, base_url=server.base_url or running.url)


@contextmanager
def _photographs(folder: Path | None, count: int) -> Iterator[list[ToSend]]:
    """So many different photographs: those in the folder, or ours, and pieces cut from them to make up the number."""
    with as_file(files("stackroom.cli") / "demo_photos") as ours, tempfile.TemporaryDirectory() as made:
        sources = sorted(path for path in (folder or ours).rglob("*") if path.suffix.lower() in _READABLE)
        if not sources:
            raise Refused(
                f"there are no photographs in {folder}", fix=f"It can use {' '.join(sorted(_READABLE))}."
            )
        pieces = _cut(sources, count - len(sources), Path(made)) if count > len(sources) else []
        paths = [*sources, *pieces][:count]
        yield [ToSend(path, "/incoming", path.stat().st_size) for path in paths]


def _cut(sources: Sequence[Path], count: int, into: Path) -> list[Path]:
    from stackroom.media.crops import cut

    targets = [
        into / f"{sources[n % len(sources)].stem}-{n // len(sources) + 1:04}.jpg" for n in range(count)
    ]
    with errors_console().status(f"Cutting {count} pictures out of {len(sources)} photographs"):
        for number, source in enumerate(sources):
            cut(source, targets[number :: len(sources)], seed=number)
    return targets


def _free_name(client: "Client") -> str:
    taken = {each.name for each in client.datasets.iter()}
    number = 1
    while (name := "demo" if number == 1 else f"demo-{number}") in taken:
        number += 1
    return name


class _Play:
    """The demonstration: every step is timed, and written down as it ends."""

    def __init__(self, client: "Client", dataset: str, *, keep: bool) -> None:
        self._client = client
        self._dataset = dataset
        self._keep = keep
        self._steps: list[Step] = []

    def run(self, photographs: Sequence[ToSend]) -> list[Step]:
        ids = self._upload(photographs)
        half = ids[: len(ids) // 2]
        operations, name = self._client.operations, self._dataset
        strangers = [_UNKNOWN.format(n) for n in range(3)]
        self._do(
            "move half of them, by id, with 3 unknown ids",
            lambda: operations.move("/sorted", ids=[*half, *strangers]),
        )
        self._do(
            "copy /sorted to /training", lambda: operations.copy("/training", dataset=name, folder="/sorted")
        )
        again = self._do(
            "copy it there again: taken names are numbered",
            lambda: operations.copy("/training", dataset=name, folder="/sorted"),
        )
        self._do(
            "and again, skipping taken names",
            lambda: operations.copy("/training", dataset=name, folder="/sorted", on_collision="skip"),
        )
        self._do("undo the second copy", lambda: operations.undo(again.id))
        self._do(
            "set /training to review, split train",
            lambda: operations.update(
                {"status": "review", "split": "train"}, dataset=name, folder="/training"
            ),
        )
        archived = self._do(
            "archive everything in /incoming", lambda: operations.archive(dataset=name, folder="/incoming")
        )
        self._do("undo that", lambda: operations.undo(archived.id))
        self._rid(self._client, name)
        return self._steps

    def _rid(self, client: "Client", name: str) -> None:
        """Archive some of what is in /training; then remove that for good, unless everything is kept."""
        operations = client.operations
        self._do(
            "archive /training/*1.jpg",
            lambda: operations.archive(dataset=name, folder="/training", name="*1.jpg"),
        )
        if not self._keep:
            self._do(
                "purge what is archived there",
                lambda: operations.purge(dataset=name, folder="/training", archived=True),
            )

    def _upload(self, photographs: Sequence[ToSend]) -> list[str]:
        made = self._client.projects.create(self._dataset, description="Made by stackroom demo")
        began = time.perf_counter()
        fates = send(self._client, made.id, photographs, workers=8)
        seconds = time.perf_counter() - began
        ids = [fate.image.id for fate in fates if fate.image is not None]
        what = f"upload photographs, {size(sum(each.size for each in photographs))}"
        self._note(
            Step(
                step=what, items=len(fates), succeeded=len(ids), failed=len(fates) - len(ids), seconds=seconds
            )
        )
        if not ids:
            raise Refused(_why_none(fates), exit_code=ExitCode.SOME_FAILED)
        return ids

    def _do(self, what: str, run: "Callable[[], Operation]") -> "Operation":
        began = time.perf_counter()
        done = self._client.operations.wait(run())
        seconds = time.perf_counter() - began
        self._note(
            Step(step=what, items=done.total, succeeded=done.succeeded, failed=done.failed, seconds=seconds)
        )
        return done

    def _note(self, step: Step) -> None:
        self._steps.append(step)


def _why_none(fates: Sequence[Fate]) -> str:
    return f"not one of {len(fates)} photographs could be uploaded: {fates[0].reason}"


def _show(report: Report) -> None:
    rows = (
        [
            each.step,
            str(each.items),
            str(each.succeeded),
            f"[red]{each.failed}[/]" if each.failed else "0",
            f"{each.seconds:.3f}",
            f"{each.rate:,.0f}",
        ]
        for each in report.steps
    )
    columns = ["step", "items", "succeeded", "failed", "seconds", "items/s"]
    console().print(table(columns, rows, right=columns[1:]))
    name = report.dataset
    say(
        f"\nThe dataset {name!r} is there to look at. Unknown ids and skipped names failed, as they should.\n"
    )
    if report.api_key:
        say(f"  export STACKROOM_API_KEY={escape(report.api_key)}")
    listing = f"{report.base_url}/library/v1/assets?dataset={name}&recursive=true"
    say(f"  export STACKROOM_BASE_URL={escape(report.base_url)}")
    say(f"  stackroom ls {name} --recursive\n  stackroom ops list")
    say(f'  curl -H "X-API-Key: $STACKROOM_API_KEY" "{escape(listing)}"')
