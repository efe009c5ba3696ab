"""Folders, in Pictograph's words."""

from collections.abc import Mapping, Sequence

from stackroom import ids
from stackroom.access import Actor
from stackroom.library.datasets import Dataset
from stackroom.library.names import ROOT, ancestors, clean_path, last_part, parent
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire import folders as wire

FolderRow = tuple[int, bytes, str, int, int]


def folders(
    rows: Sequence[FolderRow], dataset: Dataset, actor: Actor, parent_path: str | None
) -> list[wire.Folder]:
    """All folders but the root, or those directly below one."""
    wanted = None if parent_path is None else clean_path(parent_path, "parent_path")
    nested = nested_counts(rows)
    identities = {path: ids.text(uuid) for _, uuid, path, _, _ in rows if path != ROOT}
    dataset_id, organization_id = ids.text(dataset.uuid), ids.text(actor.organization_uuid)
    return [
        wire.Folder(
            id=identities[path],
            project_id=dataset_id,
            dataset_id=dataset_id,
            organization_id=organization_id,
            name=last_part(path),
            parent_folder_id=identities.get(parent(path)),
            parent_directory_id=identities.get(parent(path)),
            full_path=path,
            directory_path=path,
            image_count=count,
            nested_image_count=nested[path],
            created_by=None,
            created_at=moment(created_at),
            updated_at=None,
        )
        for _, _, path, created_at, count in rows
        if path != ROOT and (wanted is None or parent(path) == wanted)
    ]


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
            nested[above] += count
    return nested
