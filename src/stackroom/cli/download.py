"""`stackroom dataset download`: a dataset into a local folder."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import counted, print_json, say
from stackroom.cli.exits import ExitCode
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import counting

if TYPE_CHECKING:
    from stackroom import DownloadReport

EXAMPLE = """stackroom dataset download cars copy-of-cars

stackroom dataset download cars labels --mode annotations_only --status complete"""

_SHOWN = 10


class Mode(enum.StrEnum):
    """What is brought."""

    FULL = "full"
    IMAGES_ONLY = "images_only"
    ANNOTATIONS_ONLY = "annotations_only"


def download(
    dataset: Dataset,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where it goes; created if needed.", show_default=False)
    ],
    *,
    mode: Annotated[Mode, typer.Option("--mode", "-m", help="Images, annotations, or both.")] = Mode.FULL,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="Images of this status only.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, max=64, help="Files at a time.")] = 8,
    as_json: Json = False,
    server: Server,
) -> None:
    """Download a dataset with its folders. Annotations are saved beside each image, as NAME.json.

    Existing files are replaced. A file that fails does not stop the others.
    """
    with server.connected() as client, counting("files") as follow:
        report = client.datasets.download(
            dataset,
            folder,
            mode=mode.value,
            max_workers=workers,
            status_filter=status,
            progress=lambda done, total, _name: follow(done, total),
        )
    if as_json:
        print_json({**msgspec.structs.asdict(report), "output_dir": str(folder)})
    else:
        _show(report)
    if not report.success:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show(report: "DownloadReport") -> None:
    images, files = report.images_downloaded, report.annotations_downloaded
    what = f"{counted(images, 'image')} and {counted(files, 'annotation file')}"
    say(f"Brought {what} into {escape(str(report.output_dir))}.")
    if report.failures:
        say(f"{len(report.failures):,} failed:")
    for each in report.failures[:_SHOWN]:
        say(f"  [red]{escape(each.filename)}[/] ({each.kind}): {escape(each.reason)}")
    if len(report.failures) > _SHOWN:
        say(f"  … and {len(report.failures) - _SHOWN:,} more; --json names them all.")
    if report.truncated:
        say("Images have come or gone meanwhile, and some may be missing: run it again.")
