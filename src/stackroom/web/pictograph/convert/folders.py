"""Folders, in Pictograph's words."""

from collections.abc import Mapping, Sequence

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import Conflict, Invalid
from stackroom.library.datasets import Dataset
from stackroom.library.folders import Folder
from stackroom.library.listing import FolderStats
from stackroom.library.names import ROOT, ancestors, clean_path, last_part, parent
from stackroom.operations.change_folder import RemovedFolder
from stackroom.web.pictograph.convert.base import folder_path, moment
from stackroom.web.pictograph.wire import folders as wire
from stackroom.web.pictograph.wire.base import Place

FolderRow = tuple[int, bytes, str, int, int]


def new_path(asked: Place) -> str:
    """The path of a folder to be made. Raises `Invalid` if none is given, or one that no folder can have."""
    given = folder_path(asked)
    if given is None:
        location = {"loc": ["body", "folder_path"], "msg": "missing", "type": "missing"}
        raise Invalid("folder_path: missing", details={"errors": [location]})
    return clean_path(given, "folder_path")


def folders(
    rows: Sequence[FolderRow], dataset: Dataset, actor: Actor, parent_path: str | None
) -> list[wire.Folder]:
    """All folders but the root, or those directly below one (clean)."""
    nested = nested_counts(rows)
    identities = {path: uuid for _, uuid, path, _, _ in rows if path != ROOT}
    return [
        _folder(row, nested[row[2]], identities.get(parent(row[2])), dataset, actor)
        for row in rows
        if row[2] != ROOT and (parent_path is None or parent(row[2]) == parent_path)
    ]


def folder(
    found: Folder, rows: Sequence[FolderRow], above: bytes | None, dataset: Dataset, actor: Actor
) -> wire.FolderAnswer:
    """One folder, given the rows of it and of all below."""
    mine = next(row for row in rows if row[0] == found.id)
    return wire.FolderAnswer(data=_folder(mine, sum(row[4] for row in rows), above, dataset, actor))


def _folder(row: FolderRow, nested: int, above: bytes | None, dataset: Dataset, actor: Actor) -> wire.Folder:
    _, uuid, path, created_at, count = row
    dataset_id = ids.text(dataset.uuid)
    parent_id = None if above is None else ids.text(above)
    return wire.Folder(
        id=ids.text(uuid),
        project_id=dataset_id,
        dataset_id=dataset_id,
        organization_id=ids.text(actor.organization_uuid),
        name=last_part(path),
        parent_folder_id=parent_id,
        parent_directory_id=parent_id,
        full_path=path,
        directory_path=path,
        image_count=count,
        nested_image_count=nested,
        created_by=None,
        created_at=moment(created_at),
        updated_at=None,
    )


def folder_tree(rows: Sequence[FolderRow]) -> list[wire.FolderNode]:
    """The folders below the root, each with those below it."""
    nested = nested_counts(rows)
    children: dict[str, list[wire.FolderNode]] = {path: [] for _, _, path, _, _ in rows}
    # From the deepest up: the children of a folder are complete when it is made itself.
    for _, uuid, path, _, count in sorted(rows, key=lambda row: row[2].count("/"), reverse=True):
        if path != ROOT:
            node = wire.FolderNode(
                id=ids.text(uuid),
                name=last_part(path),
                full_path=path,
                directory_path=path,
                image_count=count,
                nested_image_count=nested[path],
                children=children[path],
            )
            children[parent(path)].append(node)
    return children[ROOT]


def nested_counts(rows: Sequence[FolderRow]) -> Mapping[str, int]:
    """How many images are in each folder and everywhere below it."""
    nested = {path: 0 for _, _, path, _, _ in rows}
    for _, _, path, _, count in rows:
        for above in ancestors(path):
            if above in nested:  # those above the topmost were not asked for
                nested[above] += count
    return nested


def stats(seen: FolderStats) -> wire.FolderStats:
    return wire.FolderStats(
        total_folders=seen.folders,
        total_directories=seen.folders,
        total_images=sum(seen.by_status.values()),
        total_size_bytes=seen.bytes,
        folders_by_status=seen.by_status,
        directories_by_status=seen.by_status,
    )


def removed(done: RemovedFolder) -> wire.FolderRemoved:
    identity = ids.text(done.folder.uuid)
    return wire.FolderRemoved(
        folder_id=identity,
        directory_id=identity,
        images_moved=0 if done.moved is None else done.moved.succeeded,
        operation_id=None if done.moved is None else ids.text(done.moved.uuid),
    )


def not_empty(error: Conflict) -> Exception:
    """Here it is no conflict but a bad request, and has another name."""
    if error.code != "folder_not_empty":
        return error
    return Invalid(error.message, code="directory_not_empty", hint=error.hint, details=error.details)
