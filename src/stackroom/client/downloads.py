"""What downloading a dataset has to bring, and what came of it; the fetching is in `datasets.py`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from .files import part_of, place_below
from .models import DownloadFailure, DownloadMode, DownloadReport
from .wire import DownloadListing

MOST_ITEMS_LISTED = 10_000


class Job(Struct, frozen=True, kw_only=True):
    """One file to bring, or the `fault` for which it cannot be brought."""

    kind: Literal["image", "annotation"]
    url: str | None
    path: Path
    filename: str
    fault: str | None = None


def folder_at(path: str | Path) -> Path:
    """The local folder that is meant, as anybody can open it."""
    return Path(path).expanduser()


def more_listed(page: DownloadListing, known: int) -> bool:
    """Whether there is more to list after this page, when so many items are known."""
    return len(page.items) >= MOST_ITEMS_LISTED if page.total_items is None else known < page.total_items


def download_jobs(listing: DownloadListing, folder: Path, mode: DownloadMode) -> list[Job]:
    """Every file that this mode asks for. Where several have one place, the image listed first goes there; none goes
    where another is while it is on its way."""
    jobs = list(_jobs(listing, folder, mode))
    first: dict[Path, Job] = {}
    for job in sorted(jobs, key=lambda it: it.kind != "image"):
        first.setdefault(job.path, job)
    on_the_way = {part_of(path) for path in first}
    return [
        job
        if first[job.path] is job and job.path not in on_the_way
        else structs.replace(job, fault="another file of the dataset has its place")
        for job in jobs
    ]


def _jobs(listing: DownloadListing, folder: Path, mode: DownloadMode) -> Iterator[Job]:
    for item in listing.items:
        path = place_below(folder, item.folder_path, item.filename)
        if mode != "annotations_only":
            yield Job(kind="image", url=item.image_url, path=path, filename=item.filename)
        if mode != "images_only":
            beside = path.with_name(path.name + ".json")
            yield Job(kind="annotation", url=item.annotation_url, path=beside, filename=item.filename)


def failed(job: Job, reason: str) -> DownloadFailure:
    """This file did not come."""
    return DownloadFailure(filename=job.filename, kind=job.kind, reason=reason)


def download_report(
    name: str,
    folder: Path,
    listing: DownloadListing,
    jobs: Sequence[Job],
    results: Sequence[DownloadFailure | None],
) -> DownloadReport:
    """What came, what did not, and whether the listing was cut off."""
    came = [job.kind for job, failure in zip(jobs, results, strict=True) if failure is None]
    listed = len(listing.items)
    return DownloadReport(
        dataset_name=name,
        output_dir=folder,
        total_items=listed if listing.total_items is None else listing.total_items,
        images_downloaded=came.count("image"),
        annotations_downloaded=came.count("annotation"),
        failures=[failure for failure in results if failure is not None],
        truncated=listed < (listing.total_items or 0),
    )


def indented(body: bytes) -> bytes:
    """JSON as people read it. Raises msgspec.DecodeError if it is none."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.decode(body)), indent=2)
