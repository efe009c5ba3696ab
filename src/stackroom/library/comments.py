"""Comments on annotations: threads of one level, oldest first, with reactions.

A comment belongs to an annotation of an asset by that annotation's id. Saving the asset's annotations leaves its
comments alone, so a thread outlives the annotation that it is about. The keys of one member write as one person.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import annotation_comment as comment
from stackroom.database.schema import api_key, asset, member
from stackroom.database.schema import comment_reaction as reaction
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.events import log
from stackroom.library import annotations, assets
from stackroom.library.assets import Asset

MAX_BODY = 10_000
REACTIONS = ("like", "dislike", "love", "celebrate", "exclamation", "question", "haha")
SOMEBODY = "Stackroom"
"""Who writes where no key does."""


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    count: int
    mine: bool


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """`mine` says whether the one who asks has written it. A deleted one has no text, and stays for its replies."""

    id: int
    uuid: bytes
    asset_id: int
    asset_uuid: bytes
    dataset_id: int
    annotation_id: str
    parent_id: int | None
    parent_uuid: bytes | None
    body: str
    author: str
    key_uuid: bytes | None
    resolved_at: int | None
    resolved_by: str | None
    deleted_at: int | None
    created_at: int
    updated_at: int
    mine: bool
    reactions: list[Reaction]


def of_asset(conn: Connection, actor: Actor, reference: str) -> list[Comment]:
    """All comments on an asset's annotations, oldest first. Raises `NotFound`."""
    found = assets.find(conn, actor, reference)
    return _read(conn, actor, comment.c.asset_id == found.id)


def get(conn: Connection, actor: Actor, reference: str) -> Comment:
    """By id. Raises `NotFound`, for another organization's and a deleted comment as for none."""
    raw = ids.parse(reference)
    there = (comment.c.uuid == raw) & comment.c.deleted_at.is_(None)
    found = [] if raw is None else _read(conn, actor, there)
    if not found:
        raise _unknown(reference)
    return found[0]


def create(
    conn: Connection,
    actor: Actor,
    reference: str,
    annotation_id: str,
    body: str,
    *,
    parent: str | None = None,
    now: int,
) -> Comment:
    """Comment on an annotation of an asset, or reply to a comment on it. A reply to a reply joins its thread.

    Raises `NotFound` for an asset, an annotation or a comment that is not there, `Invalid` for a text that is none.
    Called twice, it makes two.
    """
    require(actor, Role.MEMBER, "commenting")
    _check_body(body)
    found, document = annotations.get(conn, actor, reference)
    thread = None if parent is None else _thread(conn, actor, found, annotation_id, parent)
    if thread is None:
        _check_annotation(document, annotation_id)
    uuid = ids.new()
    conn.execute(
        insert(comment).values(
            uuid=uuid,
            organization_id=actor.organization_id,
            asset_id=found.id,
            annotation_id=annotation_id,
            parent_id=thread,
            body=body,
            key_id=actor.key_id,
            author=_name(conn, actor),
            created_at=now,
            updated_at=now,
        )
    )
    made = get(conn, actor, ids.text(uuid))
    _record(conn, actor, "comment.created", made, now=now)
    return made


