# Made from ../_async/folders.py by tools/generate_sync_client.py: change it there.

"""The folders of a dataset."""

import builtins

from stackroom.client.models import Folder, FolderDeleted, FolderNode, FolderStats
from stackroom.client.wire import (
    DEVELOPER,
    FOLDER,
    FOLDER_DELETED,
    FOLDER_NODE,
    FOLDER_STATS,
    Call,
    many,
    one,
    segment,
    segments,
)

from .connection import Connection

_FOLDERS = f"{DEVELOPER}/folders/"
_FOLDER = one(FOLDER, "data")
_LIST = many(FOLDER)
_TREE = many(FOLDER_NODE)
_STATS = one(FOLDER_STATS)
_DELETED = one(FOLDER_DELETED)


class Folders:
    """`client.folders`. A folder is named by its dataset (name or id) and its path, such as `/cars/red`.

    Folders appear with the first image that is put into them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, dataset: str, *, parent_path: str | None = None) -> builtins.list[Folder]:
        """All folders of a dataset, or those directly in `parent_path` ("" for the top)."""
        query = {"parent_path": parent_path}
        answer = self._connection.call(Call(method="GET", path=_path(dataset), query=query, reply=_LIST))
        return answer.rows

    def tree(self, dataset: str) -> builtins.list[FolderNode]:
        """The top folders of a dataset, each with what is in it."""
        answer = self._connection.call(Call(method="GET", path=f"{_path(dataset)}/tree", reply=_TREE))
        return answer.rows

    def stats(self, dataset: str, path: str = "/", *, recursive: bool = True) -> FolderStats:
        """How many images are in a folder and below it, how large, in which status. Raises NotFoundError."""
        query = {"include_subfolders": recursive}
        place = f"{_path(dataset, path)}/stats"
        return self._connection.call(Call(method="GET", path=place, query=query, reply=_STATS))

    def create(self, dataset: str, path: str) -> Folder:
        """The folder at `path`, made with those above it where they are missing. Doing it again changes nothing."""
        body = {"dataset": dataset, "folder_path": path}
        return self._connection.call(Call(method="POST", path=_FOLDERS, json=body, reply=_FOLDER))

    def rename(self, dataset: str, path: str, new_name: str) -> Folder:
        """Give a folder another name; everything in it and below it comes along.

        Raises ConflictError if there is a folder of that name beside it: two folders are never merged.
        """
        place = f"{_path(dataset, path)}/rename"
        body = {"new_name": new_name}
        return self._connection.call(Call(method="PATCH", path=place, json=body, reply=_FOLDER))

    def delete(self, dataset: str, path: str, *, cascade: bool = False) -> FolderDeleted:
        """Remove an empty folder or, with `cascade`, one with images: they are moved to the folder above.

        Raises ValidationError if there are images and no `cascade`, or folders below it; ConflictError if there
        are more images than one transaction moves: move those first, with `client.operations`.
        """
        query = {"cascade": cascade}
        place = _path(dataset, path)
        return self._connection.call(Call(method="DELETE", path=place, query=query, reply=_DELETED))


def _path(dataset: str, path: str = "/") -> str:
    return _FOLDERS + segment(dataset, "dataset") + segments(path)
