"""What a dataset consists of, which of its images are nearly the same, and where it is kept."""

import asyncio

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict
from stackroom.library import datasets, insights, similarity
from stackroom.library.datasets import Dataset
from stackroom.library.insights import Insights
from stackroom.library.names import clean_path
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import insights as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import insights as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply


async def show(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> Insights:
        return insights.of_dataset(conn, datasets.find(conn, call.actor, call.place("dataset")).id)

    body = convert.insights(await call.read(read))
    return json_reply(replace(body, data=body))


async def duplicates(request: Request) -> Response:
    """Near duplicates among the newest images, by what they look like."""
    call = await Call.begin(request)
    asked = call.query(wire.DuplicatesQuery)
    given = asked.folder_path if asked.folder_path is not None else asked.directory_path
    folder = None if given is None else clean_path(given, "folder_path")
    within = convert.bounds(asked)
    found = await similarity.near_duplicates(
        call.services.database,
        call.actor,
        call.place("dataset"),
        folder,
        within,
        now=call.services.now(),
    )
    body = await asyncio.to_thread(convert.duplicates, found, within, folder)
    return json_reply(replace(body, data=body))


async def storage(request: Request) -> Response:
    call = await Call.begin(request)
    await call.read(lambda conn: _named(conn, call))
    body = wire.Storage()
    return json_reply(replace(body, data=body))


async def freeze(request: Request) -> Response:
    """Refused: there is no colder storage here, and to say that it was done would not be true."""
    call = await Call.begin(request, Role.ADMIN, "freezing a dataset")
    await call.read(lambda conn: _named(conn, call))
    raise Conflict(
        "everything is kept in standard storage here",
        code="storage_fixed",
        hint="Archive the dataset to put it out of sight. It takes the same room either way.",
    )


async def thaw(request: Request) -> Response:
    """Nothing is ever frozen, so this is done as soon as it is asked for."""
    call = await Call.begin(request, Role.ADMIN, "restoring a dataset")
    found = await call.read(lambda conn: _named(conn, call))
    body = wire.StorageTransition(job_id=ids.text(found.uuid))
    return json_reply(replace(body, data=body))


def _named(conn: Connection, call: Call) -> Dataset:
    return datasets.find(conn, call.actor, call.place("dataset"))


def routes() -> list[BaseRoute]:
    return [
        route
        for word in ("datasets/by-name", "datasets")
        for route in _of_one(f"{PREFIX}/{word}/{{dataset}}")
    ]


def _of_one(path: str) -> list[BaseRoute]:
    return [
        resource(f"{path}/insights", GET=show),
        resource(f"{path}/duplicates", GET=duplicates),
        resource(f"{path}/storage", GET=storage),
        resource(f"{path}/storage/freeze", POST=freeze),
        resource(f"{path}/storage/restore", POST=thaw),
    ]
