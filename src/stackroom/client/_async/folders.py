"""The folders of a dataset."""

import builtins

from stackroom.client.models import Folder, FolderNode
from stackroom.client.wire import DEVELOPER, FOLDER, FOLDER_NODE, Call, many, segment

from .connection import AsyncConnection

_FOLDERS = f"{DEVELOPER}/folders"
_LIST = many(FOLDER)
_TREE = many(FOLDER_NODE)


class AsyncFolders:
    """`client.folders`. Folders appear with the first image that is put into them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, dataset_id: str, *, parent_path: str | None = None) -> builtins.list[Folder]:
        """All folders of a dataset, or those directly in `parent_path` ("" for the top)."""
        path = f"{_FOLDERS}/list/{segment(dataset_id, 'dataset id')}"
        query = {"parent_path": parent_path}
        answer = await self._connection.call(Call(method="GET", path=path, query=query, reply=_LIST))
        return answer.rows

    async def tree(self, dataset_id: str) -> builtins.list[FolderNode]:
        """The top folders of a dataset, each with what is in it."""
        path = f"{_FOLDERS}/tree/{segment(dataset_id, 'dataset id')}"
        return (await self._connection.call(Call(method="GET", path=path, reply=_TREE))).rows
