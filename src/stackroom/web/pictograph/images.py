"""Images one by one: listing, describing, downloading, deleting.

An image is named by its id, or by its path in a dataset. A file may be called `metadata`, and a dataset be named by an
id: so an id is an image's first, and an address that is the whole path of a file is that file's.
"""

import asyncio

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import annotations, assets, datasets, listing, tags
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset
from stackroom.library.listing import Filter
from stackroom.library.names import clean_path, compose
from stackroom.operations import engine
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import images as convert
from stackroom.web.pictograph.convert.base import ONE_IMAGE, PREFIX, dataset_ref, folder_path, pagination, raw
from stackroom.web.pictograph.convert.batch import delete_one
from stackroom.web.pictograph.wire import images as wire
from stackroom.web.shared.archives import Entry
from stackroom.web.shared.face import resource
from stackroom.web.shared.ranges import ASK_AGAIN
from stackroom.web.shared.replies import answer, json_reply
from stackroom.web.shared.zips import ZipResponse
from stackroom.web.transfer.app import send_file


async def show_all(request: Request) -> Response:
    """Newest first. A folder is exactly that folder; without one, all of them."""
    call = await Call.begin(request)
    asked = call.query(wire.ImagePage)
    reference, folder = dataset_ref(asked), folder_path(asked)
    path = None if folder is None else clean_path(folder, "folder_path")
    named = None if asked.filename is None else compose(asked.filename)
    tagged_with, now = tags.clean(call.each("tags")), call.services.now()

    def read(conn: Connection) -> tuple[Dataset, list[Asset], dict[int, list[str]], int]:
        found = datasets.find(conn, call.actor, reference)
        wanted = Filter(
            dataset_id=found.id,
            folder=path,
            name=named,
            status=asked.status,
            split=asked.split,
            min_confidence_below=asked.min_confidence_lt,
            tags=tagged_with,
            archived=None if asked.include_archived else False,
        )
        page = listing.page(conn, wanted, limit=asked.limit, offset=asked.offset, now=now)
        return found, page, tags.of(conn, [each.id for each in page]), listing.count(conn, wanted, now=now)

    found, page, tagged, total = await call.read(read)
    shown = await asyncio.to_thread(convert.images, page, found, call.links, tagged)
    pages = pagination(asked.limit, asked.offset, len(page), total)
    reads = call.generation
    return json_reply(wire.ImageList(images=reads.older(shown), data=reads.newer(shown), pagination=pages))


async def describe(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> wire.ImageAnswer | Stored:
        found, itself = call.image_or_file(conn, "metadata")
        if itself:
            return _stored(conn, found)
        body = describe_one(conn, call, found)
        return wire.ImageAnswer(image=body, data=body)

    found = await call.read(read)
    return json_reply(found) if isinstance(found, wire.ImageAnswer) else _send(call, found)


async def download(request: Request) -> Response:
    """The bytes. Archived images have theirs still."""
    call = await Call.begin(request)
    found, key, sha256 = await call.look_up(lambda conn: _stored(conn, call.image(conn)))
    return _send(
        call, (call.kept(found), key, sha256)
    )  # what was looked up a while ago may have expired since


async def bundle(request: Request) -> Response:
    """An image, its annotations and a manifest as one ZIP, made while it is sent."""
    call = await Call.begin(request)
    now = call.services.now()

    def read(conn: Connection) -> tuple[Stored, convert.Documents | None]:
        found, itself = call.image_or_file(conn, "data-bundle")
        stored = _stored(conn, found)
        if itself:
            return stored, None
        owner = datasets.by_id(conn, call.actor, found.dataset_id)
        assert owner is not None
        _, document = annotations.get(conn, call.actor, ids.text(found.uuid))
        tagged = tags.of(conn, [found.id]).get(found.id, ())
        return stored, convert.documents(found, owner, stored[2], document, tagged, now=now)

    stored, made = await call.read(read)
    if made is None:
        return _send(call, stored)
    found, key, _ = stored
    # Opened before the answer begins, so that missing bytes can still become an error.
    pieces = await asyncio.to_thread(call.services.store.read, key)
    picture = Entry(name=made.image_name, pieces=pieces, size=found.size, modified=found.created_at)
    written = [
        Entry(name=name, pieces=[content], size=len(content), modified=found.updated_at)
        for name, content in made.files.items()
    ]
    return ZipResponse(f"{found.name}.zip", [picture, *written])


async def remove(request: Request) -> Response:
    """Archive an image or, with `permanent`, purge it. A member may do either to a single image."""
    call = await Call.begin(request, Role.MEMBER, "deleting an image")
    asked = call.query(wire.Deletion)

    def work(conn: Connection, now: int) -> Answer:
        found = call.image(conn)
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


Stored = tuple[Asset, str, bytes]
"""An image, with the storage key and the SHA-256 of its bytes."""


def _stored(conn: Connection, found: Asset) -> Stored:
    return found, *assets.bytes_of(conn, found)


def _send(call: Call, stored: Stored) -> Response:
    return send_file(call.services, *stored, cache_control=ASK_AGAIN)


def describe_one(conn: Connection, call: Call, found: Asset) -> Raw:
    owner = datasets.by_id(conn, call.actor, found.dataset_id)
    assert owner is not None
    tagged = tags.of(conn, [found.id]).get(found.id, ())
    return raw(convert.image(found, ids.text(owner.uuid), call.links, tagged))


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/images", GET=show_all),
        resource(f"{PREFIX}/images/{{image}}", GET=download, DELETE=remove),
        *(resource(f"{PREFIX}/images/{place}/metadata", GET=describe) for place in ONE_IMAGE),
        *(resource(f"{PREFIX}/images/{place}/data-bundle", GET=bundle) for place in ONE_IMAGE),
        resource(f"{PREFIX}/images/{{dataset}}/{{path:path}}", GET=download, DELETE=remove),
    ]
