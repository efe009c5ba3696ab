"""Groups: assets that are fetched together, in an order. A member that is gone leaves its place empty."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database import flavour
from stackroom.database.columns import columns
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, blob, file_group, file_group_member
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.library import media
from stackroom.library.media import Media

MOST: Final = 1000


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group. `count` is how many of its members are seen now."""

    id: int
    uuid: bytes
    created_at: int
    count: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at a place of a group, and where its bytes are kept."""

    position: int
    media: Media
    storage_key: str


def create(conn: Connection, actor: Actor, uuids: Sequence[bytes], *, now: int) -> Group:
    """A group of these media, in this order. A constant number of statements. Repeating it makes another group.

    Raises `Invalid` for none, for more than `MOST`, for one that is named twice, and for one that is not seen.
    """
    require(actor, Role.MEMBER, "making a group")
    if not 1 <= len(uuids) <= MOST:
        raise Invalid(f"files: a group has 1 to {MOST} files, and these are {len(uuids)}")
    if len(set(uuids)) < len(uuids):
        twice = next(each for n, each in enumerate(uuids) if each in uuids[:n])
        raise Invalid(f"files: {ids.text(twice)} is named twice")
    found = _ids_of(conn, actor, uuids, now)
    unknown = next((each for each in uuids if each not in found), None)
    if unknown is not None:
        raise Invalid(f"files: {ids.text(unknown)} not found")
    uuid = ids.new()
    row = {"uuid": uuid, "organization_id": actor.organization_id, "created_at": now}
    group_id: int = conn.execute(insert(file_group).returning(file_group.c.id), row).scalar_one()
    _fill(conn, group_id, [found[each] for each in uuids])
    log.record(conn, actor, "group.created", at=now, data={"group": ids.text(uuid), "files": len(uuids)})
    return Group(id=group_id, uuid=uuid, created_at=now, count=len(uuids))


def find(conn: Connection, actor: Actor, uuid: bytes, *, now: int) -> Group:
    """By id. Raises `NotFound`, for another organization's as for none."""
    mine = (file_group.c.organization_id == actor.organization_id) & (file_group.c.uuid == uuid)
    row = conn.execute(select(file_group).where(mine)).first()
    if row is None:
        raise _not_found()
    seen = select(func.count()).join_from(
        file_group_member, asset, asset.c.id == file_group_member.c.asset_id
    )
    here = file_group_member.c.group_id == row.id, media.visible(actor, now, found=True)
    count = conn.scalar(seen.where(*here)) or 0
    return Group(id=row.id, uuid=row.uuid, created_at=row.created_at, count=count)


def members(conn: Connection, actor: Actor, group: Group, *, now: int) -> list[Member]:
    """All of them that are seen, in their order. Two statements."""
    return _members(conn, actor, file_group_member.c.group_id == group.id, now)


def member_at(conn: Connection, actor: Actor, group: Group, position: int, *, now: int) -> Member:
    """The one at a place, counted from 0. Raises `NotFound`, also where the one that stood there is gone."""
    here = (file_group_member.c.group_id == group.id) & (file_group_member.c.position == position)
    found = _members(conn, actor, here, now) if 0 <= position < MOST else []
    if not found:
        raise NotFound(f"there is no file {position} in this group")
    return found[0]


def remove(conn: Connection, actor: Actor, uuid: bytes, *, now: int) -> None:
    """The group, and none of its files. Raises `NotFound`, also the second time."""
    require(actor, Role.MEMBER, "deleting a group")
    found = find(conn, actor, uuid, now=now)
    conn.execute(delete(file_group_member).where(file_group_member.c.group_id == found.id))
    if not conn.execute(
        delete(file_group).where(file_group.c.id == found.id)
    ).rowcount:  # by another, meanwhile
        raise _not_found()
    log.record(conn, actor, "group.deleted", at=now, data={"group": ids.text(uuid)})


def _not_found() -> NotFound:
    return NotFound("Group not found", hint="Verify the resource ID exists")


def _ids_of(conn: Connection, actor: Actor, uuids: Sequence[bytes], now: int) -> dict[bytes, int]:
    """Held until the commit, in the order in which others hold them: a purge that came in between would leave places
    for what is gone."""
    mine = media.visible(actor, now, found=True)
    seen = select(asset.c.uuid, asset.c.id).where(asset.c.uuid.in_(uuids), mine)
    held = seen.order_by(asset.c.id).with_for_update(read=True)
    return {row.uuid: row.id for row in conn.execute(held)}


def _fill(conn: Connection, group_id: int, asset_ids: Sequence[int]) -> None:
    how = flavour.of(conn)
    numbers = {"position": range(len(asset_ids)), "asset_id": asset_ids}
    said, parameters = columns(how, "members", len(asset_ids), numbers=numbers)
    conn.execute(
        statement(f"""{how.insert} INTO file_group_member (group_id, position, asset_id)
            SELECT CAST(:group AS bigint), r.position, r.asset_id FROM {said} r"""),
        {"group": group_id, **parameters},
    )


def _members(conn: Connection, actor: Actor, where: ColumnElement[bool], now: int) -> list[Member]:
    placed = (
        select(file_group_member.c.position, asset.c.uuid, blob.c.storage_key)
        .join_from(file_group_member, asset, asset.c.id == file_group_member.c.asset_id)
        .join(blob, blob.c.id == asset.c.blob_id)
        .where(where, media.visible(actor, now, found=True))
        .order_by(file_group_member.c.position)
    )
    rows = conn.execute(placed).all()
    known = media.by_uuids(conn, actor, [row.uuid for row in rows], now=now)
    return [Member(position=row.position, media=known[row.uuid], storage_key=row.storage_key) for row in rows]
