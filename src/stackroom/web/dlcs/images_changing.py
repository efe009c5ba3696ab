"""One image: registering it, changing it, and having it processed again.

Whoever asks for one image waits until it is there, or until it is known why it is not; only sound and video that have
to be fetched go the way of the queue. An image that could not be processed stays, and says why.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound, StackroomError
from stackroom.ingest import batches, single, stored
from stackroom.ingest.preparing import Arriving
from stackroom.ingest.single import Submitted
from stackroom.library import changes, registrations
from stackroom.library.answers import Answer
from stackroom.library.channels import IMAGE, TIMEBASED
from stackroom.library.sweep import forget_uploads
from stackroom.queue.jobs import DEFAULT
from stackroom.storage.staging import Staged
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.call import Call
from stackroom.web.dlcs.convert import images as convert
from stackroom.web.dlcs.convert import members
from stackroom.web.dlcs.convert.encoded import decoded
from stackroom.web.dlcs.convert.legacy import modern
from stackroom.web.dlcs.convert.members import Named, bad_request
from stackroom.web.dlcs.registering import Registering, check_room, registering
from stackroom.web.dlcs.wire.members import Member
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import Once

REGISTER, CHANGE, AGAIN = "Create or update asset", "Update asset", "Reingest asset"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for has been done, or begun; then there may be something to wait for. `new` says that there was
    no such image before."""

    asset_id: int
    new: bool
    waiting_for: Submitted | None = None


class Sent(msgspec.Struct, frozen=True):
    """A file that came with a request: under which origin it is kept, and what keeps it."""

    origin: str
    hold: int


Begin = Callable[[Connection, int], Taken]
"""Does what is asked for, in one transaction, given the present moment."""


async def put(request: Request) -> Response:
    """Register an image, or change one that there is, which is processed again in any case."""
    call = await Call.begin(request, Role.MEMBER, "registering an image", operation=REGISTER)
    return await _register(call)


async def post(request: Request) -> Response:
    """The same, for clients that send files by POST."""
    call = await Call.begin(request, Role.MEMBER, "registering an image", operation=REGISTER)
    return await _register(call, needs_file=True)


async def patch(request: Request) -> Response:
    """Change an image, and process it again only if something changes that its delivery depends on."""
    call = await Call.begin(request, Role.MEMBER, "changing an image", operation=CHANGE)
    said = call.json(Member)
    if said.file:
        raise bad_request(["'file' cannot be changed; PUT the image with its new file"])
    named = _named(call, said, creating=False)

    def begin(conn: Connection, now: int) -> Taken:
        known = registrations.find(conn, call.actor, *named.place)
        wanted = registering(conn, call.actor, [named], taken_in=False)[0]
        if members.needs_processing(wanted.wanted, known):
            return _enter(conn, call, wanted, now)
        if changes.given(wanted.wanted):
            registrations.change(conn, call.actor, [(known, wanted.wanted)], now=now)
        return Taken(asset_id=known.id, new=False)

    return await _answer(call.once, call, named.label, lambda: _finish(call, named.label, begin))


async def reingest(request: Request) -> Response:
    """Process an image again, from its origin. It belongs to no batch from then on."""
    call = await Call.begin(request, Role.MEMBER, "processing an image", operation=AGAIN)
    place = call.number("space"), call.place("image")

    def begin(conn: Connection, now: int) -> Taken:
        known = registrations.find(conn, call.actor, *place)
        if known.family != IMAGE:
            raise Invalid("Only images can be processed again", code="images_only")
        if not known.origin:
            raise Invalid(
                "There is no origin to take it from: it was uploaded",
                code="origin_missing",
                hint="PUT it with its origin or its file.",
            )
        arriving = Arriving(
            dataset_id=known.dataset_id,
            asset_id=known.id,
            origin=known.origin,
            key=known.key,
            media_type=known.media_type,
        )
        begun = single.submit(conn, call.actor, arriving, keep_batch=False, now=now)
        return Taken(asset_id=known.id, new=False, waiting_for=begun)

    label = f"'{place[1]}'"
    return await _answer(call.once, call, label, lambda: _finish(call, label, begin))