def change(
    conn: Connection,
    actor: Actor,
    reference: str,
    *,
    body: str | UnsetType = UNSET,
    resolved: bool | UnsetType = UNSET,
    now: int,
) -> Comment:
    """Edit a comment's text, which its author and admins may, or resolve or reopen it, which every member may.

    Repeating it changes nothing more. Raises `NotFound`, `Forbidden`, `Invalid` for nothing to change.
    """
    require(actor, Role.MEMBER, "changing a comment")
    if body is UNSET and resolved is UNSET:
        raise Invalid("nothing to change", code="empty_update", hint="Give a body, or resolved.")
    if body is not UNSET:
        _check_body(body)
    found = get(conn, actor, reference)
    values: dict[str, Any] = {}
    kinds = []
    if body is not UNSET:
        _require_author(actor, found, "editing the comment of somebody else")
        if body != found.body:
            values |= {"body": body, "updated_at": now}
            kinds.append("comment.updated")
    if resolved is not UNSET and resolved != (found.resolved_at is not None):
        values["resolved_at"] = now if resolved else None
        values["resolved_by"] = _name(conn, actor) if resolved else None
        kinds.append("comment.resolved" if resolved else "comment.reopened")
    if values:
        conn.execute(update(comment).where(comment.c.id == found.id).values(values))
    for kind in kinds:
        _record(conn, actor, kind, found, now=now)
    return get(conn, actor, reference)


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> Comment:
    """Delete a comment, which its author and admins may. One with replies keeps its place, without its text, until
    the last of them is deleted. Raises `NotFound`, `Forbidden`."""
    require(actor, Role.MEMBER, "deleting a comment")
    found = get(conn, actor, reference)
    _require_author(actor, found, "deleting the comment of somebody else")
    conn.execute(delete(reaction).where(reaction.c.comment_id == found.id))
    replies = select(comment.c.id).where(comment.c.parent_id == found.id).limit(1)
    if conn.scalar(replies) is not None:
        emptied = {"body": "", "deleted_at": now, "updated_at": now}
        conn.execute(update(comment).where(comment.c.id == found.id).values(emptied))
    else:
        conn.execute(delete(comment).where(comment.c.id == found.id))
        _remove_if_nothing_is_left(conn, found.parent_id)
    _record(conn, actor, "comment.deleted", found, now=now)
    return found


def react(conn: Connection, actor: Actor, reference: str, kind: str, *, now: int) -> Comment:
    """Add one's reaction to a comment. Repeating it changes nothing. Raises `NotFound`, `Invalid`."""
    require(actor, Role.MEMBER, "reacting to a comment")
    _check_reaction(kind)
    found = get(conn, actor, reference)
    if actor.key_id is None:
        raise Forbidden("a reaction is somebody's, and needs a key", hint="Use a key with role member.")
    if not _has_reacted(found, kind):
        conn.execute(insert(reaction).values(comment_id=found.id, key_id=actor.key_id, kind=kind))
        _record(conn, actor, "comment.reaction_added", found, {"reaction": kind}, now=now)
    return get(conn, actor, reference)


def unreact(conn: Connection, actor: Actor, reference: str, kind: str, *, now: int) -> Comment:
    """Take one's reaction back. Taking back none is no error. Raises `NotFound`, `Invalid`."""
    require(actor, Role.MEMBER, "reacting to a comment")
    _check_reaction(kind)
    found = get(conn, actor, reference)
    if _has_reacted(found, kind):
        mine = reaction.c.key_id.in_(_my_keys(conn, actor))
        conn.execute(delete(reaction).where(reaction.c.comment_id == found.id, reaction.c.kind == kind, mine))
        _record(conn, actor, "comment.reaction_removed", found, {"reaction": kind}, now=now)
    return get(conn, actor, reference)


def _thread(conn: Connection, actor: Actor, found: Asset, annotation_id: str, parent: str) -> int:
    """The comment that a reply hangs on. Raises `NotFound` unless it is on this annotation of this asset."""
    above = get(conn, actor, parent)
    if above.asset_id != found.id or above.annotation_id != annotation_id:
        raise NotFound(
            f"comment {parent!r} is not on annotation {annotation_id!r} of this image",
            hint="A reply is to a comment on the same annotation.",
        )
    return above.id if above.parent_id is None else above.parent_id


def _remove_if_nothing_is_left(conn: Connection, thread: int | None) -> None:
    """Of a deleted comment that stayed for its replies."""
    if thread is None:
        return
    reply = comment.alias("reply")
    left = select(reply.c.id).where(reply.c.parent_id == thread).exists()
    conn.execute(delete(comment).where(comment.c.id == thread, comment.c.deleted_at.is_not(None), ~left))


