"""Comments on annotations, and reactions to them."""

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.transaction import Connection
from stackroom.library import comments
from stackroom.library.answers import Answer
from stackroom.library.comments import Comment
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import comments as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import comments as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


async def show_all(request: Request) -> Response:
    """Of one image, oldest first, all of them."""
    call = await Call.begin(request)
    asked = call.query(wire.CommentsOf)
    found = await call.read(lambda conn: comments.of_asset(conn, call.actor, asked.image_id))
    return json_reply(wire.CommentList(comments=[convert.comment(each) for each in found]))


async def create(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "commenting")
    asked = call.json(wire.NewComment)

    def work(conn: Connection, now: int) -> Answer:
        made = comments.create(
            conn,
            call.actor,
            asked.image_id,
            asked.annotation_id,
            asked.body,
            parent=asked.parent_comment_id,
            now=now,
        )
        return answer(convert.answered(made), 201)

    return await call.write(work)


async def change(request: Request) -> Response:
    """Everybody may resolve; the text is its author's, and an admin's."""
    call = await Call.begin(request, Role.MEMBER, "changing a comment")
    asked = call.json(wire.CommentChange)

    def work(conn: Connection, now: int) -> Answer:
        changed = comments.change(
            conn, call.actor, call.place("comment"), body=asked.body, resolved=asked.resolved, now=now
        )
        return answer(convert.answered(changed))

    return await call.write(work)


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "deleting a comment")

    def work(conn: Connection, now: int) -> Answer:
        gone = comments.remove(conn, call.actor, call.place("comment"), now=now)
        return answer(wire.CommentDeleted(id=ids.text(gone.uuid)))

    return await call.write(work)


async def react(request: Request) -> Response:
    return await _react(request, comments.react)


async def unreact(request: Request) -> Response:
    return await _react(request, comments.unreact)


class _Reacting(Protocol):
    def __call__(self, conn: Connection, actor: Actor, reference: str, kind: str, *, now: int) -> Comment: ...


async def _react(request: Request, do: _Reacting) -> Response:
    call = await Call.begin(request, Role.MEMBER, "reacting to a comment")
    which, kind = call.place("comment"), call.place("reaction")
    return await call.write(
        lambda conn, now: answer(convert.answered(do(conn, call.actor, which, kind, now=now)))
    )


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/annotation-comments"
    return [
        resource(base, GET=show_all, POST=create),
        resource(f"{base}/{{comment}}", PATCH=change, DELETE=remove),
        resource(f"{base}/{{comment}}/reactions/{{reaction}}", PUT=react, DELETE=unreact),
    ]
