"""Bringing the annotations of a COCO file into a dataset."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

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
from stackroom.client.models import Dataset, ImportReport
from stackroom.client.wire import DATASET, DEVELOPER, Call, Shape, one, segment

from .connection import AsyncConnection
from .datasets import AsyncDatasets
from .images import AsyncImages
from .seam import in_thread

ImportProgress = Callable[[int, int], None]
# What is wrong with these requests is what is in them.
_OF_THE_CONTENT = frozenset({400, 413, 422})


class _NotSaved(Struct, frozen=True):
    image_id: str
    error: str = "not saved"


class _Saved(Struct, frozen=True):
    failed: list[_NotSaved] = []


_DATASET = one(DATASET, "dataset", "data")
_SAVED = one(Shape(_Saved))


async def import_coco(
    connection: AsyncConnection,
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
        tally.count(batch, await _save(connection, batch))
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
        base = msgspec.to_builtins(dataset.classes)
        body = {"classes": [*base, *missing], "classes_base": base}
        path = f"{DEVELOPER}/datasets/{segment(dataset.id, 'dataset id')}"
        await connection.call(Call(method="PATCH", path=path, json=body, reply=_DATASET))
    return [each["name"] for each in missing]


async def _save(connection: AsyncConnection, batch: Sequence[Save]) -> dict[str, str]:
    """Save a batch; the images that were refused, with the reasons."""
    saves = [{"image_id": each.image_id, "annotations": each.annotations} for each in batch]
    call = Call(method="POST", path=f"{DEVELOPER}/annotations/bulk", json={"saves": saves}, reply=_SAVED)
    try:
        answer = await connection.call(call)
    except ApiError as error:
        if error.status_code not in _OF_THE_CONTENT:
            raise
        return dict.fromkeys((each.image_id for each in batch), error.message)
    return {each.image_id: each.error for each in answer.failed}
