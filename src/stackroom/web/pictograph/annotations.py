"""Annotations: one document for each image, saved as a whole.

An image is named by its id, or by its path in a dataset, as in `images`.
"""

import asyncio

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, StackroomError
from stackroom.library import annotations
from stackroom.library.annotations import Document
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import annotations as convert
from stackroom.web.pictograph.convert.base import ONE_IMAGE, PREFIX
from stackroom.web.pictograph.wire import annotations as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

Parsed = tuple[str, Document | StackroomError]


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    found, document = await call.read(lambda conn: annotations.get(conn, call.actor, call.image(conn)))
    return json_reply(convert.shown(found, document))


async def show_file(request: Request) -> Response:
    """What a download of a dataset keeps beside each image."""
    call = await Call.begin(request)

    def read(conn: Connection) -> tuple[Asset, bytes, bool]:
        found, itself = call.image_or_file(conn, "file")
        return *annotations.get(conn, call.actor, found), itself

    found, document, itself = await call.read(read)
    if itself:
        return json_reply(convert.shown(found, document))
    return json_reply(wire.AnnotationFile(image=found.name, annotations=Raw(document)))


async def save(request: Request) -> Response:
    """Replaces what there is. Never changes the status of the image."""
    call = await Call.begin(request, Role.MEMBER, "saving annotations")
    asked = call.json(wire.AnnotationSave)
    if "image" in request.path_params:
        _check_image(asked, call.place("image"))
    document = await asyncio.to_thread(annotations.read, bytes(asked.annotations))

    def work(conn: Connection, now: int) -> Answer:
        found = call.image(conn)
        _check_image(asked, ids.text(found.uuid))
        saved = annotations.save(conn, call.actor, found, document, now=now)
        return answer(convert.saved_alone(saved, document))

    return await call.write(work)


async def save_many(request: Request) -> Response:
    """An image whose annotations cannot be saved is reported, and does not stop the others."""
    call = await Call.begin(request, Role.MEMBER, "saving annotations")
    asked = call.json(wire.BulkSave)
    parsed = await asyncio.to_thread(_parse_each, asked)

    def work(conn: Connection, now: int) -> Answer:
        outcomes = annotations.save_many(conn, call.actor, parsed, now=now)
        return answer(convert.saved_many([each.image_id for each in asked.saves], outcomes))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting annotations")

    def work(conn: Connection, now: int) -> Answer:
        done = annotations.remove(conn, call.actor, call.image(conn), now=now)
        return answer(
            wire.AnnotationsDeleted(image_id=ids.text(done.uuid), deleted_count=done.previous_count)
        )

    return await call.write(work)


def _check_image(asked: wire.AnnotationSave, image: str) -> None:
    """Older clients say in the body as well which image they mean."""
    if asked.image_id is not None and asked.image_id.lower() != image.lower():
        raise Invalid(f"image_id: {asked.image_id!r} is not the image of this address, {image!r}")


def _parse_each(asked: wire.BulkSave) -> list[Parsed]:
    return [(each.image_id, _parse(each.annotations)) for each in asked.saves]


def _parse(document: Raw) -> Document | StackroomError:
    try:
        return annotations.read(bytes(document))
    except StackroomError as error:
        return error


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/annotations/bulk", POST=save_many),
        *(resource(f"{PREFIX}/annotations/{place}/file", GET=show_file) for place in ONE_IMAGE),
        *(
            resource(f"{PREFIX}/annotations/{place}", GET=show, POST=save, DELETE=remove)
            for place in ONE_IMAGE
        ),
    ]
