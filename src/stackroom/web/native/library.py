"""The addresses of datasets, their folders and their assets."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom.access import Actor
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.library import assets, datasets, folders, listing, tags
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.library.names import clean_path
from stackroom.web.native import call
from stackroom.web.native.convert import library as convert
from stackroom.web.native.convert.base import cursor, row_id
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import library as wire
from stackroom.web.native.wire.base import PageQuery
from stackroom.web.shared.replies import Once, answer, json_reply
from stackroom.web.shared.requests import authenticate, base_url, decode, read_body, services_of
from stackroom.web.transfer.app import download_path, thumbnail_path

THUMBNAIL = 200


async def list_datasets(request: Request) -> Response:
    query = await call.query(request, PageQuery)
    after = row_id(query.cursor) or 0

    def work(conn: Connection, actor: Actor) -> tuple[list[wire.Dataset], str | None]:
        found, _ = datasets.page(conn, actor, limit=query.limit + 1, after=after)
        page = found[: query.limit]
        totals = datasets.totals(conn, page)
        following = cursor(page[-1].id) if len(found) > query.limit else None
        return [convert.dataset(each, totals[each.id]) for each in page], following

    page, following = await call.read(request, work)
    return json_reply(wire.Datasets(datasets=page, next=following))


async def create_dataset(request: Request) -> Response:
    def work(conn: Connection, actor: Actor, body: wire.NewDataset) -> Answer:
        now = services_of(request).now()
        made = datasets.create(conn, actor, body.name, description=body.description, now=now)
        return answer(convert.dataset(made, datasets.Totals()), 201)

    actor, _ = await authenticate(request)
    raw = await read_body(request)
    body = decode(raw, wire.NewDataset)
    return await Once(request, actor, raw).write(lambda conn: work(conn, actor, body))


async def get_dataset(request: Request) -> Response:
    def work(conn: Connection, actor: Actor) -> wire.Dataset:
        found = datasets.find(conn, actor, request.path_params["dataset"])
        return convert.dataset(found, datasets.totals(conn, [found])[found.id])

    return json_reply(await call.read(request, work))


async def list_folders(request: Request) -> Response:
    query = await call.query(request, wire.FoldersQuery)
    parent = None if query.parent is None else clean_path(query.parent)

    def work(conn: Connection, actor: Actor) -> list[wire.Folder]:
        found = datasets.find(conn, actor, request.path_params["dataset"])
        if parent is not None and folders.find(conn, found.id, parent) is None:
            raise NotFound(
                f"folder {parent!r} not found", hint="Folders appear when something is put into them."
            )
        return convert.folders(listing.folder_counts(conn, found.id), parent)

    return json_reply(wire.Folders(folders=await call.read(request, work)))


async def list_assets(request: Request) -> Response:
    query = await call.query(request, wire.AssetsQuery)
    before, now = row_id(query.cursor), services_of(request).now()

    def work(conn: Connection, actor: Actor) -> tuple[list[Asset], dict[int, list[str]], bytes]:
        owner = datasets.find(conn, actor, query.dataset)
        wanted = convert.listing(query, owner.id)
        found = listing.page(conn, wanted, limit=query.limit + 1, before=before, now=now)
        return found, tags.of(conn, [each.id for each in found]), owner.uuid

    found, tagged, dataset_uuid = await call.read(request, work)
    page = found[: query.limit]
    following = cursor(page[-1].id) if len(found) > query.limit else None
    shown = [_asset(request, each, dataset_uuid, tagged.get(each.id, [])) for each in page]
    return json_reply(wire.Assets(assets=shown, next=following))


async def get_asset(request: Request) -> Response:
    def work(conn: Connection, actor: Actor) -> tuple[Asset, bytes, list[str]]:
        found = assets.find(conn, actor, request.path_params["asset"])
        assets.refuse_expired(found.expires_at, services_of(request).now(), request.path_params["asset"])
        owner = datasets.by_id(conn, actor, found.dataset_id)
        assert owner is not None
        return found, owner.uuid, tags.of(conn, [found.id]).get(found.id, [])

    return json_reply(_asset(request, *await call.read(request, work)))


def _asset(request: Request, found: Asset, dataset_uuid: bytes, tagged: list[str]) -> wire.Asset:
    signer, base = services_of(request).signer, base_url(request)

    def link(path: str) -> str:
        return base + signer.sign("GET", path, expires_at=signer.lasting())

    paths = (download_path(found.uuid, found.name), thumbnail_path(found.uuid, THUMBNAIL))
    return convert.asset(found, dataset_uuid, link, paths, tagged)


_DATASET = call.PREFIX + "/datasets/{dataset}"

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=call.PREFIX + "/datasets",
        name="listDatasets",
        summary="Datasets, oldest first",
        handler=list_datasets,
        query=PageQuery,
        answers={200: wire.Datasets},
    ),
    Endpoint(
        method="POST",
        path=call.PREFIX + "/datasets",
        name="createDataset",
        summary="Make an empty dataset",
        handler=create_dataset,
        body=wire.NewDataset,
        answers={201: wire.Dataset},
        repeatable=True,
    ),
    Endpoint(
        method="GET",
        path=_DATASET,
        name="getDataset",
        summary="A dataset, by name or id",
        handler=get_dataset,
        answers={200: wire.Dataset},
    ),
    Endpoint(
        method="GET",
        path=_DATASET + "/folders",
        name="listFolders",
        summary="A dataset's folders, by path: all of them, or the children of one",
        handler=list_folders,
        query=wire.FoldersQuery,
        answers={200: wire.Folders},
    ),
    Endpoint(
        method="GET",
        path=call.PREFIX + "/assets",
        name="listAssets",
        summary="Assets of a dataset, newest first",
        handler=list_assets,
        query=wire.AssetsQuery,
        answers={200: wire.Assets},
    ),
    Endpoint(
        method="GET",
        path=call.PREFIX + "/assets/{asset}",
        name="getAsset",
        summary="An asset, archived or not",
        handler=get_asset,
        answers={200: wire.Asset},
    ),
]
