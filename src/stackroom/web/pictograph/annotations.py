"""Annotations: one document for each image, saved as a whole."""

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, StackroomError
from stackroom.library import annotations
from stackroom.library.annotations import AnyAnnotation
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import annotations as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import annotations as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


async def show(request: Request) -> Response:
    found, document = await _read(await Call.begin(request))
    shown = wire.Annotations(
        image_id=ids.text(found.uuid),
        filename=found.name,
        annotations=Raw(document),
        annotation_count=found.annotation_count,
    )
    return json_reply(shown)


async def show_file(request: Request) -> Response:
    """What a download of a dataset keeps beside each image."""
    found, document = await _read(await Call.begin(request))
    return json_reply(wire.AnnotationFile(image=found.name, annotations=Raw(document)))


async def save(request: Request) -> Response:
    """Replaces what there is. Never changes the status of the image."""
    call = await Call.begin(request, Role.MEMBER, "saving annotations")
    asked, image = call.json(wire.AnnotationSave), call.place("image")
    if asked.image_id is not None and asked.image_id.lower() != image.lower():
        raise Invalid(f"image_id: {asked.image_id!r} is not the image of this address, {image!r}")
    wanted = annotations.parse(bytes(asked.annotations))
    return await call.write(
        lambda conn, now: answer(
            convert.annotations_saved(annotations.save(conn, call.actor, image, wanted, now=now))
        )
    )


async def save_many(request: Request) -> Response:
    """An image whose annotations cannot be saved is reported, and does not stop the others."""
    call = await Call.begin(request, Role.MEMBER, "saving annotations")
    parsed = [(each.image_id, _parse(each.annotations)) for each in call.json(wire.BulkSave).saves]

    def work(conn: Connection, now: int) -> Answer:
        saved, failed = [], []
        for image, wanted in parsed:
            try:
                if isinstance(wanted, StackroomError):
                    raise wanted
                saved.append(
                    convert.annotations_saved(annotations.save(conn, call.actor, image, wanted, now=now))
                )
            except StackroomError as error:
                failed.append(wire.AnnotationsNotSaved(image_id=image, error=error.message, code=error.code))
        return answer(wire.BulkSaved(success=not failed, saved=saved, failed=failed))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting annotations")

    def work(conn: Connection, now: int) -> Answer:
        done = annotations.remove(conn, call.actor, call.place("image"), now=now)
        return answer(
            wire.AnnotationsDeleted(image_id=ids.text(done.uuid), deleted_count=done.previous_count)
        )

    return await call.write(work)


def _parse(document: Raw) -> list[AnyAnnotation] | StackroomError:
    try:
        return annotations.parse(bytes(document))
    except StackroomError as error:
        return error


async def _read(call: Call) -> tuple[Asset, bytes]:
    return await call.read(lambda conn: annotations.get(conn, call.actor, call.place("image")))


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/annotations/bulk", POST=save_many),
        resource(f"{PREFIX}/annotations/{{image}}", GET=show, POST=save, DELETE=remove),
        resource(f"{PREFIX}/annotations/{{image}}/file", GET=show_file),
    ]
