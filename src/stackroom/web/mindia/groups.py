"""Groups: files that are named together, and fetched as one archive."""

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Literal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import groups
from stackroom.library.answers import Answer
from stackroom.library.groups import Group, Member
from stackroom.library.media import Media
from stackroom.library.names import Namer
from stackroom.storage.blobstore import BlobStore, MissingBytes
from stackroom.web.mindia.call import NOTHING, PREFIX, Call, uuids_of
from stackroom.web.mindia.convert.media import file_path
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import as_bad_requests, bad_request, storage_error
from stackroom.web.mindia.wire import groups as wire
from stackroom.web.mindia.wire.base import moment, uuid
from stackroom.web.shared.archives import Entry
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply
from stackroom.web.shared.tars import TarResponse
from stackroom.web.shared.zips import ZipResponse

_SECOND = 2
"""The number that the second file of a name gets in an archive."""
_ARCHIVES = {"zip": ZipResponse, "tar": TarResponse}


@described("Make a group of files", {201: wire.Group}, body=wire.NewGroup, needs=Role.MEMBER)
async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "making a group")
    files = uuids_of(call.json(wire.NewGroup).files, "files")

    def work(conn: Connection, now: int) -> Answer:
        with as_bad_requests():
            made = groups.create(conn, call.actor, files, now=now)
        return answer(_about(made), 201)

    return await call.write(work)


@described("A group, with its files", wire.GroupWithFiles)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    found, members = await call.read(lambda conn: _with_members(conn, call))
    return json_reply(
        wire.GroupWithFiles(
            id=uuid(found.uuid),
            created_at=moment(found.created_at),
            files=[_file(call, each.media) for each in members],
        )
    )


@described("A group, without its files", wire.Group)
async def show_about(request: Request) -> Response:
    call = await Call.begin(request)
    wanted, now = call.uuid("id"), call.now()
    return json_reply(_about(await call.read(lambda conn: groups.find(conn, call.actor, wanted, now=now))))


@described("A file of a group", {302: None})
async def show_nth(request: Request) -> Response:
    """Leads to the file at a place, counted from 0."""
    call = await Call.begin(request)
    wanted, position, now = call.uuid("id"), call.number("index"), call.now()
    if position < 0:
        raise bad_request("index: places are counted from 0")

    def read(conn: Connection) -> Member:
        found = groups.find(conn, call.actor, wanted, now=now)
        return groups.member_at(conn, call.actor, found, position, now=now)

    return RedirectResponse(_url(call, (await call.read(read)).media), HTTPStatus.FOUND)


@described(
    "Download a group",
    {200: "application/zip, application/x-tar"},
    places={"format": Literal["zip", "tar"]},
)
async def archive(request: Request) -> Response:
    """All files of a group as one, made while it is sent."""
    call = await Call.begin(request)
    made = _ARCHIVES.get(call.place("format"))
    if made is None:
        raise bad_request(f"format: an archive is {' or '.join(_ARCHIVES)}")
    _, members = await call.read(lambda conn: _with_members(conn, call))
    if not members:
        raise bad_request("the group is empty")
    store = call.services.store
    try:
        await asyncio.to_thread(_look_for, store, members)  # missing bytes can still become an error
    except MissingBytes as error:
        raise storage_error() from error
    response = made("group", entries(store, members))
    response.headers["content-disposition"] = f'attachment; filename="group.{call.place("format")}"'
    return response


@described("Delete a group, and none of its files", {204: None}, needs=Role.MEMBER)
async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "deleting a group")
    wanted = call.uuid("id")

    def work(conn: Connection, now: int) -> Answer:
        groups.remove(conn, call.actor, wanted, now=now)
        return NOTHING

    return await call.write(work)


def entries(store: BlobStore, members: Sequence[Member]) -> list[Entry]:
    """The files of an archive, each with a name of its own. None is opened before its turn has come."""
    found = []
    namer, given = Namer({each.media.original_name for each in members}, _SECOND), set[str]()
    for each in members:
        name = each.media.original_name
        name = namer.free(name) if name in given else name
        given.add(name)
        found.append(
            Entry(
                name=name,
                pieces=_in_turn(store, each.storage_key),
                size=each.media.size,
                modified=each.media.created_at,
            )
        )
    return found


def _in_turn(store: BlobStore, key: str) -> Iterator[bytes]:
    pieces = store.read(key)
    try:
        yield from pieces
    finally:
        pieces.close()


def _look_for(store: BlobStore, members: Sequence[Member]) -> None:
    for each in members:
        store.size(each.storage_key)


def _with_members(conn: Connection, call: Call) -> tuple[Group, list[Member]]:
    now = call.now()
    found = groups.find(conn, call.actor, call.uuid("id"), now=now)
    return found, groups.members(conn, call.actor, found, now=now)


def _about(found: Group) -> wire.Group:
    return wire.Group(id=uuid(found.uuid), created_at=moment(found.created_at), file_count=found.count)


def _file(call: Call, found: Media) -> wire.File:
    return wire.File(
        id=uuid(found.uuid),
        url=_url(call, found),
        filename=found.original_name,
        content_type=found.content_type,
        file_size=found.size,
        media_type=found.kind.value,
    )


def _url(call: Call, found: Media) -> str:
    return call.base + file_path(call.actor.organization_uuid, found.uuid, found.original_name)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/groups", POST=create),
        resource(f"{PREFIX}/groups/{{id}}", GET=show, DELETE=remove),
        resource(f"{PREFIX}/groups/{{id}}/info", GET=show_about),
        resource(f"{PREFIX}/groups/{{id}}/nth/{{index}}", GET=show_nth),
        resource(f"{PREFIX}/groups/{{id}}/archive/{{format}}", GET=archive),
    ]
