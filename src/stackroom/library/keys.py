"""The keys of an organization: who may make and change them, and what must never become of the last of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.clock import DAY
from stackroom.database.schema import api_key, member
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import changes, organizations
from stackroom.library.organizations import NewKey, Organization, check_key_name, check_rate_limit

LONGEST = 36_500 * DAY


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its owner may see it again. `prefix` is how its secret begins; `rate_limit` is in requests an hour."""

    uuid: bytes
    name: str
    prefix: str
    role: Role
    rate_limit: int | None
    active: bool
    expires_at: int | None
    last_used_at: int | None
    created_at: int
    member_id: int | None
    description: str | None


class KeyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a key. UNSET leaves alone; a `rate_limit` of None lifts the limit. A role cannot change."""

    name: str | UnsetType = UNSET
    rate_limit: int | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


def list_keys(conn: Connection, owner: Organization) -> list[Key]:
    """All keys of an organization, oldest first, also those that were revoked or have expired."""
    return _where(conn, owner.id)


def list_mine(conn: Connection, actor: Actor) -> list[Key]:
    """The same, for who asks with a key."""
    require(actor, Role.MEMBER, "seeing the keys")
    return _where(conn, actor.organization_id)


def page(conn: Connection, actor: Actor, *, limit: int, offset: int) -> list[Key]:
    """A part of them, newest first."""
    require(actor, Role.MEMBER, "seeing the keys")
    return _read(conn, _mine(actor.organization_id).order_by(api_key.c.id.desc()).limit(limit).offset(offset))


def find(conn: Connection, actor: Actor, reference: str) -> Key:
    """By id. Raises `NotFound`, for another organization's key and for a deleted one as for none."""
    require(actor, Role.MEMBER, "seeing a key")
    raw = ids.parse(reference)
    found = [] if raw is None else _where(conn, actor.organization_id, api_key.c.uuid == raw)
    if not found:
        raise NotFound(f"key {reference!r} not found", hint="Give a key's id, not the key itself.")
    return found[0]


def create(
    conn: Connection,
    actor: Actor,
    *,
    name: str,
    role: Role,
    rate_limit: int | None = None,
    expires_at: int | None = None,
    description: str | None = None,
    token: str | None = None,
    now: int,
) -> NewKey:
    """Make a key of the actor's organization, which belongs to no person. Called twice, it makes two; a `token` is its
    secret, where a protocol has a form of its own for them.

    Raises `Forbidden` for a role above the actor's own, `Invalid` for what no key can have.
    """
    require(actor, Role.ADMIN, "making a key")
    require(actor, role, f"making a key with role {role.word}")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise Invalid("expires_at: must be in the future, and within 100 years")
    return organizations.create_key(
        conn,
        organizations.by_id(conn, actor.organization_id),
        role=role,
        name=name,
        expires_at=expires_at,
        rate_limit=rate_limit,
        description=description,
        token=token,
        actor=actor,
        now=now,
    )


def change(conn: Connection, actor: Actor, reference: str, wanted: KeyChanges, *, now: int) -> Key:
    """Rename a key, limit it, or switch it off and on, from the next request on. Repeating it changes nothing more.

    Raises `Forbidden` for a key above the actor's own role, and `Conflict` for switching off the last owner's key
    (`last_owner_key`), or on that of somebody who was removed (`member_removed`).
    """
    require(actor, Role.ADMIN, "changing a key")
    values = changes.some(wanted)
    if "name" in values:
        check_key_name(values["name"])
    check_rate_limit(values.get("rate_limit"))
    with never_ownerless(conn, actor, now=now):
        found = find(conn, actor, reference)
        require(actor, found.role, f"changing a key with role {found.role.word}")
        if values.get("active"):
            _refuse_orphan(conn, found)
        conn.execute(update(api_key).where(api_key.c.uuid == found.uuid).values(**values))
    about = {"key": ids.text(found.uuid), "fields": sorted(values)}
    log.record(conn, actor, "key.updated", at=now, data=about)
    return find(conn, actor, reference)


def revoke(conn: Connection, actor: Actor, reference: str, *, now: int) -> Key:
    """Make a key count no longer, from the next request on, and still show it. Repeating it changes nothing more.

    Raises `Forbidden` for a key above the actor's own role, and `Conflict` (`last_owner_key`).
    """
    require(actor, Role.ADMIN, "revoking a key")
    with never_ownerless(conn, actor, now=now):
        found = find(conn, actor, reference)
        require(actor, found.role, f"revoking a key with role {found.role.word}")
        conn.execute(update(api_key).where(api_key.c.uuid == found.uuid).values(active=False))
    if found.active:
        log.record(conn, actor, "key.revoked", at=now, data={"key": ids.text(found.uuid), "name": found.name})
    return found


def delete(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Make a key count no longer, for good, and show it no more. What it did stays on record.

    Raises `NotFound`, also the second time, and `Conflict` (`last_owner_key`).
    """
    require(actor, Role.ADMIN, "deleting a key")
    with never_ownerless(conn, actor, now=now):
        found = find(conn, actor, reference)
        require(actor, found.role, f"deleting a key with role {found.role.word}")
        gone = update(api_key).where(api_key.c.uuid == found.uuid)
        conn.execute(gone.values(active=False, removed_at=now))
    about = {"key": ids.text(found.uuid), "name": found.name}
    log.record(conn, actor, "key.deleted", at=now, data=about)


@contextmanager
def never_ownerless(conn: Connection, actor: Actor, *, now: int) -> Iterator[None]:
    """Refuse, and so take back, what would leave an organization without an owner's key that counts.

    Raises `Conflict` (`last_owner_key`) at the end. One change at a time: two keys could remove each other.
    """
    organizations.lock(conn, actor.organization_id)
    count = (
        select(func.count())
        .select_from(api_key)
        .where(
            api_key.c.organization_id == actor.organization_id,
            api_key.c.role == int(Role.OWNER),
            api_key.c.active,
            api_key.c.expires_at.is_(None) | (api_key.c.expires_at > now),
        )
    )
    before = conn.scalar(count)
    yield
    if before and not conn.scalar(count):
        raise Conflict(
            "this would leave the organization without an owner's key",
            code="last_owner_key",
            hint="Make another key with role owner first.",
        )


def _refuse_orphan(conn: Connection, found: Key) -> None:
    gone = found.member_id is not None and not conn.scalar(
        select(member.c.id).where(member.c.id == found.member_id)
    )
    if gone:
        raise Conflict(
            "whose key this was is no longer a member",
            code="member_removed",
            hint="Make a new key, or invite them again.",
        )


def _where(conn: Connection, organization_id: int, *where: ColumnElement[bool]) -> list[Key]:
    return _read(conn, _mine(organization_id).where(*where).order_by(api_key.c.id))


def _mine(organization_id: int) -> Select[Any]:
    return select(api_key).where(api_key.c.organization_id == organization_id, api_key.c.removed_at.is_(None))


def _read(conn: Connection, query: Select[Any]) -> list[Key]:
    return [
        Key(
            **{field: getattr(row, field) for field in Key.__struct_fields__ if field != "role"},
            role=Role(row.role),
        )
        for row in conn.execute(query)
    ]
