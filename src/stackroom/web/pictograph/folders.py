"""Folders, which newer clients call directories: one set of handlers under three generations of addresses.

    until 1.69.42   /folders/list/{dataset}       /folders/{folder}/stats              by ids
    1.69.43         /directories/list/{dataset}   /directories/{folder}/stats          by ids
    since           /directories/{dataset}        /directories/{dataset}/{path}/stats  by names and paths

A dataset may be called `list` or `tree`, and both kinds of things have ids that look alike: what there is decides.
"""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict, NotFound
from stackroom.library import datasets, folders, listing
from stackroom.library.answers import Answer
from stackroom.library.datasets import Dataset
from stackroom.library.folders import Folder
from stackroom.library.names import ROOT, clean_name, clean_path
from stackroom.operations import change_folder
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import folders as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref
from stackroom.web.pictograph.convert.folders import FolderRow
from stackroom.web.pictograph.wire import folders as wire
from stackroom.web.pictograph.wire.base import Place
from stackroom.web.shared.face import Handler, resource
from stackroom.web.shared.replies import answer, json_reply

Named = tuple[Dataset, Folder]


async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    given = call.query(wire.FolderPage).parent_path
    above = None if given is None else clean_path(given, "parent_path")
    reference = call.place("dataset" if "dataset" in request.path_params else "reference")

    def read(conn: Connection) -> tuple[Dataset, Sequence[FolderRow]]:
        found = datasets.find(conn, call.actor, reference)
        return found, listing.folder_counts(conn, found.id, above or ROOT)

    found, rows = await call.read(read)
    return json_reply(convert.folders(rows, found, call.actor, above))


async def show_tree(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> Sequence[FolderRow]:
        found = datasets.find(conn, call.actor, call.place("dataset"))
        return listing.folder_counts(conn, found.id)

    return json_reply(convert.folder_tree(await call.read(read)))


async def show_stats(request: Request) -> Response:
    """What is in a folder and below it. A dataset in the place of a folder means its root."""
    call = await Call.begin(request)
    asked = call.query(wire.FolderScope)
    recursive = asked.include_subfolders and asked.include_subdirectories
    find = _finder(request, call)

    def read(conn: Connection) -> wire.FolderStats:
        within, found = find(conn)
        return convert.stats(listing.folder_stats(conn, within.id, found.path, recursive=recursive))

    return json_reply(await call.read(read))


async def create(request: Request) -> Response:
    """Made with its parents; 200 if it is there already."""
    call = await Call.begin(request, Role.MEMBER, "creating a folder")
    asked = call.json(Place)
    reference, path = dataset_ref(asked), convert.new_path(asked)
    folders.refuse_root(path)

    def work(conn: Connection, now: int) -> Answer:
        within = datasets.find(conn, call.actor, reference)
        found, made = folders.create(conn, call.actor, within, path, now=now)
        return answer(_described(conn, call, (within, found)), 201 if made else 200)

    return await call.write(work)


async def rename(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "renaming a folder")
    name = clean_name(call.json(wire.FolderRename).new_name, "new_name")
    find = _finder(request, call)

    def work(conn: Connection, now: int) -> Answer:
        within, found = find(conn)
        renamed = change_folder.rename_folder(conn, call.actor, found, name, now=now)
        return answer(_described(conn, call, (within, renamed)))

    return await call.write(work)


async def remove(request: Request) -> Response:
    """Only an empty one, or with `cascade` one whose images then go to its parent."""
    call = await Call.begin(request, Role.MEMBER, "deleting a folder")
    asked = call.query(wire.FolderRemoval)
    find = _finder(request, call)

    def work(conn: Connection, now: int) -> Answer:
        _, found = find(conn)
        try:
            done = change_folder.remove_folder(conn, call.actor, found, cascade=asked.cascade, now=now)
        except Conflict as error:
            raise convert.not_empty(error) from error
        return answer(convert.removed(done))

    return await call.write(work)


def _described(conn: Connection, call: Call, named: Named) -> wire.FolderAnswer:
    within, found = named
    rows = listing.folder_counts(conn, within.id, found.path)
    return convert.folder(found, rows, folders.parent_uuid(conn, found), within, call.actor)


def _finder(request: Request, call: Call) -> Callable[[Connection], Named]:
    """How to find the folder of this address: by `reference`, its id, or by `dataset` and `path`."""
    if "reference" in request.path_params:
        return lambda conn: _by_id(conn, call, call.place("reference"))
    path = clean_path(call.place("path"), "folder_path")

    def find(conn: Connection) -> Named:
        within = datasets.find(conn, call.actor, call.place("dataset"))
        return within, folders.at(conn, within, path)

    return find


def _by_id(conn: Connection, call: Call, reference: str) -> Named:
    """The folder of this id; or the root of the dataset of this id or name."""
    found = folders.by_reference(conn, call.actor, reference)
    if found is not None:
        within = datasets.by_id(conn, call.actor, found.dataset_id)
        assert within is not None
        return within, found
    try:
        within = datasets.find(conn, call.actor, reference)
    except NotFound:
        raise folders.not_found(reference) from None
    return within, folders.at(conn, within, ROOT)


def _unless_a_dataset(called: str, handler: Handler) -> Handler:
    """`handler` of `/folders/list/X`, which means `/folders/{dataset}/X` where X is a word and there is a dataset
    `list`. Older clients, which alone use the first form, name datasets by their ids."""
    words = {"tree": show_tree, "stats": show_stats}

    async def handle(request: Request) -> Response:
        newer = words.get(request.path_params["dataset"])
        if newer is None:
            return await handler(request)
        call = await Call.begin(request)
        try:
            await call.read(lambda conn: datasets.find(conn, call.actor, called))
        except NotFound:
            return await handler(request)
        request.scope["path_params"] = {"dataset": called, "reference": called}
        return await newer(request)

    return handle


def routes() -> list[BaseRoute]:
    return [route for word in ("folders", "directories") for route in _of(f"{PREFIX}/{word}")]


def _of(base: str) -> list[BaseRoute]:
    return [
        resource(base, POST=create),
        resource(f"{base}/list/{{dataset}}", GET=_unless_a_dataset("list", show_all)),
        resource(f"{base}/tree/{{dataset}}", GET=_unless_a_dataset("tree", show_tree)),
        resource(f"{base}/{{reference}}", GET=show_all, DELETE=remove),
        resource(f"{base}/{{dataset}}/tree", GET=show_tree),
        resource(f"{base}/{{reference}}/stats", GET=show_stats),
        resource(f"{base}/{{reference}}/rename", PATCH=rename),
        resource(f"{base}/{{dataset}}/{{path:path}}/stats", GET=show_stats),
        resource(f"{base}/{{dataset}}/{{path:path}}/rename", PATCH=rename),
        resource(f"{base}/{{dataset}}/{{path:path}}", DELETE=remove),
    ]
