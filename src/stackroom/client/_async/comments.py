"""What people say about annotations."""

import builtins

from msgspec import UNSET, UnsetType

from stackroom.client.models import Comment, Reaction
from stackroom.client.wire import DEVELOPER, Call, Shape, changed, given, many, nothing, one, segment

from .connection import AsyncConnection

_COMMENTS = f"{DEVELOPER}/annotation-comments"
_COMMENT = one(Shape(Comment), "comment")
_LIST = many(Shape(Comment), "comments")


class AsyncComments:
    """`client.comments`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, image_id: str) -> builtins.list[Comment]:
        """All comments on the annotations of an image, oldest first. Raises NotFoundError."""
        query = {"image_id": image_id}
        call = Call(method="GET", path=_COMMENTS, query=query, reply=_LIST)
        return (await self._connection.call(call)).rows

    async def create(
        self, image_id: str, annotation_id: str, body: str, *, parent_comment_id: str | None = None
    ) -> Comment:
        """Say something about an annotation, or in answer to a comment."""
        asked = given(
            image_id=image_id, annotation_id=annotation_id, body=body, parent_comment_id=parent_comment_id
        )
        return await self._connection.call(Call(method="POST", path=_COMMENTS, json=asked, reply=_COMMENT))

    async def update(
        self, comment_id: str, *, body: str | UnsetType = UNSET, resolved: bool | UnsetType = UNSET
    ) -> Comment:
        """Change the text, which is its author's, or say that it is settled, which anybody may.

        Raises EmptyUpdate, without a request, if neither is given.
        """
        asked = changed(body=body, resolved=resolved)
        return await self._connection.call(
            Call(method="PATCH", path=_path(comment_id), json=asked, reply=_COMMENT)
        )

    async def delete(self, comment_id: str) -> None:
        """Take a comment back. What answers it stays."""
        await self._connection.call(Call(method="DELETE", path=_path(comment_id), reply=nothing))

    async def react(self, comment_id: str, reaction: Reaction) -> Comment:
        """Add a reaction. Doing it again changes nothing."""
        return await self._react("PUT", comment_id, reaction)

    async def unreact(self, comment_id: str, reaction: Reaction) -> Comment:
        """Take a reaction back. Doing it again changes nothing."""
        return await self._react("DELETE", comment_id, reaction)

    async def _react(self, method: str, comment_id: str, reaction: Reaction) -> Comment:
        path = f"{_path(comment_id)}/reactions/{segment(reaction, 'reaction')}"
        return await self._connection.call(Call(method=method, path=path, reply=_COMMENT))


def _path(comment_id: str) -> str:
    return f"{_COMMENTS}/{segment(comment_id, 'comment id')}"
