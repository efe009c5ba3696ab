"""Uploads in three steps: ask for a signed URL, PUT the bytes there, register. One by one, or up to 500 at a time."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.ingest import uploads
from stackroom.ingest.uploads import Prepared, Refused
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import uploads as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref
from stackroom.web.pictograph.images import describe_one
from stackroom.web.pictograph.wire import uploads as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer

ACTION = "uploading images"


async def ask_for_url(request: Request) -> Response:
    """Refuses a name that is taken at once, before any byte is sent for nothing."""
    call = await Call.begin(request, Role.MEMBER, ACTION)
    asked = call.json(wire.UploadWanted)
    reference, wanted = dataset_ref(asked), convert.upload(asked)

    def work(conn: Connection, now: int) -> Answer:
        ticket = uploads.open_uploads(conn, call.actor, reference, [wanted], now=now)[0]
        given = convert.upload_url(ticket, call.links)
        fields = {name: getattr(given, name) for name in wire.UploadUrl.__struct_fields__}
        return answer(wire.UploadUrlAnswer(**fields, data=given))

    return await call.write(work)


async def register(request: Request) -> Response:
    """Older clients send a form, newer ones JSON. A repeat finds the upload used up, so it is recalled first."""
    call = await Call.begin(request, Role.MEMBER, ACTION)
    asked = call.form_or_json(wire.UploadRegistration)
    reference, wanted = dataset_ref(asked), convert.registration(asked)

    async def prepare() -> Prepared:
        return await call.services.uploads.prepare(call.actor, reference, wanted)

    def work(conn: Connection, prepared: Prepared) -> Answer:
        made = uploads.register(conn, call.actor, prepared, now=call.services.now())
        body = describe_one(conn, call, made)
        identity = ids.text(made.uuid)
        return answer(wire.Registered(image_id=identity, filename=made.name, image=body, data=body), 201)

    return await call.once().prepare_and_write(prepare, work)


async def ask_for_urls(request: Request) -> Response:
    """One for each file, in their order. A name that is taken is found at registration, for its file alone."""
    call = await Call.begin(request, Role.MEMBER, ACTION)
    asked = call.json(wire.BulkFiles)
    reference, wanted = dataset_ref(asked), [convert.upload(each) for each in asked.images]

    def work(conn: Connection, now: int) -> Answer:
        tickets = uploads.open_uploads(conn, call.actor, reference, wanted, refuse_taken=False, now=now)
        links = call.links
        urls = [convert.upload_url(ticket, links) for ticket in tickets]
        data = wire.BulkUrls(upload_urls=urls, expires_in_minutes=urls[0].expires_in_minutes)
        return answer(wire.BulkUrlsAnswer(upload_urls=urls, data=data))

    return await call.write(work)


async def register_many(request: Request) -> Response:
    """A file that cannot become an image is reported, and does not stop the others."""
    call = await Call.begin(request, Role.MEMBER, ACTION)
    asked = call.json(wire.BulkFiles)
    reference, wanted = dataset_ref(asked), [convert.bulk_registration(each) for each in asked.images]

    async def prepare() -> list[Prepared | Refused]:
        return await call.services.uploads.prepare_many(call.actor, reference, wanted)

    def work(conn: Connection, prepared: list[Prepared | Refused]) -> Answer:
        results = uploads.register_many(conn, call.actor, prepared, now=call.services.now())
        dataset_id = ids.text(datasets.find(conn, call.actor, reference).uuid)
        return answer(convert.bulk_registered(results, dataset_id, call.links))

    return await call.once().prepare_and_write(prepare, work)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/images/upload-url", POST=ask_for_url),
        resource(f"{PREFIX}/images/register", POST=register),
        resource(f"{PREFIX}/images/bulk-upload-url", POST=ask_for_urls),
        resource(f"{PREFIX}/images/bulk-register", POST=register_many),
    ]
