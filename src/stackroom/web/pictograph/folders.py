"""Folders, which newer clients call directories. Both answers are bare lists, in either generation."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.database.transaction import Connection
from stackroom.library import datasets, listing
from stackroom.library.datasets import Dataset
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import folders as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.convert.folders import FolderRow
from stackroom.web.pictograph.wire import folders as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply


async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    asked = call.query(wire.FolderPage)
    found, rows = await _rows(call)
    return json_reply(convert.folders(rows, found, call.actor, asked.parent_path))


async def show_tree(request: Request) -> Response:
    _, rows = await _rows(await Call.begin(request))
    return json_reply(convert.folder_tree(rows))


async def _rows(call: Call) -> tuple[Dataset, Sequence[FolderRow]]:
    def read(conn: Connection) -> tuple[Dataset, Sequence[FolderRow]]:
        found = datasets.find(conn, call.actor, call.place("dataset"))
        return found, listing.folder_counts(conn, found.id)

    return await call.read(read)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/{word}/{path}", GET=handler)
        for word in ("folders", "directories")
        for path, handler in (("list/{dataset}", show_all), ("tree/{dataset}", show_tree))
    ]
