"""Folders: the tree of the dataset that media go to, by ids.

Those of other datasets can be named, as what is in them is seen here as well, and are not listed.
"""

from collections import defaultdict
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict, NotFound
from stackroom.library import datasets, folders, listing, media, media_home
from stackroom.library.answers import Answer
from stackroom.library.datasets import Dataset
from stackroom.library.folders import Branch, Folder
from stackroom.library.names import ROOT, clean_name, clean_path
from stackroom.operations import change_folder, engine
from stackroom.operations.request import Request as Wanted
from stackroom.operations.request import Verb, select_ids
from stackroom.web.mindia.call import NOTHING as GONE
from stackroom.web.mindia.call import PREFIX, Call, uuid_of
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import as_bad_requests, bad_request, not_found
from stackroom.web.mindia.wire import folders as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire.base import moment, uuid
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

MAX_NAME = 255
"""Bytes."""
ROOTS = "null"
DONE = Answer(status=200, headers={"cache-control": "no-store"}, body=b"")


@described("Make a folder", {201: wire.Folder}, body=wire.NewFolder, needs=Role.MEMBER, refuses=(409,))
async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "making a folder")
    asked = call.json(wire.NewFolder)
    name = _name(asked.name)
    parent = None if asked.parent_id is None else uuid_of(asked.parent_id, "parent_id")

    def work(conn: Connection, now: int) -> Answer:
        within, above = _place(conn, call, parent, now)
        with as_bad_requests():
            path = clean_path(f"{above.path}/{name}")
        made, is_new = folders.create(conn, call.actor, within, path, now=now)
        if not is_new:
            raise Conflict(f"a folder named {name!r} already exists here")
        return answer(_told(folders.branch(conn, made)), 201)

    return await call.write(work)


@described("Folders", list[wire.Folder], query=queries.Children)
async def show_all(request: Request) -> Response:
    """By name. `parent_id` is an id, or `null` for those at the top."""
    call = await Call.begin(request)
    asked = call.asked("parent_id")
    parent = uuid_of(asked, "parent_id") if asked and asked != ROOTS else None

    def read(conn: Connection) -> list[Branch]:
        if parent is not None:
            above = _by_id(conn, call, parent)
            return [] if above is None else folders.branches(conn, above.dataset_id, right_below=above.path)
        home = _home(conn, call)
        if home is None:
            return []
        return folders.branches(conn, home.id, right_below=None if asked is None else ROOT)

    found = await call.read(read)
    return json_reply([_told(each) for each in sorted(found, key=_by_name)])


