"""Projects and datasets: the older and the newer name of the same thing, served from the same rows."""

import asyncio
from collections.abc import Sequence

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import datasets, listing, tags
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset, Totals
from stackroom.library.listing import Filter
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import datasets as convert
from stackroom.web.pictograph.convert import images as convert_images
from stackroom.web.pictograph.convert.base import PREFIX, pagination, raw
from stackroom.web.pictograph.generation import Generation
from stackroom.web.pictograph.wire import datasets as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


async def show_projects(request: Request) -> Response:
    """For older clients, which know projects beside datasets: two views of the same rows."""
    return await _show_all(request, as_projects=True)


async def show_datasets(request: Request) -> Response:
    return await _show_all(request, as_projects=False)


async def _show_all(request: Request, *, as_projects: bool) -> Response:
    call = await Call.begin(request)
    asked = call.query(wire.DatasetPage)

    def read(conn: Connection) -> tuple[list[wire.Dataset], int]:
        found, total = datasets.page(
            conn, call.actor, limit=asked.limit, offset=asked.offset, archived=asked.archived
        )
        totals = datasets.totals(conn, found)
        return [convert.dataset(each, totals[each.id], call.actor) for each in found], total

    shown, total = await call.read(read)
    listed = raw(shown)
    page = pagination(asked.limit, asked.offset, len(shown), total)
    reads = call.generation
    one_word = reads is Generation.OLDER  # the one that it has asked for
    return json_reply(
        wire.DatasetList(
            projects=UNSET if one_word and not as_projects else reads.older(listed),
            datasets=UNSET if one_word and as_projects else reads.older(listed),
            data=reads.newer(listed),
            pagination=page,
        )
    )


async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "creating a dataset")
    asked = call.json(wire.NewDataset)

    def make(conn: Connection, now: int) -> Answer:
        made = datasets.create(
            conn,
            call.actor,
            asked.name,
            description=asked.description,
            readme=asked.readme,
            annotation_types=("bbox",) if asked.annotation_types is None else asked.annotation_types,
            classes=convert.classes(asked.classes),
            now=now,
        )
        return _answer(conn, call, made, 201)

    return await call.write(make)


async def show(request: Request) -> Response:
    """With `include_images`, a page of its images comes along."""
    call = await Call.begin(request)
    asked, now = call.query(wire.DatasetView), call.services.now()

    def read(conn: Connection) -> tuple[Dataset, Totals, list[Asset] | None, dict[int, list[str]]]:
        found = datasets.find(conn, call.actor, call.place("dataset"))
        page = None
        if asked.include_images:
            everything = Filter(dataset_id=found.id)
            page = listing.page(
                conn, everything, limit=asked.images_limit, offset=asked.images_offset, now=now
            )
        tagged = tags.of(conn, [each.id for each in page or ()])
        return found, datasets.totals(conn, [found])[found.id], page, tagged

    found, totals, page, tagged = await call.read(read)
    images = None
    if page is not None:
        images = await asyncio.to_thread(convert_images.images, page, found, call.links, tagged)
    described = _described(convert.dataset(found, totals, call.actor, images))
    return json_reply(described if images is None else _once(call.generation, described))


async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "changing a dataset")
    wanted = convert.changes_of_dataset(call.json(wire.DatasetUpdate))
    return await call.write(
        lambda conn, now: _answer(
            conn, call, datasets.change(conn, call.actor, call.place("dataset"), wanted, now=now)
        )
    )


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting a dataset")
    response = await call.write(
        lambda conn, now: answer(
            convert.removed(remove_dataset(conn, call.actor, call.place("dataset"), now=now))
        )
    )
    call.services.sweep_soon.set()
    return response


async def archive(request: Request) -> Response:
    return await _set_archived(request, archived=True)


async def restore(request: Request) -> Response:
    return await _set_archived(request, archived=False)


async def _set_archived(request: Request, *, archived: bool) -> Response:
    call = await Call.begin(request, Role.ADMIN, "archiving or restoring a dataset")

    def work(conn: Connection, now: int) -> Answer:
        found = datasets.set_archived(conn, call.actor, call.place("dataset"), archived=archived, now=now)
        body = raw(convert.dataset(found, datasets.totals(conn, [found])[found.id], call.actor))
        state = wire.DatasetState(
            project_id=ids.text(found.uuid), is_archived=archived, dataset=body, data=body
        )
        return answer(state)

    return await call.write(work)


async def download(request: Request) -> Response:
    """What a download consists of: for every image a signed address, and one for its annotations."""
    call = await Call.begin(request)
    asked, now = call.query(wire.DownloadListing), call.services.now()

    def read(conn: Connection) -> tuple[Dataset, list[Asset], int]:
        found = datasets.find(conn, call.actor, call.place("dataset"))
        listed: list[Asset] = []
        total = 0
        for status in _statuses(asked.status_filter):
            wanted = Filter(dataset_id=found.id, status=status)
            room, before = asked.limit - len(listed), max(asked.offset - total, 0)
            listed += listing.page(conn, wanted, limit=room, offset=before, now=now)
            total += listing.count(conn, wanted, now=now)
        return found, listed, total

    found, listed, total = await call.read(read)
    items = await asyncio.to_thread(convert.download_items, listed, asked.mode, call.links)
    identity = ids.text(found.uuid)
    data = wire.DownloadData(id=identity, dataset_id=identity, items=items, total_items=total)
    reads = call.generation
    return json_reply(
        wire.DownloadAnswer(
            dataset_id=identity, items=reads.older(items), total_items=total, data=reads.newer(data)
        )
    )


def _statuses(status_filter: str | None) -> Sequence[str | None]:
    """Older texts speak of images in progress: those being annotated or reviewed."""
    return ("annotate", "review") if status_filter == "in_progress" else (status_filter,)


def _answer(conn: Connection, call: Call, found: Dataset, status: int = 200) -> Answer:
    totals = datasets.totals(conn, [found])[found.id]
    return answer(_described(convert.dataset(found, totals, call.actor)), status)


def _described(shown: wire.Dataset) -> wire.DatasetAnswer:
    body = raw(shown)
    return wire.DatasetAnswer(project=body, dataset=body, data=body)


def _once(reads: Generation, described: wire.DatasetAnswer) -> wire.DatasetAnswer:
    """A description with many images in it, under the one name that it is read by. Projects are never asked for so."""
    match reads:
        case Generation.OLDER:
            return wire.DatasetAnswer(dataset=described.dataset)
        case Generation.NEWER:
            return wire.DatasetAnswer(data=described.data)
        case _:
            return described


def routes() -> list[BaseRoute]:
    """A dataset is reached as a project, by name, and by name or id."""
    collections = [
        resource(f"{PREFIX}/projects", GET=show_projects, POST=create),
        resource(f"{PREFIX}/datasets", GET=show_datasets, POST=create),
    ]
    each = [
        route
        for word in ("projects", "datasets/by-name", "datasets")
        for route in _of_one(f"{PREFIX}/{word}/{{dataset}}")
    ]
    return [*collections, *each]


def _of_one(path: str) -> list[BaseRoute]:
    return [
        resource(path, GET=show, PATCH=change, DELETE=remove),
        resource(f"{path}/archive", POST=archive),
        resource(f"{path}/restore", POST=restore),
        resource(f"{path}/unarchive", POST=restore),
        resource(f"{path}/download", GET=download),
    ]
