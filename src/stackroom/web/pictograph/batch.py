"""Batch: one change to many images of a dataset, with an outcome for each."""

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role, require
from stackroom.database.transaction import Connection
from stackroom.library import datasets
from stackroom.library.answers import Answer
from stackroom.operations import engine, journal
from stackroom.operations import request as asked_for
from stackroom.operations.journal import Operation
from stackroom.operations.request import Ids, Verb
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import batch as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref
from stackroom.web.pictograph.wire import batch as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import Complete, answer


async def move(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "moving images")
    asked = call.json(wire.IntoFolder)
    return await _perform(call, asked, convert.move(asked))


async def copy(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "copying images")
    asked = call.json(wire.BatchCopy)
    return await _perform(call, asked, convert.copy(asked))


async def copy_to_dataset(request: Request) -> Response:
    """Copy with everything that belongs to the images; what the other dataset lacks of their classes is added."""
    call = await Call.begin(request, Role.MEMBER, "copying images")
    asked = call.json(wire.CopyToDataset)
    wanted = convert.copy_to_dataset(asked)
    reference, target = dataset_ref(asked), convert.target_dataset(asked)

    def work(conn: Connection, now: int) -> Answer:
        source, into = (datasets.find(conn, call.actor, each) for each in (reference, target))
        here = convert.within(wanted, source.id, into.id)
        done = engine.submit(conn, call.actor, here, now=now)
        return answer(
            convert.in_dataset(_result(conn, here, done), into, datasets.find(conn, call.actor, target))
        )

    return await call.write(work, _with_items(wanted))


async def delete(request: Request) -> Response:
    """Archive or, with `permanent`, purge: that needs an admin, even where a single delete does not."""
    call = await Call.begin(request, Role.MEMBER, "deleting images")
    asked = call.json(wire.BatchDelete)
    if asked.permanent:
        require(call.actor, Role.ADMIN, "a permanent delete")
    response = await _perform(call, asked, convert.delete(asked))
    if asked.permanent:
        call.services.sweep_soon.set()
    return response


async def update(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "updating images")
    asked = call.json(wire.BatchUpdate)
    return await _perform(call, asked, convert.update(asked))


async def _perform(call: Call, asked: wire.Batch, wanted: asked_for.Request) -> Response:
    reference = dataset_ref(asked)

    def work(conn: Connection, now: int) -> Answer:
        here = convert.within(wanted, datasets.find(conn, call.actor, reference).id)
        done = engine.submit(conn, call.actor, here, now=now)
        return answer(_result(conn, here, done))

    return await call.write(work, _with_items(wanted))


def _result(conn: Connection, wanted: asked_for.Request, done: Operation) -> wire.BatchResult:
    """What is kept of an answer to ten thousand: not the lists that stand in the request and in the journal."""
    assert isinstance(wanted.selection, Ids)
    failures = journal.failures(conn, done.id) if done.failed else []
    return convert.batch_result(
        done,
        convert.failures_shown(wanted.selection.asked, failures),
        folders=_affected(conn, wanted, done),
        # The protocol counts them just where it numbers them from 1.
        renamed=journal.count_renamed(conn, done) if wanted.first_number == 1 else 0,
    )


def _with_items(wanted: asked_for.Request) -> Complete:
    """Adds the lists, to the first answer as to its repeats."""
    assert isinstance(wanted.selection, Ids)
    asked = wanted.selection.asked

    def complete(conn: Connection, kept: Answer) -> Callable[[], Answer]:
        result = msgspec.json.decode(kept.body, type=wire.BatchResult)
        uuid = ids.parse(result.operation_id)
        created = journal.created(conn, uuid) if wanted.verb is Verb.COPY and uuid else None
        return lambda: answer(convert.with_items(result, asked, created), kept.status, kept.headers)

    return complete


def _affected(conn: Connection, wanted: asked_for.Request, done: Operation) -> list[str]:
    """For a move, where the images were and where they are; for a copy, where the copies are."""
    target = [wanted.target_folder] if wanted.target_folder is not None and done.succeeded else []
    sources = [] if wanted.verb is Verb.COPY else journal.source_folders(conn, done)
    return list(dict.fromkeys([*sources, *target]))


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/batch/images"
    return [
        resource(f"{base}/move", POST=move),
        resource(f"{base}/copy", POST=copy),
        resource(f"{base}/copy-to-dataset", POST=copy_to_dataset),
        resource(f"{base}/delete", POST=delete),
        resource(f"{base}/update", PATCH=update),
    ]
