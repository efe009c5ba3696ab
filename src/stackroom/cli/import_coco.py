"""`stackroom import-coco`: the annotations of a COCO file into a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import print_json, say
from stackroom.cli.exits import ExitCode
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import counting

if TYPE_CHECKING:
    from stackroom import ImportReport

EXAMPLE = "stackroom import-coco cars annotations/instances.json --create-classes"

_SHOWN = 10


def import_coco(
    dataset: Dataset,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The COCO file, instances or keypoints.", show_default=False),
    ],
    *,
    create_classes: Annotated[
        bool, typer.Option("--create-classes", help="Add classes that the dataset does not list.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Give the images of a dataset the annotations of a COCO file.

    They replace those that an image had; running it again changes nothing. An image or annotation that cannot be
    taken stops no other.
    """
    with server.connected() as client, counting("images") as follow:
        report = client.annotations.import_coco(dataset, file, create_classes=create_classes, progress=follow)
    if as_json:
        print_json(report)
    else:
        _show(report)
    if not report.success:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show(report: "ImportReport") -> None:
    say(f"Saved {report.annotations_saved:,} annotations of {report.images_saved:,} images.")
    if report.classes_created:
        say(f"Added to the dataset's classes: {escape(', '.join(report.classes_created))}.")
    _list("not saved", [f"{each.file_name}: {each.reason}" for each in report.failures])
    _list("not in the dataset", report.unmatched)
    _list("skipped", [f"{each.file_name} {each.annotation}: {each.reason}" for each in report.skipped])


def _list(what: str, lines: list[str]) -> None:
    if not lines:
        return
    say(f"{len(lines):,} {what}:")
    for line in lines[:_SHOWN]:
        say(f"  [red]{escape(line)}[/]")
    if len(lines) > _SHOWN:
        say(f"  … and {len(lines) - _SHOWN:,} more; --json names them all.")
