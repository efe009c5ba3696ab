"""Uploads in pieces, which can be taken up again: start, send each piece, see how far it is, complete.

The pieces are sent to this server, in any order and as often as need be: to the addresses that `start` gives, which
need no key as long as the upload lasts, or to the same without their token, with the key.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound
from stackroom.ingest import accepted, multipart
from stackroom.ingest.receiving import Ready, Wish
from stackroom.library import media, media_home, metadata, organizations, upload_sessions
from stackroom.library.answers import Answer
from stackroom.library.media import Media
from stackroom.library.sweep import forget_uploads
from stackroom.library.upload_sessions import COMPLETED, FAILED, PENDING, Chunk, NewSession, Session
from stackroom.media.kinds import Kind
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia import tokens
from stackroom.web.mindia.call import PREFIX, Call, uuid_of
from stackroom.web.mindia.convert import media as convert
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import invalid_input, storage_error
from stackroom.web.mindia.uploads import UPLOADING, Sent, patient, take
from stackroom.web.mindia.wire import media as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire.base import uuid
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply
from stackroom.web.shared.requests import nobodys, services_of

BASE = f"{PREFIX}/uploads/chunked"
_PURPOSE = "pieces of an upload"
_KEYS = "authorization", "x-api-key"


@described("Begin an upload in pieces", wire.Started, body=wire.Start, needs=Role.MEMBER)
async def start(request: Request) -> Response:
    call = await Call.begin(request, *UPLOADING)
    asked = call.json(wire.Start)
    kind = _kind(asked.media_type)
    named = accepted.check(kind, asked.filename, asked.content_type)
    limit = call.services.receiving.limit(kind)
    if asked.file_size > limit:
        raise multipart.too_large(limit)
    folder = None if asked.folder_id is None else uuid_of(asked.folder_id, "folder_id")
    wish = Wish(kind=kind, folder=folder, store=asked.store, metadata=metadata.clean(asked.metadata or {}))
    await call.services.receiving.check(call.actor, wish)

    def work(conn: Connection, now: int) -> Answer:
        found = None if folder is None else media_home.folder(conn, call.actor, folder)
        session = NewSession(
            filename=named.filename,
            content_type=named.content_type,
            kind=kind,
            size=asked.file_size,
            chunk_size=asked.chunk_size,
            store=asked.store,
            metadata=wish.metadata,
            folder_id=None if found is None else found.id,
        )
        return answer(_started(call, upload_sessions.start(conn, call.actor, session, now=now)))

    return await call.write(work)


@described(
    "Send a piece",
    {200: None},
    body={"application/octet-stream": {}, "application/json": wire.Chunk},
    query=queries.Piece,
    needs=Role.MEMBER,
    refuses=(409,),
    once=False,
)
async def put_chunk(request: Request) -> Response:
    """The bytes of one piece; or as JSON, that they have been sent, which is checked. With the token of `chunk_urls`
    bytes need no key."""
    token = request.query_params.get("token")
    if token is not None and not any(name in request.headers for name in _KEYS):
        return await _put_without_key(request, token)
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    call = await Call.begin(request, *UPLOADING, body=said == "application/json")
    session, position = call.uuid("session"), call.number("index")
    if said != "application/json":
        await call.services.pieces.receive(call.actor, session, position, patient(call))
        return Response(status_code=200)
    if call.json(wire.Chunk).chunk_index != position:
        raise invalid_input("chunk_index: it is not the one of the address")
    here = await call.read(lambda conn: _there(conn, call, session, position))
    if not here:
        raise NotFound(f"Chunk {position} not found", hint="Send its bytes first")
    return Response(status_code=200)


async def _put_without_key(request: Request, token: str) -> Response:
    """What a client of presigned addresses sends: bytes, whatever it calls them."""
    services = services_of(request)
    now = services.now()
    organization, session = tokens.read(services.signer, _PURPOSE, token, now=now)
    owner = await services.database.read(lambda conn: organizations.open_one(conn, organization))
    call = Call(request, b"", actor=nobodys(request, owner))
    request.scope["state"]["actor"] = call.actor
    request.app.state.limits.spend_of_organization(request.scope["state"], owner.id, now=now)
    if call.uuid("session") != session:
        raise invalid_input("Invalid token")
    await services.pieces.receive(call.actor, session, call.number("index"), patient(call))
    return Response(status_code=200)


@described("How far an upload is", wire.Progress)
async def show_progress(request: Request) -> Response:
    call = await Call.begin(request)
    session = call.uuid("session")

    def read(conn: Connection) -> tuple[Session, list[Chunk]]:
        found = upload_sessions.find(conn, call.actor, session, now=call.now())
        return found, upload_sessions.chunks(conn, found)

    return json_reply(_progress(*await call.read(read)))


@described("End an upload in pieces", wire.Completed, body=wire.Complete, needs=Role.MEMBER)
async def complete(request: Request) -> Response:
    """Make media of the pieces. Once it has, every repeat is told of the same item."""
    call = await Call.begin(request, *UPLOADING)
    wanted, asked = call.uuid("session"), call.json(wire.Complete)
    if uuid_of(asked.upload_id, "upload_id") != wanted:
        raise invalid_input("upload_id: it is not the one of the address")
    given = None if asked.metadata is None else metadata.clean(asked.metadata)
    repeat = msgspec.json.encode(asked)  # the same before and after the media are there

    def read(conn: Connection) -> tuple[Session, list[Chunk]]:
        found = upload_sessions.find(conn, call.actor, wanted, now=call.now())
        return found, upload_sessions.chunks(conn, found)

    session, chunks = await call.read(read)
    if session.state != COMPLETED:
        _refuse_incomplete(session, chunks)
        try:
            said = session.metadata if given is None else given
            return await _make(call, session, chunks, said, asked=repeat)
        except MissingBytes as error:
            session, _ = await call.read(read)
            if session.state != COMPLETED:  # by another call, whose pieces were given up in the meantime
                raise storage_error() from error
    return await call.write(lambda conn, now: _before(conn, call, session, now), asked=repeat)


async def _make(
    call: Call, session: Session, chunks: Sequence[Chunk], said: dict[str, Any], *, asked: bytes
) -> Response:
    """Raises `MissingBytes` where a piece is gone."""
    receiving = call.services.receiving
    wish = Wish(kind=session.kind, folder=session.folder, store=session.store, metadata=said)
    await receiving.check(
        call.actor, wish
    )  # before the file, which is not to blame for a folder that is gone

    def settle(conn: Connection, ready: Ready, now: int) -> Answer:
        found = upload_sessions.find(conn, call.actor, session.uuid, now=now, lock=True)
        if found.state == COMPLETED:  # by another call, in the meantime
            forget_uploads(conn, [ready.upload_id], now=now)
            return _before(conn, call, found, now)
        made = receiving.register(conn, call.actor, ready, initiator="upload", now=now)
        upload_sessions.finish(conn, found, COMPLETED, asset_uuid=made.uuid, now=now)
        return answer(_completed(call, made))

    async def fail() -> None:
        await call.services.database.write(
            lambda conn: upload_sessions.finish(conn, session, FAILED, now=call.now())
        )

    with receiving.staging.receive(session.size) as arrival:
        await call.services.pieces.assemble(chunks, arrival)
        file = Sent(session.filename, session.content_type, arrival.finish())
        response = await take(call, wish, file, settle=settle, asked=asked, refused=fail)
    call.services.sweep_soon.set()
    return response


def _before(conn: Connection, call: Call, session: Session, now: int) -> Answer:
    """What the call was told that completed it."""
    assert session.asset_uuid is not None
    return answer(_completed(call, media.find(conn, call.actor, session.asset_uuid, now=now)))


def _refuse_incomplete(session: Session, chunks: Sequence[Chunk]) -> None:
    if session.state == FAILED:
        raise invalid_input("The upload has failed; start it again")
    missing = _missing(session, chunks)
    if missing:
        some = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
        raise Invalid(
            f"{len(missing)} of {session.chunk_count} chunks are missing: {some}",
            code="INVALID_INPUT",
            hint="Send them, then complete the upload",
        )


def _there(conn: Connection, call: Call, session: bytes, position: int) -> bool:
    found = upload_sessions.find(conn, call.actor, session, now=call.now())
    upload_sessions.check(found, position)
    return any(each.position == position for each in upload_sessions.chunks(conn, found))


def _started(call: Call, session: Session) -> wire.Started:
    path = f"{call.base}{BASE}/{ids.text(session.uuid)}/chunk"
    signer, mine = call.services.signer, call.actor.organization_uuid
    token = tokens.make(signer, _PURPOSE, mine, session.uuid, expires_at=session.expires_at)
    return wire.Started(
        session_id=uuid(session.uuid),
        chunk_count=session.chunk_count,
        chunk_size=session.chunk_size,
        chunk_urls=[
            wire.ChunkUrl(index=index, url=f"{path}/{index}?token={token}", s3_key=f"{session.prefix}{index}")
            for index in range(session.chunk_count)
        ],
    )


def _progress(session: Session, chunks: Sequence[Chunk]) -> wire.Progress:
    here, taken = len(chunks), sum(each.size for each in chunks)
    begun = session.state == PENDING and here
    return wire.Progress(
        session_id=uuid(session.uuid),
        total_size=session.size,
        uploaded_size=taken,
        chunks_uploaded=here,
        total_chunks=session.chunk_count,
        progress_percent=round(100 * taken / session.size, 2),
        status=upload_sessions.UPLOADING if begun else session.state,
        missing_chunks=_missing(session, chunks),
    )


def _missing(session: Session, chunks: Sequence[Chunk]) -> list[int]:
    return sorted(set(range(session.chunk_count)) - {each.position for each in chunks})


def _completed(call: Call, made: Media) -> wire.Completed:
    return convert.completed(made, base=call.base, tenant=call.actor.organization_uuid)


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise invalid_input(f"media_type: it is one of {', '.join(Kind)}") from error


def routes() -> list[BaseRoute]:
    return [
        resource(f"{BASE}/start", POST=start),
        resource(f"{BASE}/{{session}}/chunk/{{index}}", PUT=put_chunk),
        resource(f"{BASE}/{{session}}/progress", GET=show_progress),
        resource(f"{BASE}/{{session}}/complete", POST=complete),
    ]
