"""Uploads: a file in a form, or an image at an address. It is checked as it comes in, and is media or nothing.

A form is read as a stream: memory stays flat, whatever the size of its file.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, StackroomError
from stackroom.ingest import accepted, multipart
from stackroom.ingest.origins import Fail, Fetched, Retry
from stackroom.ingest.receiving import Ready, Wish
from stackroom.library.answers import Answer
from stackroom.library.media import AUTO, Media
from stackroom.media.kinds import Kind
from stackroom.storage.staging import Staged
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.convert.media import PLURALS
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import invalid_input
from stackroom.web.mindia.media import show_all, shown
from stackroom.web.mindia.wire import media as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer

FETCH_SECONDS: Final = 60.0
NAMELESS: Final = "image"
UPLOADING: Final = Role.MEMBER, "uploading"
FORM: Final = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
    }
}
Settle = Callable[[Connection, Ready, int], Answer]
"""Registers what is ready, and says what the answer is."""


class Sent:
    """A file that is here, and what its sender says of it."""

    def __init__(self, filename: str | None, content_type: str | None, staged: Staged) -> None:
        self.filename = filename
        self.content_type = content_type
        self.staged = staged

    @property
    def asked(self) -> bytes:
        """What tells a repeat from another request: the name, the type and the bytes."""
        said = f"{self.filename!r} {self.content_type!r} {self.staged.sha256.hex()}"
        return hashlib.sha256(said.encode()).digest()


@described("Upload {one}", wire.Media, query=queries.Upload, body=FORM, needs=Role.MEMBER)
async def upload(kind: Kind, request: Request) -> Response:
    call = await Call.begin(request, *UPLOADING, body=False)
    receiving = call.services.receiving
    wish, limit = _wish(call, kind), receiving.limit(kind)
    try:
        await receiving.check(call.actor, wish)
        _refuse_if_larger(call, limit)
    except StackroomError:
        await drain(call)
        raise
    with receiving.staging.receive(limit) as arrival:
        stream, content_type = patient(call), call.headers.get("content-type", "")
        sent = await multipart.receive(stream, content_type, arrival, limit=limit)
        file = Sent(sent.filename, sent.content_type, arrival.finish())
        settle = _registering(call, "upload", lambda made: answer(shown(call, made)))
        return await take(call, wish, file, settle=settle)


@described(
    "Fetch an image from an address",
    {201: wire.FromUrl},
    query=queries.UploadFromUrl,
    needs=Role.MEMBER,
    refuses=(413,),
)
async def upload_from_url(request: Request) -> Response:
    """Of images only. The address is fetched as origins are: from the world's public addresses, hop by hop."""
    call = await Call.begin(request, *UPLOADING)
    receiving, url = call.services.receiving, call.asked("url")
    if not url:
        raise invalid_input("url: the address of an image is needed")
    wish, limit = _wish(call, Kind.IMAGE), receiving.limit(Kind.IMAGE)
    if (before := await call.once(b"").recall()) is not None:
        return before
    await receiving.check(call.actor, wish)

    def show(made: Media) -> Answer:
        told = wire.FromUrl(message="Image uploaded successfully from URL", image=shown(call, made))
        return answer(told, 201)

    with receiving.staging.receive(limit) as arrival:
        try:
            fetched = await call.services.origins.fetch_url(
                url,
                arrival,
                limit=limit,
                domains=call.services.settings.upload_domains,
                seconds=FETCH_SECONDS,
            )
        except (Fail, Retry) as error:
            if error.code == "origin_too_large":
                raise multipart.too_large(limit) from error
            raise Invalid(error.reason, code="INVALID_INPUT") from error
        file = Sent(_name_of(fetched), fetched.content_type, arrival.finish())
        return await take(call, wish, file, settle=_registering(call, "url_upload", show), asked=b"")


async def take(
    call: Call,
    wish: Wish,
    file: Sent,
    *,
    settle: Settle,
    asked: bytes | None = None,
    refused: Callable[[], Awaitable[None]] | None = None,
) -> Response:
    """Make media of a file that is here; `settle` registers it. What was stored of one that cannot be registered is
    given up at once. `refused` is called where the file itself is to blame."""
    receiving = call.services.receiving
    prepared: list[Ready] = []

    async def prepare() -> Ready:
        try:
            named = accepted.check(wish.kind, file.filename, file.content_type)
            ready = await receiving.prepare(call.actor, wish, named, file.staged)
        except Invalid:
            if refused is not None:
                await refused()
            raise
        prepared.append(ready)
        return ready

    registered = False
    try:
        response = await call.prepare_and_write(prepare, settle, asked=file.asked if asked is None else asked)
        registered = response.status_code < HTTPStatus.BAD_REQUEST
    finally:
        for ready in prepared if not registered else ():
            await receiving.give_up(ready)
    call.services.wake()
    return response


def _registering(call: Call, initiator: str, show: Callable[[Media], Answer]) -> Settle:
    def settle(conn: Connection, ready: Ready, now: int) -> Answer:
        return show(call.services.receiving.register(conn, call.actor, ready, initiator=initiator, now=now))

    return settle


def patient(call: Call) -> AsyncIterator[bytes]:
    """The body as it comes in. A client may take its time, but not fall silent."""
    return _heard(call.stream(), call.services.settings.request_seconds)


async def drain(call: Call) -> None:
    """Read on for a while, and drop it: who is cut off while it sends does not read why."""
    left = multipart.STILL_READ
    async for chunk in patient(call):
        left -= len(chunk)
        if left < 0:
            return


async def _heard(stream: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise StackroomError("Request took too long", code="REQUEST_TIMEOUT") from error
        if chunk is None:
            return
        yield chunk


def _refuse_if_larger(call: Call, limit: int) -> None:
    """A form that says of itself that it cannot fit need not be read."""
    announced = call.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit + multipart.AROUND_IT:
        raise multipart.too_large(limit)


def _wish(call: Call, kind: Kind) -> Wish:
    store = call.asked("store")
    return Wish(kind=kind, folder=call.asked_uuid("folder_id"), store=AUTO if store is None else store)


def _name_of(fetched: Fetched) -> str:
    """What an image is called that was at an address. Where that says nothing of its type, its origin has."""
    name = fetched.name or NAMELESS
    if "." in name:
        return name
    extension = (fetched.content_type or "").removeprefix("image/").replace("jpeg", "jpg")
    return f"{name}.{extension}" if extension in accepted.extensions(Kind.IMAGE) else name


def routes() -> list[BaseRoute]:
    return [
        *(
            resource(f"{PREFIX}/{PLURALS[kind]}", GET=partial(show_all, kind), POST=partial(upload, kind))
            for kind in Kind
        ),
        resource(f"{PREFIX}/images/from-url", POST=upload_from_url),
    ]
