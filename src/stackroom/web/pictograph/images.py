"""Images one by one: listing, describing, downloading, deleting."""

import asyncio

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import assets, datasets, listing, tags
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset
from stackroom.library.listing import Filter
from stackroom.library.names import clean_path
from stackroom.operations import engine
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import images as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref, folder_path, pagination, raw
from stackroom.web.pictograph.convert.batch import delete_one
from stackroom.web.pictograph.wire import images as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.ranges import ASK_AGAIN
from stackroom.web.shared.replies import answer, json_reply, reply
from stackroom.web.transfer.app import send_file


async def show_all(request: Request) -> Response:
    """Newest first. A folder is exactly that folder; without one, all of them."""
    call = await Call.begin(request)
    asked = call.query(wire.ImagePage)
    reference, folder = dataset_ref(asked), folder_path(asked)
    path = None if folder is None else clean_path(folder, "folder_path")

    def read(conn: Connection) -> tuple[Dataset, list[Asset], dict[int, list[str]], int]:
        found = datasets.find(conn, call.actor, reference)
        wanted = Filter(
            dataset_id=found.id,
            folder=path,
            name=asked.filename,
            status=asked.status,
            split=asked.split,
            min_confidence_below=asked.min_confidence_lt,
            archived=None if asked.include_archived else False,
        )
        page = listing.page(conn, wanted, limit=asked.limit, offset=asked.offset)
        return found, page, tags.of(conn, [each.id for each in page]), listing.count(conn, wanted)

    found, page, tagged, total = await call.read(read)
    shown = await asyncio.to_thread(convert.images, page, found, call.links, tagged)
    pages = pagination(asked.limit, asked.offset, len(page), total)
    return json_reply(wire.ImageList(images=shown, data=shown, pagination=pages))


async def describe(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> Answer:
        found = assets.find(conn, call.actor, call.place("image"))
        body = describe_one(conn, call, found)
        return answer(wire.ImageAnswer(image=body, data=body))

    return reply(await call.read(read))


async def download(request: Request) -> Response:
    """The bytes. Archived images have theirs still."""
    call = await Call.begin(request)

    def read(conn: Connection) -> tuple[Asset, str, bytes]:
        found = assets.find(conn, call.actor, call.place("image"))
        return found, *assets.bytes_of(conn, found)

    found, key, sha256 = await call.read(read)
    return send_file(call.services, found, key, sha256, cache_control=ASK_AGAIN)


async def remove(request: Request) -> Response:
    """Archive an image or, with `permanent`, purge it. A member may do either to a single image."""
    call = await Call.begin(request, Role.MEMBER, "deleting an image")
    asked = call.query(wire.Deletion)

    def work(conn: Connection, now: int) -> Answer:
        found = assets.find(conn, call.actor, call.place("image"))
        wanted = delete_one(ids.text(found.uuid), permanent=asked.permanent)
        done = engine.submit(conn, call.actor, wanted, now=now)
        message = "Image permanently deleted" if asked.permanent else "Image archived"
        return answer(
            wire.ImageDeleted(message=message, id=ids.text(found.uuid), operation_id=ids.text(done.uuid))
        )

    response = await call.write(work)
    if asked.permanent:
        call.services.sweep_soon.set()
    return response


def describe_one(conn: Connection, call: Call, found: Asset) -> Raw:
    owner = datasets.by_id(conn, call.actor, found.dataset_id)
    assert owner is not None
    tagged = tags.of(conn, [found.id]).get(found.id, ())
    return raw(convert.image(found, ids.text(owner.uuid), call.links, tagged))


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/images", GET=show_all),
        resource(f"{PREFIX}/images/{{image}}", GET=download, DELETE=remove),
        resource(f"{PREFIX}/images/{{image}}/metadata", GET=describe),
    ]
