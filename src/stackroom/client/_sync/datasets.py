# Made from ../_async/datasets.py by tools/generate_sync_client.py: change it there.

"""Datasets: reading and changing them, looking into one, and bringing it home."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from stackroom.client.downloads import (
    MOST_ITEMS_LISTED,
    Job,
    download_jobs,
    download_report,
    failed,
    folder_at,
    indented,
    more_listed,
)
from stackroom.client.errors import StackroomError
from stackroom.client.files import Arrival
from stackroom.client.models import (
    ClassesChanged,
    Dataset,
    DatasetClass,
    DatasetDeleted,
    DownloadFailure,
    DownloadMode,
    DownloadReport,
    Insights,
    NearDuplicates,
)
from stackroom.client.uploads import FileProgress, counting, reason_of
from stackroom.client.wire import (
    DATASET,
    DEVELOPER,
    DOWNLOAD_LISTING,
    NEAR_DUPLICATES,
    Call,
    DownloadItem,
    DownloadListing,
    Page,
    Shape,
    changed,
    classes_on_wire,
    flat,
    given,
    id_list,
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
_DELETED = one(Shape(DatasetDeleted, {"folders_deleted": ("directories_deleted",)}), "data")
_INSIGHTS = one(Shape(Insights), "data")
_DUPLICATES = one(NEAR_DUPLICATES, "data")
_CLASSES = one(Shape(ClassesChanged, {"annotations_updated": ("annotations_removed",)}), "data")

Classes = Iterable[DatasetClass | Mapping[str, Any]]


class Datasets:
    """`client.datasets`. A dataset is named by its name or its id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, limit: int = 100, offset: int = 0, archived: bool = False) -> builtins.list[Dataset]:
        """One page of datasets; `archived=True` lists the archived ones instead."""
        return (self._lister(archived=archived)(limit, offset)).rows

    def iter(
        self, *, page_size: int = 100, max_total: int | None = None, archived: bool = False
    ) -> Iterator[Dataset]:
        """All datasets, page by page."""
        return by_offset(self._lister(archived=archived), page_size=page_size, max_total=max_total)

    def get(
        self,
        name: str,
        *,
        include_images: bool = False,
        images_limit: int = 1000,
        images_offset: int = 0,
    ) -> Dataset:
        """The dataset of this name or id, with a page of its images if asked. Raises NotFoundError."""
        images = {"include_images": True, "images_limit": images_limit, "images_offset": images_offset}
        return self._connection.call(
            Call(method="GET", path=_by_name(name), query=images if include_images else {}, reply=_DATASET)
        )

    def get_by_id(self, dataset_id: str) -> Dataset:
        """The dataset of this id. Raises NotFoundError."""
        path = _DATASETS + segment(dataset_id, "dataset id")
        return self._connection.call(Call(method="GET", path=path, reply=_DATASET))

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        readme: str | None = None,
        annotation_types: Iterable[str] | None = None,
        classes: Classes | None = None,
    ) -> Dataset:
        """A new, empty dataset. Raises ConflictError if the name is taken."""
        body = given(
            name=name,
            description=description,
            readme=readme,
            annotation_types=_types(annotation_types),
            classes=classes_on_wire(classes),
        )
        return self._connection.call(Call(method="POST", path=_DATASETS, json=body, reply=_DATASET))

    def update(
        self,
        dataset: str,
        *,
        new_name: str | UnsetType = UNSET,
        description: str | UnsetType | None = UNSET,
        readme: str | UnsetType | None = UNSET,
        annotation_types: Iterable[str] | UnsetType = UNSET,
        classes: Classes | UnsetType = UNSET,
        classes_base: Classes | UnsetType = UNSET,
    ) -> Dataset:
        """Change what is given; None clears.

        `classes` replaces the whole list; with `classes_base`, the list as you had read it, only what you changed
        of it is changed, and what others have changed meanwhile stays. Raises EmptyUpdate, without a request, if
        nothing is given; ConflictError if the name is taken.
        """
        body = changed(
            new_name=new_name,
            description=description,
            readme=readme,
            annotation_types=annotation_types if annotation_types is UNSET else _types(annotation_types),
            classes=classes if classes is UNSET else classes_on_wire(classes),
            classes_base=classes_base if classes_base is UNSET else classes_on_wire(classes_base),
        )
        path = _by_name(dataset)
        return self._connection.call(Call(method="PATCH", path=path, json=body, reply=_DATASET))

    def delete(self, dataset: str) -> DatasetDeleted:
        """Remove a dataset for good, with all its images. Needs the admin role."""
        path = _by_name(dataset)
        return self._connection.call(Call(method="DELETE", path=path, reply=_DELETED))

    def archive(self, dataset: str) -> Dataset:
        """Hide a dataset; its images stay as they are. Needs the admin role. Doing it again changes nothing."""
        path = f"{_by_name(dataset)}/archive"
        return self._connection.call(Call(method="POST", path=path, reply=_DATASET))

    def restore(self, dataset: str) -> Dataset:
        """Bring an archived dataset back."""
        path = f"{_by_name(dataset)}/restore"
        return self._connection.call(Call(method="POST", path=path, reply=_DATASET))

    def insights(self, dataset: str) -> Insights:
        """Counts over a dataset: images, annotations, classes, sizes, confidence."""
        path = f"{_by_name(dataset)}/insights"
        return self._connection.call(Call(method="GET", path=path, reply=_INSIGHTS))

    def near_duplicates(
        self,
        dataset: str,
        *,
        threshold: float = 0.92,
        sample: int = 1000,
        neighbors: int = 10,
        max_pairs: int = 2000,
        folder_path: str | None = None,
    ) -> NearDuplicates:
        """Groups of images that look alike, at least as much as `threshold` (0.5 to 0.9999).

        Compared are the newest `sample` images, of the whole dataset or of one folder, each with its `neighbors`
        nearest. Whether that was all of them is in the answer.
        """
        query = {
            "threshold": threshold,
            "sample": sample,
            "neighbors": neighbors,
            "max_pairs": max_pairs,
            "folder_path": folder_path,
        }
        path = f"{_by_name(dataset)}/duplicates"
        return self._connection.call(Call(method="GET", path=path, query=query, reply=_DUPLICATES))

    def rename_class(self, dataset: str, old_name: str, new_name: str) -> ClassesChanged:
        """Give a class another name, in the dataset's list and in every annotation.

        Raises ConflictError if there is a class of that name: `merge_class` puts two together.
        """
        return self._change_class("rename-class", dataset=dataset, old_name=old_name, new_name=new_name)

    def merge_class(self, dataset: str, source_name: str, target_name: str) -> ClassesChanged:
        """Make every annotation of one class one of another; the first class is gone."""
        return self._change_class(
            "merge-class", dataset=dataset, source_name=source_name, target_name=target_name
        )

    def delete_class(
        self,
        dataset: str,
        name: str,
        *,
        class_type: str | None = None,
        delete_annotations: bool = False,
    ) -> ClassesChanged:
        """Take a class off the dataset's list and, with `delete_annotations`, its annotations off the images.

        `class_type` takes only the class of that annotation type.
        """
        return self._change_class(
            "delete-class",
            dataset=dataset,
            name=name,
            class_type=class_type,
            delete_annotations=delete_annotations,
        )

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
        server listed less than there is, which happens where images come and go meanwhile.
        `progress(done, total, filename)` follows each file.
        """
        listing = self._listing(name, mode, status_filter)
        folder = folder_at(output_dir)
        jobs = download_jobs(listing, folder, mode)
        finished = counting(progress, len(jobs))
        results = each(jobs, self._bring, workers=max_workers, after=lambda job: finished(job.filename))
        return download_report(name, folder, listing, jobs, results)

    def _listing(self, name: str, mode: DownloadMode, status_filter: str | None) -> DownloadListing:
        """All pages of it. An image that comes or goes meanwhile moves the others; nothing is taken twice."""
        items: dict[str, DownloadItem] = {}
        while True:
            known = len(items)
            query = {
                "mode": mode,
                "limit": MOST_ITEMS_LISTED,
                "offset": known or None,
                "status_filter": status_filter,
            }
            page = self._connection.call(
                Call(method="GET", path=f"{_by_name(name)}/download", query=query, reply=_LISTING)
            )
            items.update((item.id, item) for item in page.items)
            if len(items) == known or not more_listed(page, len(items)):
                return DownloadListing(list(items.values()), page.total_items)

    def _bring(self, job: Job) -> DownloadFailure | None:
        if job.url is None or job.fault is not None:
            return failed(job, job.fault or "the server gave no address")
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

    def _change_class(self, verb: str, **asked: str | bool | None) -> ClassesChanged:
        path = f"{DEVELOPER}/annotations/{verb}"
        return self._connection.call(Call(method="POST", path=path, json=asked, reply=_CLASSES))

    def _lister(self, *, archived: bool) -> Callable[[int, int], Page[Dataset]]:
        def fetch(limit: int, offset: int) -> Page[Dataset]:
            query = {"limit": limit, "offset": offset, "archived": archived or None}
            return self._connection.call(Call(method="GET", path=_DATASETS, query=query, reply=_PAGE))

        return fetch


def _by_name(name: str) -> str:
    return f"{_DATASETS}by-name/" + segment(name, "dataset name")


def _types(annotation_types: Iterable[str] | None) -> builtins.list[str] | None:
    return None if annotation_types is None else id_list(annotation_types, "annotation_types")


def _write_whole(path: Path, body: bytes) -> None:
    with Arrival(path) as arrival:
        arrival.write(body)
