"""One image, read and removed, and the images of a space."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound
from stackroom.library import assets, datasets, registrations, usage
from stackroom.library.answers import Answer
from stackroom.library.registered import Where
from stackroom.library.registrations import Described
from stackroom.operations import engine
from stackroom.operations.request import Request as Operation
from stackroom.operations.request import Verb, select_ids
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import images as convert
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.convert.filters import listing
from stackroom.web.dlcs.wire import images as wire
from stackroom.web.dlcs.wire.lists import MediaMetadata
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import reply

SPACE = "/customers/{customer}/spaces/{space}"
IMAGE = f"{SPACE}/images/{{image}}"


async def listed(call: Call, within: Where) -> Response:
    """The page of images that the query asks for, of those that are `within`."""
    wanted, page, now = listing(call.query, within), call.page, call.services.now()
    found, total = await call.read(
        lambda conn: registrations.page(
            conn,
            call.actor,
            wanted.where,
            order=wanted.order,
            descending=wanted.descending,
            limit=page.size,
            offset=page.offset,
            now=now,
        )
    )
    shown = [convert.image(each, call.links) for each in found]
    return reply(hydra.answer(hydra.paged(call.address, shown, total, page, wanted.carried)))


async def show_all(request: Request) -> Response:
    call = await Call.begin(request)
    space = call.number("space")
    listing(call.query, Where())  # whether it makes sense is said before what there is
    await call.read(lambda conn: datasets.by_number(conn, call.actor, space))
    return await listed(call, Where(space=space))


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: find(conn, call))
    return reply(hydra.answer(convert.image(found, call.links)))


async def remove(request: Request) -> Response:
    """For good. `deleteFrom` says which caches to clear, and there are none."""
    call = await Call.begin(request, Role.MEMBER, "deleting an image", operation="Delete asset")

    def work(conn: Connection, now: int) -> Answer:
        found = find(conn, call)
        one = select_ids([ids.text(found.uuid)], dataset_id=found.dataset_id)
        wanted = Operation(verb=Verb.PURGE, selection=one, single=True, require_match=True)
        engine.submit(conn, call.actor, wanted, now=now)
        return hydra.nothing()

    response = await call.write(work)
    call.services.sweep_soon.set()
    return response


async def metadata(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: find(conn, call))
    if found.family != "T":
        raise Invalid("only sound and video have metadata", code="not_timebased")
    shown = convert.image(found, call.links)
    about = MediaMetadata(
        at_id=call.address,
        media_type=found.media_type,
        size=found.size,
        duration=shown.duration,
        width=shown.width,
        height=shown.height,
    )
    return reply(hydra.answer(about))


async def storage(request: Request) -> Response:
    call = await Call.begin(request)

    def read(conn: Connection) -> tuple[Described, str | None]:
        found = find(conn, call)
        return found, usage.storage_key_of(conn, found.blob_id)

    found, key = await call.read(read)
    # What nobody is to see is not fetched: once it is processed, nothing is what is stored of it.
    if key is None and (found.finished_at is None or found.error):
        raise NotFound("nothing is stored of this image yet")
    thumbnails = 0
    if key is not None:
        thumbnails = await asyncio.to_thread(usage.derived_from, call.services.store, key)
    shown = wire.ImageStorage(
        context=call.links.context("ImageStorage"),
        at_id=call.address,
        thumbnail_size=thumbnails,
        size=found.size,
        last_checked=moment(call.services.now()),
    )
    return reply(hydra.answer(shown))


def find(conn: Connection, call: Call) -> Described:
    """The image in the address. Raises `NotFound`."""
    found = registrations.find(conn, call.actor, call.number("space"), call.place("image"))
    assets.refuse_expired(found.expires_at, call.services.now(), found.key)
    return found


def routes() -> list[BaseRoute]:
    return [
        resource(f"{SPACE}/images", GET=show_all),
        resource(IMAGE, GET=show, DELETE=remove),
        resource(f"{IMAGE}/metadata", GET=metadata),
        resource(f"{IMAGE}/storage", GET=storage),
    ]
