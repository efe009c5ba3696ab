"""Comments on annotations, and reactions to them."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given

Body = Annotated[str, Meta(min_length=1, max_length=10_000, pattern=r"\S")]


class CommentsOf(Asked, frozen=True, kw_only=True):
    image_id: str


class NewComment(Asked, frozen=True, kw_only=True):
    image_id: str
    annotation_id: Annotated[str, Meta(min_length=1)]
    body: Body
    parent_comment_id: str | None = None


class CommentChange(Asked, frozen=True, kw_only=True):
    body: Body | UnsetType = UNSET
    resolved: bool | UnsetType = UNSET


class Reaction(Given, frozen=True, kw_only=True):
    reaction: str
    count: int
    reacted: bool


class Comment(Given, frozen=True, kw_only=True):
    """`user_id` is the key that has written it; there is no other account here."""

    id: str
    image_id: str
    annotation_id: str
    parent_comment_id: str | None
    body: str
    is_edited: bool
    is_deleted: bool
    resolved: bool
    resolved_at: str | None
    resolved_by_name: str | None
    created_at: str
    updated_at: str
    user_id: str | None
    author_name: str
    is_mine: bool
    reactions: Sequence[Reaction]


class CommentList(Given, frozen=True, kw_only=True):
    success: bool = True
    comments: Sequence[Comment]


class CommentAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    comment: Comment


class CommentDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    id: str
