# Made from ../_async/datasets.py by tools/generate_sync_client.py: change it there.

"""Datasets: reading them, and bringing one home."""

import builtins
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stackroom.client.downloads import (
    MOST_ITEMS_LISTED,
    Job,
    download_jobs,
    download_report,
    failed,
    indented,
)
from stackroom.client.errors import StackroomError
from stackroom.client.files import Arrival
from stackroom.client.models import Dataset, DownloadFailure, DownloadMode, DownloadReport
from stackroom.client.uploads import FileProgress, counting, reason_of
from stackroom.client.wire import (
    DATASET,
    DEVELOPER,
    DOWNLOAD_LISTING,
    Call,
    DownloadListing,
    Page,
    flat,
    many,
    one,
    segment,
)

from .connection import Connection
from .paging import by_offset
from .seam import each, in_thread

_DATASETS = f"{DEVELOPER}/datasets/"
_DATASET = one(DATASET, "dataset", "data")
_PAGE = many(DATASET, "datasets", "data")
_LISTING = flat(DOWNLOAD_LISTING, "items")


class Datasets:
    """`client.datasets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, limit: int = 100, offset: int = 0) -> builtins.list[Dataset]:
        """One page of datasets."""
        return (self._page(limit, offset)).rows

    def iter(self, *, page_size: int = 100, max_total: int | None = None) -> Iterator[Dataset]:
        """All datasets, page by page."""
        return by_offset(self._page, page_size=page_size, max_total=max_total)

    def get(
        self,
        name: str,
        *,
        include_images: bool = False,
        images_limit: int = 1000,
        images_offset: int = 0,
    ) -> Dataset:
        """The dataset of this name, with a page of its images if asked. Raises NotFoundError."""
        images = {"include_images": True, "images_limit": images_limit, "images_offset": images_offset}
        return self._connection.call(
            Call(method="GET", path=_by_name(name), query=images if include_images else {}, reply=_DATASET)
        )

    def get_by_id(self, dataset_id: str) -> Dataset:
        """The dataset of this id. Raises NotFoundError."""
        path = _DATASETS + segment(dataset_id, "dataset id")
        return self._connection.call(Call(method="GET", path=path, reply=_DATASET))

    def download(
        self,
        name: str,
        output_dir: str | Path,
        *,
        mode: DownloadMode = "full",
        max_workers: int = 10,
        status_filter: str | None = None,
        progress: FileProgress | None = None,
    ) -> DownloadReport:
        """Bring images and annotations into a local folder, in folders as in the dataset.

        Annotations stand beside their image as `NAME.json`. Files that are there already are replaced. What
        cannot be brought is in the report's `failures` and leaves no file; `report.truncated` says that the
        server lists no more than 10,000 images at once. `progress(done, total, filename)` follows each file.
        """
        listing = self._listing(name, mode, status_filter)
        folder = Path(output_dir)
        jobs = download_jobs(listing, folder, mode)
        finished = counting(progress, len(jobs))
        results = each(jobs, self._bring, workers=max_workers, after=lambda job: finished(job.filename))
        return download_report(name, folder, listing, jobs, results)

    def _listing(self, name: str, mode: DownloadMode, status_filter: str | None) -> DownloadListing:
        query = {"mode": mode, "limit": MOST_ITEMS_LISTED, "status_filter": status_filter}
        return self._connection.call(
            Call(method="GET", path=f"{_by_name(name)}/download", query=query, reply=_LISTING)
        )

    def _bring(self, job: Job) -> DownloadFailure | None:
        if job.url is None:
            return failed(job, "the server gave no address")
        try:
            (self._bring_image if job.kind == "image" else self._bring_annotation)(job.url, job.path)
        except msgspec.DecodeError as error:
            return failed(job, f"not JSON: {error}")
        except (StackroomError, OSError) as error:
            return failed(job, reason_of(error))
        return None

    def _bring_image(self, url: str, path: Path) -> None:
        self._connection.download_signed(url, path)

    def _bring_annotation(self, url: str, path: Path) -> None:
        body = indented(self._connection.get_json(url))
        in_thread(_write_whole, path, body)

    def _page(self, limit: int, offset: int) -> Page[Dataset]:
        query = {"limit": limit, "offset": offset}
        return self._connection.call(Call(method="GET", path=_DATASETS, query=query, reply=_PAGE))


def _by_name(name: str) -> str:
    return f"{_DATASETS}by-name/" + segment(name, "dataset name")


def _write_whole(path: Path, body: bytes) -> None:
    with Arrival(path) as arrival:
        arrival.write(body)
