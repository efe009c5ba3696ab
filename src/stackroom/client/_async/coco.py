"""Bringing the annotations of a COCO file into a dataset."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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

from .connection import AsyncConnection
from .datasets import AsyncDatasets
from .images import AsyncImages
from .seam import in_thread

ImportProgress = Callable[[int, int], None]
BulkSave = Callable[[Mapping[str, Sequence[Mapping[str, Any]]]], Awaitable[BulkSaved]]
# What is wrong with these requests is what is in them.
_OF_THE_CONTENT = frozenset({400, 413, 422})


async def import_coco(
    connection: AsyncConnection,
    bulk_save: BulkSave,
    dataset: str,
    path: str | Path,
    *,
    create_classes: bool,
    progress: ImportProgress | None,
) -> ImportReport:
    """See `annotations.import_coco`."""
    file = await in_thread(read_coco, path)
    converted = await in_thread(convert, file)
    found = await AsyncDatasets(connection).get_by_id(dataset)
    meant, unmatched = matched(file, converted, await _images_of(connection, found, file))
    created = await _create_classes(connection, found, converted) if create_classes else []
    tally = Tally(converted, unmatched, created)
    for batch in batches(meant, converted):
        tally.count(batch, await _save(bulk_save, batch))
        if progress is not None:
            progress(tally.images, len(meant))
    return tally.report()


async def _images_of(connection: AsyncConnection, dataset: Dataset, file: CocoFile) -> Matcher:
    matcher = Matcher()
    if file.images:
        async for image in AsyncImages(connection).iter(dataset.id, page_size=1000):
            matcher.add(image)
    return matcher


async def _create_classes(connection: AsyncConnection, dataset: Dataset, converted: Converted) -> list[str]:
    """Add what is missing to what is there, also if somebody changes the classes meanwhile; the names."""
    missing = new_classes(converted, (each.name for each in dataset.classes))
    if missing:
        await AsyncDatasets(connection).update(
            dataset.name, classes=[*dataset.classes, *missing], classes_base=dataset.classes
        )
    return [each.name for each in missing]


async def _save(bulk_save: BulkSave, batch: Sequence[Save]) -> dict[str, str]:
    """Save a batch; the images that were refused, with the reasons."""
    try:
        answer = await bulk_save({each.image_id: each.annotations for each in batch})
    except ApiError as error:
        if error.status_code not in _OF_THE_CONTENT:
            raise
        return dict.fromkeys((each.image_id for each in batch), error.message)
    return {each.image_id: each.error for each in answer.failed}
