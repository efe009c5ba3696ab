"""`stackroom upload`: files and folders into a dataset."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import print_json, say, size
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.sending import Fate, ToSend, send, told_apart

if TYPE_CHECKING:
    from stackroom import Client

EXAMPLE = """stackroom upload cars photos/ more/red-1.jpg --folder /incoming

stackroom upload cars archive/ --preserve-structure --skip-existing --workers 16"""

_SHOWN = 10


class Unsent(msgspec.Struct, frozen=True):
    """A file that did not become an image, and why."""

    path: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload came to: `uploaded`, `skipped` and the failures add up to `files`."""

    dataset: str
    files: int
    uploaded: int
    skipped: int
    failed: int
    bytes: int
    seconds: float
    failures: list[Unsent]


def upload(
    dataset: Dataset,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Image files, and folders of them.", show_default=False),
    ],
    *,
    folder: Annotated[
        str, typer.Option("--folder", "-f", metavar="PATH", help="The folder they go to.")
    ] = "/",
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, max=64, help="Files at a time.")] = 8,
    preserve_structure: Annotated[
        bool, typer.Option("--preserve-structure", help="Keep the folders below each folder.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip files whose name is taken, instead of failing them.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Upload files, and all images in folders. The dataset is created if it does not exist.

    A file that fails does not stop the others; with --skip-existing, running it again uploads what is missing.
    """
    files = find(paths, folder, preserve_structure=preserve_structure)
    with server.connected() as client:
        target = dataset_id(client, dataset)
        began = time.perf_counter()
        there, missing = told_apart(client, dataset, files) if skip_existing else ([], files)
        fates = [*there, *send(client, target, missing, workers=workers)]
        report = summed_up(dataset, fates, time.perf_counter() - began, skip_existing=skip_existing)
    if as_json:
        print_json(report)
    else:
        _show(report)
    if report.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def find(paths: Iterable[Path], folder: str, *, preserve_structure: bool) -> list[ToSend]:
    """The files that are meant, and where each goes. Raises `Refused` if there are none, or a path is not there."""
    from stackroom.client.files import find_images

    files = []
    for path in paths:
        if path.is_dir():
            found = find_images(path, organize_by_class=False, preserve_structure=preserve_structure)
            files += [_to_send(each.path, _below(folder, each.folder_path)) for each in found]
        elif path.exists():
            files.append(_to_send(path, folder))
        else:
            raise Refused(f"{path} does not exist")
    if not files:
        raise Refused("there is no image file in what you named")
    return files


def summed_up(dataset: str, fates: Sequence[Fate], seconds: float, *, skip_existing: bool) -> Report:
    """The fates of all files, added up."""
    skipped = [each for each in fates if each.taken and skip_existing]
    failed = [each for each in fates if each.image is None and not (each.taken and skip_existing)]
    uploaded = [each for each in fates if each.image is not None]
    return Report(
        dataset=dataset,
        files=len(fates),
        uploaded=len(uploaded),
        skipped=len(skipped),
        failed=len(failed),
        bytes=sum(each.file.size for each in uploaded),
        seconds=round(seconds, 3),
        failures=[Unsent(_as_text(each.file.path), each.reason or "") for each in failed],
    )


def _as_text(path: Path) -> str:
    """A path to print: Linux takes any bytes for a name, and those that are no text cannot be printed."""
    return str(path).encode(errors="backslashreplace").decode()


def _to_send(path: Path, folder: str) -> ToSend:
    return ToSend(path, folder, path.stat().st_size)


def _below(folder: str, inner: str) -> str:
    return "/" + "/".join(part for part in f"{folder}/{inner}".split("/") if part)


def dataset_id(client: "Client", name: str) -> str:
    """The id of the dataset of this name, which is made if there is none."""
    from stackroom import ConflictError, NotFoundError

    try:
        return client.datasets.get(name).id
    except NotFoundError:
        pass
    try:
        return client.projects.create(name).id
    except ConflictError:  # somebody else made it in between, which is as good
        return client.datasets.get(name).id


def _show(report: Report) -> None:
    rate = f"{report.uploaded / report.seconds:,.1f} files/s, {size(report.bytes / report.seconds)}/s"
    parts = [
        f"Uploaded {report.uploaded} of {report.files} files, {size(report.bytes)} in {report.seconds:.1f} s ({rate})"
    ]
    if report.skipped:
        parts.append(f"{report.skipped} were there already")
    if report.failed:
        parts.append(f"{report.failed} failed")
    say("; ".join(parts) + ".")
    for each in report.failures[:_SHOWN]:
        say(f"  [red]{escape(each.path)}[/]: {escape(each.reason)}")
    if report.failed > _SHOWN:
        say(f"  … and {report.failed - _SHOWN} more; --json names them all.")
