"""Datasets, between the library's words and Pictograph's."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from stackroom import ids
from stackroom.access import Actor
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset, DatasetChanges, Totals
from stackroom.operations.remove_dataset import Removed
from stackroom.web.pictograph.convert.base import Links, moment, raw
from stackroom.web.pictograph.wire import datasets as wire


def changes_of_dataset(asked: wire.DatasetUpdate) -> DatasetChanges:
    return DatasetChanges(
        name=asked.name if asked.new_name is UNSET else asked.new_name,
        description=asked.description,
        readme=asked.readme,
        annotation_types=asked.annotation_types,
        classes=UNSET if asked.classes is UNSET else classes(asked.classes),
        classes_base=UNSET if asked.classes_base is UNSET else classes(asked.classes_base),
    )


def classes(asked: Sequence[wire.DatasetClass] | None) -> list[dict[str, Any]]:
    built: list[dict[str, Any]] = msgspec.to_builtins(asked or [])
    return built


def dataset(found: Dataset, totals: Totals, actor: Actor, images: Raw | None = None) -> wire.Dataset:
    return wire.Dataset(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        name=found.name,
        description=found.description,
        readme=found.readme,
        annotation_types=found.annotation_types,
        classes=found.classes,
        image_count=totals.assets,
        completed_image_count=totals.complete,
        total_size=totals.bytes,
        archived_images=totals.archived,
        archived_image_count=totals.archived,
        is_public=False,
        is_archived=found.archived_at is not None,
        archived_at=None if found.archived_at is None else moment(found.archived_at),
        storage_class="standard",
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        images=UNSET if images is None else images,
    )


def removed(done: Removed) -> wire.DatasetRemoved:
    identity = ids.text(done.dataset.uuid)
    return wire.DatasetRemoved(
        deleted=wire.RemovedProject(
            project_id=identity, images=done.assets, folders=done.folders, gcs_blobs=done.blobs
        ),
        data=wire.RemovedDataset(
            id=identity,
            name=done.dataset.name,
            images_deleted=done.assets,
            directories_deleted=done.folders,
            gcs_blobs_deleted=done.blobs,
            gcs_blobs_retained_for_forks=done.blobs_kept,
        ),
    )


def download_items(found: Iterable[Asset], mode: str, links: Links) -> Raw:
    return raw([_download_item(each, mode, links) for each in found])


def _download_item(found: Asset, mode: str, links: Links) -> wire.DownloadItem:
    return wire.DownloadItem(
        id=ids.text(found.uuid),
        filename=found.name,
        file_size=found.size,
        annotation_count=found.annotation_count,
        directory_path=found.folder_path,
        folder_path=found.folder_path,
        image_url=UNSET if mode == "annotations_only" else links.image(found),
        annotation_url=UNSET if mode == "images_only" else links.annotations(found),
    )
