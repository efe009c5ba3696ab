"""Reviewing images, and dividing them into training, validation and test."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import Conflict
from stackroom.library import datasets, reviews, splits
from stackroom.library.answers import Answer
from stackroom.operations import engine
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import reviews as convert
from stackroom.web.pictograph.convert.base import ONE_IMAGE, PREFIX, dataset_ref
from stackroom.web.pictograph.wire import reviews as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer


async def review(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "reviewing an image")
    asked = call.json(wire.Review)
    verdict = convert.verdict(asked)

    def work(conn: Connection, now: int) -> Answer:
        found = call.image(conn)
        return answer(convert.reviewed(reviews.review(conn, call.actor, found, verdict, asked.note, now=now)))

    return await call.write(work)


async def set_split(request: Request) -> Response:
    """One image's: an operation like an update of many, with its undo."""
    call = await Call.begin(request, Role.MEMBER, "setting a split")
    asked = call.json(wire.SplitWanted)

    def work(conn: Connection, now: int) -> Answer:
        found = call.image(conn)
        done = engine.submit(conn, call.actor, convert.set_split(found, asked.split), now=now)
        return answer(convert.split_set(found, asked.split, done))

    return await call.write(work)


async def divide(request: Request) -> Response:
    """A whole dataset, at random."""
    call = await Call.begin(request, Role.MEMBER, "assigning splits")
    asked = call.json(wire.Division)
    reference, shares = dataset_ref(asked), convert.shares(asked)
    splits.check(shares)

    def work(conn: Connection, now: int) -> Answer:
        if asked.split_mode == "embedding":
            found = datasets.find(conn, call.actor, reference)
            raise Conflict(
                f"{found.name!r} has no embedding map to divide it by; this server makes none",
                code="no_embedding_map",
                hint="Ask for split_mode random.",
            )
        done = splits.assign(conn, call.actor, reference, shares, seed=asked.seed, now=now)
        return answer(convert.divided(done))

    return await call.write(work)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/images/assign-splits", POST=divide),
        *(resource(f"{PREFIX}/images/{place}/review", POST=review) for place in ONE_IMAGE),
        *(resource(f"{PREFIX}/images/{place}/split", POST=set_split) for place in ONE_IMAGE),
    ]