def _read(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> list[Comment]:
    above = comment.alias("above")
    query = (
        select(
            comment,
            asset.c.uuid.label("asset_uuid"),
            asset.c.dataset_id,
            above.c.uuid.label("parent_uuid"),
            api_key.c.uuid.label("key_uuid"),
        )
        .join_from(comment, asset, asset.c.id == comment.c.asset_id)
        .outerjoin(above, above.c.id == comment.c.parent_id)
        .outerjoin(api_key, api_key.c.id == comment.c.key_id)
        .where(comment.c.organization_id == actor.organization_id, where)
        .order_by(comment.c.id)
    )
    rows = conn.execute(query).all()
    if not rows:
        return []
    mine = _my_keys(conn, actor)
    given = _reactions(conn, actor, where, mine)
    return [_from_row(row, mine, given.get(row.id, [])) for row in rows]


def _reactions(
    conn: Connection, actor: Actor, where: ColumnElement[bool], mine: set[int]
) -> dict[int, list[Reaction]]:
    """Of each comment, in the order of `REACTIONS`."""
    query = (
        select(reaction)
        .join_from(reaction, comment, comment.c.id == reaction.c.comment_id)
        .where(comment.c.organization_id == actor.organization_id, where)
    )
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    own = set()
    for row in conn.execute(query):
        counts[row.comment_id][row.kind] += 1
        if row.key_id in mine:
            own.add((row.comment_id, row.kind))
    return {
        about: [
            Reaction(kind=kind, count=of[kind], mine=(about, kind) in own) for kind in REACTIONS if of[kind]
        ]
        for about, of in counts.items()
    }


def _from_row(row: Row[Any], mine: set[int], reactions: Sequence[Reaction]) -> Comment:
    known = {field: getattr(row, field) for field in Comment.__struct_fields__ if field in row._fields}
    return Comment(**known, mine=row.key_id in mine, reactions=list(reactions))


def _my_keys(conn: Connection, actor: Actor) -> set[int]:
    """The keys of whoever asks: theirs, and all others of the member that it belongs to."""
    me = select(api_key.c.member_id).where(api_key.c.id == actor.key_id).scalar_subquery()
    mine = or_(api_key.c.id == actor.key_id, api_key.c.member_id == me)
    return set(
        conn.scalars(select(api_key.c.id).where(api_key.c.organization_id == actor.organization_id, mine))
    )


def _name(conn: Connection, actor: Actor) -> str:
    """Who is writing: the member's name, or the key's."""
    name = func.coalesce(member.c.full_name, member.c.email, api_key.c.name)
    query = select(name).join_from(api_key, member, member.c.id == api_key.c.member_id, isouter=True)
    return conn.scalar(query.where(api_key.c.id == actor.key_id)) or SOMEBODY


class _Named(msgspec.Struct):
    id: str


_ids = msgspec.json.Decoder(list[_Named])


def _check_annotation(document: bytes, annotation_id: str) -> None:
    if all(each.id != annotation_id for each in _ids.decode(document)):
        raise NotFound(
            f"annotation {annotation_id!r} not found in this image",
            hint="It may have been replaced since; get the image's annotations.",
        )


def _has_reacted(found: Comment, kind: str) -> bool:
    return any(each.mine for each in found.reactions if each.kind == kind)


def _check_reaction(kind: str) -> None:
    if kind not in REACTIONS:
        raise Invalid(f"reaction: {kind!r} is not one of {', '.join(REACTIONS)}")


def _check_body(body: str) -> None:
    if not body.strip() or len(body) > MAX_BODY or "\0" in body:
        raise Invalid(f"body: a comment has 1 to {MAX_BODY} characters", hint="Say something.")


def _require_author(actor: Actor, found: Comment, action: str) -> None:
    if not found.mine:
        require(actor, Role.ADMIN, action)


def _unknown(reference: str) -> NotFound:
    return NotFound(f"comment {reference!r} not found", hint="It may have been deleted, or the id is wrong.")


def _record(
    conn: Connection, actor: Actor, kind: str, about: Comment, data: dict[str, Any] | None = None, *, now: int
) -> None:
    what = {"comment_id": ids.text(about.uuid), "annotation_id": about.annotation_id, **(data or {})}
    log.record(conn, actor, kind, at=now, dataset_id=about.dataset_id, asset_uuid=about.asset_uuid, data=what)
