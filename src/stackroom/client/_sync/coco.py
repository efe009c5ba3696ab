# Made from ../_async/coco.py by tools/generate_sync_client.py: change it there.

"""Bringing the annotations of a COCO file into a dataset."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stackroom.client.coco import (
    CocoFile,
    Converted,
    Matcher,
    Save,
    Tally,
    batches,
    convert,
    matched,
    new_classes,
    read_coco,
)
from stackroom.client.errors import ApiError
from stackroom.client.models import BulkSaved, Dataset, ImportReport

from .connection import Connection
from .datasets import Datasets
from .images import Images
from .seam import in_thread

ImportProgress = Callable[[int, int], None]
BulkSave = Callable[[Mapping[str, Sequence[Mapping[str, Any]]]], BulkSaved]
# What is wrong with these requests is what is in them.
_OF_THE_CONTENT = frozenset({400, 413, 422})


def import_coco(
    connection: Connection,
    bulk_save: BulkSave,
    dataset: str,
    path: str | Path,
    *,
    create_classes: bool,
    progress: ImportProgress | None,
) -> ImportReport:
    """See `annotations.import_coco`."""
    file = in_thread(read_coco, path)
    converted = in_thread(convert, file)
    found = Datasets(connection).get_by_id(dataset)
    meant, unmatched = matched(file, converted, _images_of(connection, found, file))
    created = _create_classes(connection, found, converted) if create_classes else []
    tally = Tally(converted, unmatched, created)
    for batch in batches(meant, converted):
        tally.count(batch, _save(bulk_save, batch))
        if progress is not None:
            progress(tally.images, len(meant))
    return tally.report()


def _images_of(connection: Connection, dataset: Dataset, file: CocoFile) -> Matcher:
    matcher = Matcher()
    if file.images:
        for image in Images(connection).iter(dataset.id, page_size=1000):
            matcher.add(image)
    return matcher


def _create_classes(connection: Connection, dataset: Dataset, converted: Converted) -> list[str]:
    """Add what is missing to what is there, also if somebody changes the classes meanwhile; the names."""
    missing = new_classes(converted, (each.name for each in dataset.classes))
    if missing:
        Datasets(connection).update(
            dataset.name, classes=[*dataset.classes, *missing], classes_base=dataset.classes
        )
    return [each.name for each in missing]


def _save(bulk_save: BulkSave, batch: Sequence[Save]) -> dict[str, str]:
    """Save a batch; the images that were refused, with the reasons."""
    try:
        answer = bulk_save({each.image_id: each.annotations for each in batch})
    except ApiError as error:
        if error.status_code not in _OF_THE_CONTENT:
            raise
        return dict.fromkeys((each.image_id for each in batch), error.message)
    return {each.image_id: each.error for each in answer.failed}
