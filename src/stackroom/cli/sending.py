"""Sending local files: several at a time, with a bar for their bytes, and a fate for each."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.progress import (
    BarColumn,
    DownloadColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from stackroom.cli.console import counted, note
from stackroom.cli.progress import bar_of

if TYPE_CHECKING:
    from stackroom import Client, Image

Advance = Callable[[int], None]


class ToSend(msgspec.Struct, frozen=True):
    """A local file, and the folder of the dataset it goes to."""

    path: Path
    folder: str
    size: int


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: an image, or the reason why not. `taken`: because its name is."""

    file: ToSend
    image: "Image | None" = None
    reason: str | None = None
    taken: bool = False


def told_apart(client: "Client", dataset: str, files: Sequence[ToSend]) -> tuple[list[Fate], list[ToSend]]:
    """The files whose name a dataset has already, as far as that can be had without asking for each, and the others."""
    from stackroom.client._sync.upload_folder import taken_places
    from stackroom.client.uploads import place_of

    places = [place_of(file.folder, file.path.name) for file in files]
    taken = taken_places(client, dataset, places)
    there, others = list[Fate](), list[ToSend]()
    for file, place in zip(files, places, strict=True):
        if place in taken:
            there.append(Fate(file=file, reason="its name is taken", taken=True))
        else:
            others.append(file)
    return there, others


def send(client: "Client", dataset_id: str, files: Sequence[ToSend], *, workers: int) -> list[Fate]:
    """Upload files, each by itself: what happens to one does not stop the others. In the order given."""
    warnings.filterwarnings("ignore", module="PIL")  # what it thinks of a file: the server looks for itself
    with _bar(files) as (advance, finished), ThreadPoolExecutor(workers) as threads:
        fates: list[Fate] = []

        def one(file: ToSend) -> Fate:
            fate = _send_one(client, dataset_id, file, advance)
            fates.append(fate)
            finished()
            return fate

        try:
            return list(threads.map(one, files))
        except KeyboardInterrupt:
            threads.shutdown(cancel_futures=True)
            came = sum(fate.image is not None for fate in fates)
            note(f"{came:,} of {counted(len(files), 'file')} had been uploaded.")
            raise


def _send_one(client: "Client", dataset_id: str, file: ToSend, advance: Advance) -> Fate:
    from stackroom import ConflictError, StackroomError

    sent = 0

    def progress(now: int, _total: int | None) -> None:
        nonlocal sent  # a retry begins again, and then the bar goes back
        advance(now - sent)
        sent = now

    try:
        image = client.images.upload(dataset_id, file.path, folder_path=file.folder, progress=progress)
    except (StackroomError, OSError) as error:
        advance(file.size - sent)
        reason = error.message if isinstance(error, StackroomError) else str(error)
        return Fate(file=file, reason=reason, taken=isinstance(error, ConflictError))
    return Fate(file=file, image=image)


@contextmanager
def _bar(files: Sequence[ToSend]) -> Iterator[tuple[Advance, Callable[[], None]]]:
    bar = bar_of(
        SpinnerColumn(),
        TextColumn("{task.fields[files]}/{task.fields[of]} files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    done = 0
    task = bar.add_task("", total=sum(each.size for each in files), files=0, of=len(files))

    def finished() -> None:
        nonlocal done
        done += 1
        bar.update(task, files=done)

    with bar:
        yield lambda count: bar.advance(task, count), finished
