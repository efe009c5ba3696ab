"""Batches: up to 50 items deleted or copied in one request, with an entry for each.

The answer is what handling them one after the other would give, and all that it tells of is one transaction: an item
that is named twice is deleted once and copied twice. A batch that was begun ends, whether its client waits or not.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, NotFound, Unavailable
from stackroom.library import media
from stackroom.library.answers import Answer
from stackroom.operations import engine, journal
from stackroom.operations.journal import Operation
from stackroom.operations.request import MALFORMED, Ids, Verb
from stackroom.operations.request import Request as Wanted
from stackroom.storage.blobstore import BlobStore
from stackroom.web.mindia.call import PREFIX, Call, uuids_of
from stackroom.web.mindia.convert import media as convert
from stackroom.web.mindia.described import described
from stackroom.web.mindia.wire import media as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer

T = TypeVar("T")
MOST: Final = 50
UNKNOWN: Final = 404, "Media not found"
LOST: Final = 500, "Storage copy failed"
Errors = dict[int, tuple[int, str]]
"""What went wrong, by position."""
_under_way: set[asyncio.Future[Response]] = set()


@described("Delete up to 50 items", wire.Deletions, body=wire.Batch, needs=Role.ADMIN)
async def delete(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting many at once")
    wanted = _wanted(call)

    def work(conn: Connection, now: int) -> Answer:
        seen = media.hold(conn, call.actor, wanted, now=now)
        first = {uuid: position for position, uuid in reversed(list(enumerate(wanted)))}
        chosen = {position for uuid, position in first.items() if uuid in seen}
        errors = {position: UNKNOWN for position in range(len(wanted)) if position not in chosen}
        if chosen:
            done = engine.submit(conn, call.actor, _request(Verb.PURGE, wanted, chosen), now=now)
            errors = _failed(conn, done) | errors
        entries = [convert.deleted(uuid, errors.get(position)) for position, uuid in enumerate(wanted)]
        return answer(wire.Deletions(results=entries))

    response = await _to_its_end(call.write(work))
    call.services.sweep_soon.set()
    return response


@described("Copy up to 50 items", wire.Copies, body=wire.Batch, needs=Role.MEMBER)
async def copy(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "copying media")
    wanted = _wanted(call)

    def work(conn: Connection, lost: set[bytes], now: int) -> Answer:
        seen = media.hold(conn, call.actor, wanted, now=now)
        errors: Errors = {
            position: LOST if uuid in seen else UNKNOWN
            for position, uuid in enumerate(wanted)
            if uuid not in seen or uuid in lost
        }
        chosen = set(range(len(wanted))) - errors.keys()
        made: dict[int, str] = {}
        if chosen:
            done = engine.submit(conn, call.actor, _request(Verb.COPY, wanted, chosen), now=now)
            errors = _failed(conn, done) | errors
            made = {position: uuid for position, uuid, _ in journal.created(conn, done.uuid).each()}
        entries = [
            convert.copied(uuid, made.get(position), errors.get(position))
            for position, uuid in enumerate(wanted)
        ]
        return answer(wire.Copies(results=entries))

    async def look_and_write() -> Response:
        lost = await _whose_bytes_are_lost(call, wanted)
        return await call.write(lambda conn, now: work(conn, lost, now))

    return await _to_its_end(look_and_write())


def _wanted(call: Call) -> list[bytes]:
    """The ids of the body, as often as they stand there. Raises `Invalid`: first for one that is none, then
    (`BATCH_SIZE_EXCEEDED`) for too many."""
    wanted = uuids_of(call.json(wire.Batch).ids, "ids")
    if len(wanted) > MOST:
        raise Invalid(
            f"Batch size exceeds maximum of {MOST}",
            code="BATCH_SIZE_EXCEEDED",
            hint=f"Split the request into batches of at most {MOST} ids",
        )
    return wanted


def _request(verb: Verb, wanted: list[bytes], chosen: set[int]) -> Wanted:
    """What does it to the items at the chosen positions. The others stand in the operation as well, as ids that nothing
    has: so its positions are those of the batch."""
    selection = Ids(
        packed=b"".join(uuid if position in chosen else MALFORMED for position, uuid in enumerate(wanted)),
        asked=tuple(ids.text(uuid) for uuid in wanted),
        misspelt=tuple(
            (position, ids.text(uuid)) for position, uuid in enumerate(wanted) if position not in chosen
        ),
    )
    return Wanted(
        verb=verb,
        selection=selection,
        in_place=verb is Verb.COPY,
        item_events=True,
        initiator="copy" if verb is Verb.COPY else "delete",
    )


def _failed(conn: Connection, done: Operation) -> Errors:
    failed = journal.failures(conn, done.id) if done.failed else ()
    return {position: UNKNOWN for position, _, _ in failed}


async def _whose_bytes_are_lost(call: Call, wanted: list[bytes]) -> set[bytes]:
    """Those whose bytes are not where they should be. A repeat asks as well: that costs less than to look first whether
    it is one, which few are."""
    keys = await call.read(lambda conn: media.storage_keys(conn, call.actor, wanted, now=call.now()))
    return await asyncio.to_thread(_lost, call.services.store, keys)


def _lost(store: BlobStore, keys: Mapping[bytes, str]) -> set[bytes]:
    lost = {key for key in set(keys.values()) if not _is_there(store, key)}
    return {uuid for uuid, key in keys.items() if key in lost}


def _is_there(store: BlobStore, key: str) -> bool:
    try:
        store.size(key)
    except (NotFound, Unavailable):
        return False
    return True


async def _to_its_end(work: Awaitable[Response]) -> Response:
    """What was begun is not given up where nobody waits for it any more: a repeat with the same key gets its answer."""
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/media/batch/delete", POST=delete),
        resource(f"{PREFIX}/media/batch/copy", POST=copy),
    ]
