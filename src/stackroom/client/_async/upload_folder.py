"""A local tree of images into a dataset."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from stackroom.client.errors import ConflictError, NotFoundError, StackroomError
from stackroom.client.files import Found, find_images
from stackroom.client.models import Project, UploadReport
from stackroom.client.uploads import (
    FEW,
    ROWS_PER_FILE,
    Fate,
    FileProgress,
    Place,
    counting,
    fate_of,
    place_of,
    upload_report,
)

from .client import AsyncClient
from .seam import each, in_thread


async def upload_dataset_from_folder_async(
    client: AsyncClient,
    dataset_name: str,
    folder: str | Path,
    *,
    organize_by_class: bool = True,
    preserve_structure: bool = False,
    parallel: bool = True,
    max_workers: int = 8,
    skip_existing: bool = True,
    create_if_missing: bool = True,
    progress: FileProgress | None = None,
) -> UploadReport:
    """Upload every image file below a local folder.

    `organize_by_class` makes the first folder below it the virtual folder (`cars/red/x.jpg` goes to
    `/cars`), `preserve_structure` keeps the whole tree (`/cars/red`) and wins; with neither, all goes to
    `/`. Files that are there already are counted as skipped, unless `skip_existing=False` makes them
    failures. What happens to one file does not stop the others; running it again uploads what is missing.
    `progress(done, total, filename)` follows each file.

    Raises FileNotFoundError if `folder` is no folder, NotFoundError if the dataset is missing and
    `create_if_missing=False`.
    """
    found = await in_thread(
        find_images,
        folder,
        organize_by_class=organize_by_class,
        preserve_structure=preserve_structure,
    )
    dataset = await _dataset(client, dataset_name, create_if_missing=create_if_missing)
    places = [place_of(file.folder_path, file.path.name) for file in found]
    there = await taken_places(client, dataset_name, places) if skip_existing else frozenset()
    finished = counting(progress, len(found))
    fates = await each(
        found,
        partial(_upload, client, dataset.id, there=there, skip_existing=skip_existing),
        workers=max_workers if parallel else 1,
        after=lambda file: finished(file.path.name),
    )
    return upload_report(dataset_name, fates)


async def taken_places(
    client: AsyncClient, dataset_name: str, places: Collection[Place]
) -> Collection[Place]:
    """Those of these places where a dataset has an image, out of a list of what it holds: for a hundred thousand files
    that are there already a hundred questions, and not as many. Nothing where asking for each is quicker, or where
    there is no list: the server then says of each by itself that its name is taken."""
    wanted = frozenset(places)
    if len(wanted) < FEW:
        return frozenset()
    try:
        held = (await client.datasets.get(dataset_name)).image_count
        if not held or held > ROWS_PER_FILE * len(wanted):
            return frozenset()
        here = client.assets.iter(dataset_name, recursive=True, page_size=1000)
        return {place async for asset in here if (place := place_of(asset.folder, asset.name)) in wanted}
    except StackroomError:
        return frozenset()


async def _dataset(client: AsyncClient, name: str, *, create_if_missing: bool) -> Project:
    try:
        return await client.projects.get(name)
    except NotFoundError:
        if not create_if_missing:
            raise
    try:
        return await client.projects.create(name)
    except ConflictError:
        # Somebody else made it in between, which is as good.
        return await client.projects.get(name)


async def _upload(
    client: AsyncClient, dataset_id: str, file: Found, *, there: Collection[Place], skip_existing: bool
) -> Fate:
    if place_of(file.folder_path, file.path.name) in there:
        return "skipped"
    try:
        await client.images.upload(dataset_id, file.path, folder_path=file.folder_path)
    except (StackroomError, OSError) as error:
        return fate_of(file.path, error, skip_existing=skip_existing)
    return "uploaded"
