"""Comments on annotations."""

from typing import Literal

from msgspec import Struct

from .base import Moment

Reaction = Literal["like", "dislike", "love", "celebrate", "exclamation", "question", "haha"]


class CommentReaction(Struct, frozen=True, kw_only=True):
    """How many have reacted so, and whether this key is among them."""

    reaction: str
    count: int
    reacted: bool = False


class Comment(Struct, frozen=True, kw_only=True):
    """Something said about an annotation, or in answer to a comment. What was deleted has no text left."""

    id: str
    annotation_id: str
    body: str
    image_id: str | None = None
    parent_comment_id: str | None = None
    author_name: str | None = None
    is_mine: bool = False
    is_edited: bool = False
    is_deleted: bool = False
    resolved: bool = False
    resolved_at: Moment | None = None
    resolved_by_name: str | None = None
    reactions: list[CommentReaction] = []
    created_at: Moment | None = None
    updated_at: Moment | None = None