async def _register(call: Call, *, needs_file: bool = False) -> Response:
    said = call.json(Member)
    if needs_file and not said.file:
        raise bad_request(
            ["'file' must be given; to register an image by its origin, PUT it to this address"]
        )
    # A file may be large, and waiting take its time: it is held until it is decoded, and the body no longer than this.
    files, once = [said.file] if said.file else [], call.once
    said = msgspec.structs.replace(said, file=UNSET)
    call.let_go_of_body()
    named = _named(call, modern(said) if call.legacy else said, creating=True)

    async def prepare() -> Taken:
        sent = await _store(call, named, files.pop()) if files else None
        try:
            taken = await _finish(
                call, named.label, partial(_begin, call, named, sent.origin if sent else None)
            )
        except StackroomError:
            await _release(call, sent)
            raise
        if taken.waiting_for is None:
            await _release(call, sent)
        return taken

    return await _answer(once, call, named.label, prepare)


def _begin(call: Call, named: Named, origin: str | None, conn: Connection, now: int) -> Taken:
    (wanted,) = registering(conn, call.actor, [named], origin=origin)
    check_room(conn, call.actor, call.services.settings, [wanted])
    return _enter(conn, call, wanted, now)


def _enter(conn: Connection, call: Call, wanted: Registering, now: int) -> Taken:
    """Take it in. Nobody waits for sound and video to be fetched: each of them is a batch of its own."""
    arriving = wanted.arriving()
    if wanted.family != TIMEBASED or stored.sha256_of(arriving.origin) is not None:
        begun = single.submit(conn, call.actor, arriving, now=now)
        return Taken(asset_id=begun.asset_id, new=wanted.known is None, waiting_for=begun)
    batches.accept(conn, call.actor, [arriving], priority=DEFAULT, dataset_id=wanted.space.id, now=now)
    found = registrations.find(conn, call.actor, *wanted.named.place)
    return Taken(asset_id=found.id, new=wanted.known is None)


async def _store(call: Call, named: Named, text: str) -> Sent:
    """Keep the file that came with the request. What else is wrong with the request is found out first."""
    services = call.services
    (wanted,) = await call.read(lambda conn: registering(conn, call.actor, [named], origin="stored:"))
    with services.staging.receive() as arrival:
        staged: Staged = await asyncio.to_thread(_decode, text, arrival.write, arrival.finish)
        held = await stored.keep(
            services.database,
            services.store,
            call.actor,
            staged,
            dataset_id=wanted.space.id,
            content_type=wanted.arriving().media_type or "",
            now=services.now,
        )
    return Sent(origin=stored.origin_of(staged.sha256), hold=held)


async def _release(call: Call, sent: Sent | None) -> None:
    """The image has the file now, or will not have it. Who does not get here leaves it for an hour."""
    if sent is not None:
        now = call.services.now()
        await call.services.database.write(lambda conn: forget_uploads(conn, [sent.hold], now=now))


def _decode(text: str, write: Callable[[bytes], None], finish: Callable[[], Staged]) -> Staged:
    for piece in decoded(text):
        write(piece)
    return finish()


async def _finish(call: Call, label: str, begin: Begin) -> Taken:
    """Begin it, and wait for its end, which may not have come after all: then there still is something to wait for.

    Raises `StackroomError` with the reason if it could not be processed.
    """
    services = call.services
    taken = await services.database.write(lambda conn: begin(conn, services.now()))
    services.dispatcher.wake()
    if taken.waiting_for is None:
        return taken
    outcome = await single.outcome(services.database, services.pipeline, taken.waiting_for)
    if outcome is None:
        return taken
    if not outcome.succeeded:
        raise StackroomError(
            f"Engine could not process asset {label}: {outcome.reason}",
            code=outcome.code,
            hint="It was registered, and its 'error' says so as well; put right what is wrong and PUT it again.",
        )
    return msgspec.structs.replace(taken, waiting_for=None)


async def _answer(once: Once, call: Call, label: str, prepare: Callable[[], Awaitable[Taken]]) -> Response:
    """The image as it is after that. A repeat gets the same answer and does nothing."""

    def shown(conn: Connection, taken: Taken) -> Answer:
        found = registrations.by_ids(conn, call.actor.organization_id, [taken.asset_id])
        if not found:
            raise NotFound(f"Image {label} was deleted while it was being processed")
        return hydra.answer(convert.image(found[taken.asset_id], call.links), 201 if taken.new else 200)

    return await once.prepare_and_write(prepare, shown)


def _named(call: Call, said: Member, *, creating: bool) -> Named:
    return members.single(
        said,
        customer=call.customer.number,
        space=call.number("space"),
        key=call.place("image"),
        creating=creating,
    )


def routes() -> list[BaseRoute]:
    image = "/customers/{customer}/spaces/{space}/images/{image}"
    return [
        resource(image, PUT=put, POST=post, PATCH=patch),
        resource(f"{image}/reingest", POST=reingest),
    ]
