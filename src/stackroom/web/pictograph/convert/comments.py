"""Comments and reactions, in Pictograph's words."""

from stackroom import ids
from stackroom.library.comments import Comment
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire import comments as wire


def comment(found: Comment) -> wire.Comment:
    return wire.Comment(
        id=ids.text(found.uuid),
        image_id=ids.text(found.asset_uuid),
        annotation_id=found.annotation_id,
        parent_comment_id=None if found.parent_uuid is None else ids.text(found.parent_uuid),
        body=found.body,
        is_edited=found.deleted_at is None and found.updated_at > found.created_at,
        is_deleted=found.deleted_at is not None,
        resolved=found.resolved_at is not None,
        resolved_at=None if found.resolved_at is None else moment(found.resolved_at),
        resolved_by_name=found.resolved_by,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        user_id=None if found.key_uuid is None else ids.text(found.key_uuid),
        author_name=found.author,
        is_mine=found.mine,
        reactions=[
            wire.Reaction(reaction=each.kind, count=each.count, reacted=each.mine) for each in found.reactions
        ],
    )


def answered(found: Comment) -> wire.CommentAnswer:
    return wire.CommentAnswer(comment=comment(found))
