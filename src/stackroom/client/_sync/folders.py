# Made from ../_async/folders.py by tools/generate_sync_client.py: change it there.

"""The folders of a dataset."""

import builtins

from stackroom.client.models import Folder, FolderNode
from stackroom.client.wire import DEVELOPER, FOLDER, FOLDER_NODE, Call, many, segment

from .connection import Connection

_FOLDERS = f"{DEVELOPER}/folders"
_LIST = many(FOLDER)
_TREE = many(FOLDER_NODE)


class Folders:
    """`client.folders`. Folders appear with the first image that is put into them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, dataset_id: str, *, parent_path: str | None = None) -> builtins.list[Folder]:
        """All folders of a dataset, or those directly in `parent_path` ("" for the top)."""
        path = f"{_FOLDERS}/list/{segment(dataset_id, 'dataset id')}"
        query = {"parent_path": parent_path}
        answer = self._connection.call(Call(method="GET", path=path, query=query, reply=_LIST))
        return answer.rows

    def tree(self, dataset_id: str) -> builtins.list[FolderNode]:
        """The top folders of a dataset, each with what is in it."""
        path = f"{_FOLDERS}/tree/{segment(dataset_id, 'dataset id')}"
        return (self._connection.call(Call(method="GET", path=path, reply=_TREE))).rows
