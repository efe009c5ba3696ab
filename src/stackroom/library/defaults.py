"""The delivery channels that an organization has new assets get, in all of it or in one dataset: by media type."""

import re
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import delivery_default
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library.channels import USUAL, Channel, DefaultChannel

MOST = 1000
"""For each organization: every arrival may have to be held against all of them."""
_PATTERN = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,126})", re.IGNORECASE
)


class Default(msgspec.Struct, frozen=True, kw_only=True):
    """One default, as it is kept. Without a dataset it counts in the whole organization."""

    uuid: bytes
    dataset_id: int | None
    channel: Channel
    media_type: str
    created_at: int


def begin_with(conn: Connection, organization_id: int, *, now: int) -> None:
    """Give a new organization the usual ones, which it may change."""
    rows = [
        {
            "uuid": ids.new(),
            "organization_id": organization_id,
            "channel": each.channel.channel,
            "policy": each.channel.policy,
            "media_type": each.media_type,
            "created_at": now,
        }
        for each in USUAL
    ]
    conn.execute(insert(delivery_default), rows)


def of(conn: Connection, actor: Actor) -> list[DefaultChannel]:
    """All of an organization, oldest first, for `channels.defaults`. One statement."""
    return [
        DefaultChannel(channel=each.channel, media_type=each.media_type, dataset_id=each.dataset_id)
        for each in _where(conn, _mine(actor))
    ]


def page(
    conn: Connection, actor: Actor, dataset_id: int | None, *, limit: int, offset: int
) -> tuple[list[Default], int]:
    """The defaults of a dataset, or those of the whole organization, oldest first, and how many there are in all."""
    where = _mine(actor) & _of(dataset_id)
    total = conn.scalar(select(func.count()).select_from(delivery_default).where(where)) or 0
    return _where(conn, where, limit=limit, offset=offset), total


def find(conn: Connection, actor: Actor, dataset_id: int | None, reference: str) -> Default:
    """By id, in its own place only. Raises `NotFound`, for another organization's as for none."""
    raw = ids.parse(reference)
    where = _mine(actor) & _of(dataset_id) & (delivery_default.c.uuid == raw)
    found = _where(conn, where) if raw else []
    if not found:
        raise NotFound(f"there is no default delivery channel {reference!r} here")
    return found[0]


def create(
    conn: Connection, actor: Actor, dataset_id: int | None, *, channel: Channel, media_type: str, now: int
) -> Default:
    """Have new assets of a media type (`image/png`, `image/*`) get this channel.

    Raises `Invalid` for what is no media type, `Conflict` where it is so already.
    """
    require(actor, Role.ADMIN, "changing the default delivery channels")
    pattern = _checked(media_type)
    _refuse_twice(conn, actor, dataset_id, channel, pattern)
    if len(_where(conn, _mine(actor))) >= MOST:
        raise Conflict(f"there are {MOST:,} default delivery channels already, and not more can be")
    uuid = ids.new()
    conn.execute(
        insert(delivery_default).values(
            uuid=uuid,
            organization_id=actor.organization_id,
            dataset_id=dataset_id,
            channel=channel.channel,
            policy=channel.policy,
            media_type=pattern,
            created_at=now,
        )
    )
    made = find(conn, actor, dataset_id, ids.text(uuid))
    _record(conn, actor, "delivery_default.created", made, now=now)
    return made


def replace(
    conn: Connection,
    actor: Actor,
    dataset_id: int | None,
    reference: str,
    *,
    channel: Channel,
    media_type: str,
    now: int,
) -> Default:
    """Have one say something else. What has arrived keeps its channels. Raises as `create`, and `NotFound`."""
    require(actor, Role.ADMIN, "changing the default delivery channels")
    pattern = _checked(media_type)
    found = find(conn, actor, dataset_id, reference)
    _refuse_twice(conn, actor, dataset_id, channel, pattern, but=found)
    values = {"channel": channel.channel, "policy": channel.policy, "media_type": pattern}
    conn.execute(update(delivery_default).where(delivery_default.c.uuid == found.uuid).values(values))
    changed = msgspec.structs.replace(found, channel=channel, media_type=pattern)
    _record(conn, actor, "delivery_default.updated", changed, now=now)
    return changed


def remove(conn: Connection, actor: Actor, dataset_id: int | None, reference: str, *, now: int) -> None:
    """Raises `NotFound`, also the second time."""
    require(actor, Role.ADMIN, "changing the default delivery channels")
    found = find(conn, actor, dataset_id, reference)
    conn.execute(delete(delivery_default).where(delivery_default.c.uuid == found.uuid))
    _record(conn, actor, "delivery_default.deleted", found, now=now)


def _mine(actor: Actor) -> ColumnElement[bool]:
    return delivery_default.c.organization_id == actor.organization_id


def _of(dataset_id: int | None) -> ColumnElement[bool]:
    column = delivery_default.c.dataset_id
    return column.is_(None) if dataset_id is None else column == dataset_id


def _checked(media_type: str) -> str:
    if _PATTERN.fullmatch(media_type) is None:
        raise Invalid(
            f"'mediaType' must be a media type such as image/png or image/*, not '{media_type}'",
            code="invalid_media_type",
        )
    return media_type.lower()


def _refuse_twice(
    conn: Connection,
    actor: Actor,
    dataset_id: int | None,
    channel: Channel,
    media_type: str,
    *,
    but: Default | None = None,
) -> None:
    for each in _where(conn, _mine(actor) & _of(dataset_id)):
        same = (each.channel, each.media_type) == (channel, media_type)
        if same and (but is None or each.uuid != but.uuid):
            raise Conflict(
                f"assets of type '{media_type}' get '{channel.channel}' with policy '{channel.policy}' already"
            )


def _where(
    conn: Connection, where: ColumnElement[bool], *, limit: int | None = None, offset: int = 0
) -> list[Default]:
    query = select(delivery_default).where(where).order_by(delivery_default.c.id)
    return [_from_row(row) for row in conn.execute(query.limit(limit).offset(offset))]


def _from_row(row: Row[Any]) -> Default:
    return Default(
        uuid=row.uuid,
        dataset_id=row.dataset_id,
        channel=Channel(row.channel, row.policy),
        media_type=row.media_type,
        created_at=row.created_at,
    )


def _record(conn: Connection, actor: Actor, kind: str, about: Default, *, now: int) -> None:
    data = {
        "default": ids.text(about.uuid),
        "channel": about.channel.channel,
        "policy": about.channel.policy,
        "media_type": about.media_type,
    }
    log.record(conn, actor, kind, at=now, dataset_id=about.dataset_id, data=data)
