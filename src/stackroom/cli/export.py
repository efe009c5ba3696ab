"""`stackroom export`: a dataset as a zip on this machine."""

import enum
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    SpinnerColumn,
    TextColumn,
    TransferSpeedColumn,
)

from stackroom.cli.console import note, print_json, say, size
from stackroom.cli.exits import Refused
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import bar_of, following

if TYPE_CHECKING:
    from stackroom import Client, Export

EXAMPLE = """stackroom export cars --format yolo --images --by-split --output cars.zip

stackroom export cars --format coco --class lorry --class bus --status complete"""


class Format(enum.StrEnum):
    """What an export is written in."""

    PICTOGRAPH = "pictograph"
    COCO = "coco"
    YOLO = "yolo"
    PASCAL_VOC = "pascal_voc"
    CSV = "csv"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Where the zip is, and what is in it."""

    path: str
    bytes: int
    dataset: str
    name: str
    id: str
    format: str
    images: int
    annotations: int
    kept: bool


def export(
    dataset: Dataset,
    *,
    format: Annotated[  # noqa: A002 - the option is called so
        Format, typer.Option("--format", "-f", help="The format to write; pictograph has everything.")
    ] = Format.PICTOGRAPH,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the zip goes. Default: NAME.zip, or one of the dataset and the time",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Keep the export on the server under this name; an existing one is fetched.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Include the images.")] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Annotations of this class only; may be repeated."),
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Images of this status only.", show_default=False)
    ] = None,
    by_split: Annotated[
        bool, typer.Option("--by-split", help="A folder for each split: train, valid, test.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Export a dataset: the server makes a zip, this fetches it.

    With --name the export stays on the server for 30 days: others can fetch it, and so can this command after an
    interruption. Without --name it is deleted from the server once it is here, if the key's role allows that.
    """
    called = name or own_name(dataset, datetime.now(UTC))
    target = output or Path(f"{called.replace('/', '_')}.zip")
    if target.is_dir():
        raise Refused(f"{target} is a folder", fix="Name a file with --output.")
    options = {
        "format": format.value,
        "include_images": images,
        "class_filter": classes or None,
        "status_filter": status,
        "organize_by_split": by_split,
    }
    with server.connected() as client:
        with _taken_up_by(dataset, called):
            made = _make(client, dataset, called, options)
            _fetch(client, made, target)
        kept = name is not None or not _discard(client, made)
    report = Report(
        path=str(target),
        bytes=made.file_size or 0,
        dataset=made.dataset_name,
        name=made.name,
        id=made.id,
        format=made.format,
        images=made.image_count or 0,
        annotations=made.annotation_count or 0,
        kept=kept,
    )
    print_json(report) if as_json else _show(report)


def own_name(dataset: str, now: datetime) -> str:
    """A name that no other export has, also not one of the same second: that would be fetched in place of this one, and
    deleted under the other's hands."""
    return f"{dataset[:60]} {now:%Y-%m-%d %H.%M.%S} {secrets.token_hex(3)}"


@contextmanager
def _taken_up_by(dataset: str, name: str) -> Iterator[None]:
    """Say to whoever interrupts what it is called: it goes on, and can be fetched."""
    try:
        yield
    except KeyboardInterrupt:
        command = shlex.join(["stackroom", "export", dataset, "--name", name])
        note(f"The server goes on with it and keeps it for 30 days. Fetch it with: {escape(command)}")
        raise


def _make(client: "Client", dataset: str, name: str, options: dict[str, Any]) -> "Export":
    """A new export of this name, or the one that is there, once it is completed."""
    from stackroom import ConflictError

    try:
        begun = client.exports.create(dataset, name, wait=False, **options)
    except ConflictError:
        begun = client.exports.get(dataset, name)
        note(f"There is an export called {escape(name)} already; this fetches it.")
    with _counter() as follow:
        return client.exports.wait_for_completion(begun, timeout=None, progress=follow)


def _fetch(client: "Client", made: "Export", target: Path) -> None:
    columns = (SpinnerColumn(), TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with following(*columns) as follow:
        client.exports.download_by_id(made.id, target, progress=follow)


def _discard(client: "Client", made: "Export") -> bool:
    """Delete the export, which has done its work; False where the key may not."""
    from stackroom import ForbiddenError

    try:
        client.exports.bulk_delete([made.id])
    except ForbiddenError:
        return False
    return True


@contextmanager
def _counter() -> "Iterator[Callable[[Export], None]]":
    """Says how far the server has come. How far there is to go it does not know."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with bar_of(*columns) as bar:
        task = bar.add_task("waiting", total=None)

        def follow(seen: "Export") -> None:
            counts = f"{seen.image_count or 0:,} images, {seen.annotation_count or 0:,} annotations"
            waiting = seen.status == "pending"
            bar.update(task, description="waiting for its turn" if waiting else f"making: {counts}")

        yield follow


def _show(report: Report) -> None:
    what = f"{report.images:,} images and {report.annotations:,} annotations"
    say(f"Exported {what} as {report.format} to {escape(report.path)}, {size(report.bytes)}.")
    if report.kept:
        say(f"[dim]The export {escape(report.name)} stays on the server for 30 days.[/]")