@described("All folders, each with those below it", list[wire.Node])
async def show_tree(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> tuple[list[Branch], dict[int, int]]:
        home = _home(conn, call)
        if home is None:
            return [], {}
        counted = {row[0]: row[4] for row in listing.folder_counts(conn, home.id)}
        return folders.branches(conn, home.id), counted

    return json_reply(tree(*await call.read(read)))


@described("A folder, with how much is in it", wire.Folder)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    wanted = call.uuid("id")

    def read(conn: Connection) -> wire.Folder:
        found = _found(conn, call, wanted)
        live, _ = folders.count_held(conn, found)
        return _told(folders.branch(conn, found), held=live, below=folders.count_children(conn, found))

    return json_reply(await call.read(read))


@described("Change a folder", wire.Folder, body=wire.FolderChanges, needs=Role.MEMBER, refuses=(409,))
async def change(request: Request) -> Response:
    """Rename, move, or both at once."""
    call = await Call.begin(request, Role.MEMBER, "changing a folder")
    wanted, asked = call.uuid("id"), call.json(wire.FolderChanges)
    name = _name(asked.name) if isinstance(asked.name, str) else None
    parent = uuid_of(asked.parent_id, "parent_id") if isinstance(asked.parent_id, str) else None
    moves = isinstance(asked.parent_id, str) or asked.parent_id is None

    def work(conn: Connection, now: int) -> Answer:
        found = _found(conn, call, wanted)
        with as_bad_requests():
            if moves:
                above = _above(conn, call, found, parent)
                found = change_folder.move_folder(conn, call.actor, found, above, name, now=now)
            elif name is not None:
                found = change_folder.rename_folder(conn, call.actor, found, name, now=now)
        return answer(_told(folders.branch(conn, found)))

    return await call.write(work)


@described("Delete a folder", {204: None}, needs=Role.MEMBER)
async def remove(request: Request) -> Response:
    """Only an empty one."""
    call = await Call.begin(request, Role.MEMBER, "deleting a folder")
    wanted = call.uuid("id")

    def work(conn: Connection, now: int) -> Answer:
        found = _found(conn, call, wanted)
        try:
            change_folder.remove_folder(conn, call.actor, found, cascade=False, now=now)
        except Conflict as error:
            raise bad_request(f"the folder cannot be deleted: {error.message}") from error
        return GONE

    return await call.write(work)


@described("Move an item", {200: None}, body=wire.Placement, needs=Role.MEMBER)
async def place(request: Request) -> Response:
    """Put one item into a folder of the dataset it is in, or into none."""
    call = await Call.begin(request, Role.MEMBER, "moving media")
    wanted, asked = call.uuid("id"), call.json(wire.Placement)
    into = None if asked.folder_id is None else uuid_of(asked.folder_id, "folder_id")

    def work(conn: Connection, now: int) -> Answer:
        found = media.find(conn, call.actor, wanted, now=now)
        path = ROOT if into is None else _held(conn, found.dataset_id, into).path
        request = Wanted(
            verb=Verb.MOVE,
            selection=select_ids([ids.text(wanted)], dataset_id=found.dataset_id),
            target_dataset_id=found.dataset_id,
            target_folder=path,
            single=True,
            require_match=True,
            item_events=True,
        )
        engine.submit(conn, call.actor, request, now=now)
        return DONE

    return await call.write(work)


def tree(branches: list[Branch], counted: dict[int, int]) -> list[wire.Node]:
    """The folders of a dataset, each with those below it, by name at each level."""
    below: defaultdict[UUID | None, list[wire.Node]] = defaultdict(list)
    # Backwards, so that what is below a folder is there before it.
    for each in sorted(branches, key=lambda it: it.path.count("/"), reverse=True):
        node = wire.Node(
            id=uuid(each.uuid),
            name=each.name,
            parent_id=_uuid_or_none(each.above),
            created_at=moment(each.created_at),
            updated_at=moment(each.updated_at),
            media_count=counted.get(each.id, 0),
            children=sorted(below[uuid(each.uuid)], key=lambda it: it.name),
        )
        below[node.parent_id].append(node)
    return sorted(below[None], key=lambda it: it.name)


def _told(found: Branch, *, held: int | None = None, below: int | None = None) -> wire.Folder:
    return wire.Folder(
        id=uuid(found.uuid),
        name=found.name,
        parent_id=_uuid_or_none(found.above),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        media_count=held,
        subfolder_count=below,
    )


def _uuid_or_none(raw: bytes | None) -> UUID | None:
    return None if raw is None else uuid(raw)


def _by_name(each: Branch) -> tuple[str, str]:
    return each.name, each.path


def _name(given: str) -> str:
    """As it is kept. Raises `Invalid` (`BAD_REQUEST`) for what no folder is called."""
    name = given.strip()
    if not 1 <= len(name.encode(errors="replace")) <= MAX_NAME:
        raise bad_request(f"name: a folder's has 1 to {MAX_NAME} bytes")
    with as_bad_requests():
        return clean_name(name, "name")


def _home(conn: Connection, call: Call) -> Dataset | None:
    try:
        return datasets.find(conn, call.actor, media_home.NAME)
    except NotFound:
        return None


def _place(conn: Connection, call: Call, parent: bytes | None, now: int) -> tuple[Dataset, Folder]:
    """Where a new folder goes. Raises `Invalid` (`BAD_REQUEST`) for a parent that there is not."""
    if parent is None:
        home = media_home.home(conn, call.actor, now)
        return home, folders.at(conn, home, ROOT)
    above = _by_id(conn, call, parent)
    within = None if above is None else datasets.by_id(conn, call.actor, above.dataset_id)
    if above is None or within is None:
        raise bad_request("Parent folder not found")
    if folders.hold_tree(conn, within.id):  # it may have been put elsewhere meanwhile
        try:
            above = folders.again(conn, above)
        except NotFound as error:
            raise bad_request("Parent folder not found") from error
    return within, above


def _above(conn: Connection, call: Call, found: Folder, parent: bytes | None) -> Folder:
    """The folder that another goes into, in the same dataset: its root, or the one of this id."""
    if parent is not None:
        above = folders.by_uuid(conn, found.dataset_id, parent)
        if above is None:
            raise bad_request("Parent folder not found")
        return above
    within = datasets.by_id(conn, call.actor, found.dataset_id)
    assert within is not None
    return folders.at(conn, within, ROOT)


def _held(conn: Connection, dataset_id: int, wanted: bytes) -> Folder:
    """A folder to put something into, as it is called now; it stays until the commit. Raises `Invalid`
    (`BAD_REQUEST`)."""
    found = folders.by_uuid(conn, dataset_id, wanted)
    try:
        if found is not None and folders.hold(conn, [found.id]):
            return folders.again(conn, found)
    except NotFound:
        pass  # it was removed while we looked
    raise bad_request("Folder not found")


def _by_id(conn: Connection, call: Call, wanted: bytes) -> Folder | None:
    found = folders.by_reference(conn, call.actor, ids.text(wanted))
    return None if found is None or found.path == ROOT else found


def _found(conn: Connection, call: Call, wanted: bytes) -> Folder:
    found = _by_id(conn, call, wanted)
    if found is None:
        raise not_found("Folder")
    return found


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/folders", GET=show_all, POST=create),
        resource(f"{PREFIX}/folders/tree", GET=show_tree),
        resource(f"{PREFIX}/folders/{{id}}", GET=show, PUT=change, PATCH=change, DELETE=remove),
        resource(f"{PREFIX}/media/{{id}}/folder", PUT=place),
    ]
