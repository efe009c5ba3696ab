"""The people of an organization: who they are, how far they reach, and how they leave. How they come is `invites`."""

import unicodedata
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import api_key, member
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library.keys import never_ownerless

MAX_EMAIL = 254
MAX_NAME = 200


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One person in one organization. Somebody who is in two of them is a member twice."""

    id: int
    uuid: bytes
    email: str
    full_name: str | None
    role: Role
    joined_at: int


def list_members(conn: Connection, actor: Actor) -> list[Member]:
    """Everybody, in the order in which they came."""
    query = select(member).where(member.c.organization_id == actor.organization_id).order_by(member.c.id)
    return [_from_row(row) for row in conn.execute(query)]


def find(conn: Connection, actor: Actor, reference: str) -> Member:
    """By id. Raises `NotFound`, for another organization's member as for none."""
    raw = ids.parse(reference)
    found = None if raw is None else _where(conn, actor, member.c.uuid == raw)
    if found is None:
        raise NotFound(f"member {reference!r} not found", hint="List the members to see their ids.")
    return found


def by_email(conn: Connection, actor: Actor, email: str) -> Member | None:
    return _where(conn, actor, member.c.email == clean_email(email))


def add(
    conn: Connection, actor: Actor, email: str, *, role: Role, full_name: str | None = None, now: int
) -> Member:
    """Make somebody a member, without a key yet.

    Raises `Forbidden` for a role above the actor's, `Invalid` for what is no address, `Conflict` for a member.
    """
    require(actor, Role.ADMIN, "adding a member")
    require(actor, role, f"adding a member with role {role.word}")
    email, full_name = clean_email(email), clean_full_name(full_name)
    if by_email(conn, actor, email) is not None:
        raise Conflict(f"{email} is a member already", hint="Change their role instead.")
    uuid = ids.new()
    row = {
        "uuid": uuid,
        "organization_id": actor.organization_id,
        "email": email,
        "full_name": full_name,
        "role": int(role),
        "joined_at": now,
    }
    conn.execute(insert(member).values(row))
    made = find(conn, actor, ids.text(uuid))
    _record(conn, actor, "member.joined", made, now)
    return made


def change_role(conn: Connection, actor: Actor, reference: str, role: Role, *, now: int) -> Member:
    """Let a member reach further, or less far. Keys that reach further than their member are lowered with them;
    keys of a member who rises stay as they are.

    Raises `Forbidden` for a member or a role above the actor's own, `Invalid` (`last_owner`) and `Conflict`
    (`last_owner_key`) for who must stay an owner. Repeating it changes nothing.
    """
    require(actor, Role.ADMIN, "changing a member's role")
    require(actor, role, f"making somebody {role.word}")
    with never_ownerless(conn, actor, now=now):
        found = find(conn, actor, reference)
        if found.role == role:
            return found
        _may_touch(conn, actor, found)
        conn.execute(update(member).where(member.c.id == found.id).values(role=int(role)))
        theirs = (api_key.c.member_id == found.id) & (api_key.c.organization_id == actor.organization_id)
        above = update(api_key).where(theirs, api_key.c.role > int(role))
        lowered = conn.execute(above.values(role=int(role))).rowcount
    changed = msgspec.structs.replace(found, role=role)
    _record(conn, actor, "member.updated", changed, now, keys_lowered=lowered)
    return changed


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Let a member go. The keys that belong to them count no longer, from the next request on.

    Raises `NotFound`, also the second time, and what `change_role` raises.
    """
    require(actor, Role.ADMIN, "removing a member")
    with never_ownerless(conn, actor, now=now):
        found = find(conn, actor, reference)
        _may_touch(conn, actor, found)
        theirs = (api_key.c.member_id == found.id) & (api_key.c.organization_id == actor.organization_id)
        revoked = conn.execute(update(api_key).where(theirs, api_key.c.active).values(active=False)).rowcount
        conn.execute(delete(member).where(member.c.id == found.id))
    _record(conn, actor, "member.removed", found, now, keys_revoked=revoked)


def clean_email(given: str) -> str:
    """An address as it is kept and compared. Raises `Invalid` for what cannot be one."""
    email = unicodedata.normalize("NFC", given).strip().lower()
    local, _, domain = email.rpartition("@")
    odd = any(character.isspace() or not character.isprintable() for character in email)
    if not local or not domain or odd or "@" in local or len(email) > MAX_EMAIL:
        raise Invalid(f"email: {given[:100]!r} is not an address", hint="Give one like ada@example.org.")
    return email


def clean_full_name(given: str | None) -> str | None:
    """Raises `Invalid` for what nobody is called."""
    name = unicodedata.normalize("NFC", given or "").strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"full_name: at most {MAX_NAME} printable characters")
    return name or None


def _may_touch(conn: Connection, actor: Actor, found: Member) -> None:
    """Refuse who is above the actor, and the only owner, who would be none afterwards."""
    require(actor, found.role, f"changing a member with role {found.role.word}")
    if found.role is not Role.OWNER:
        return
    owners = (member.c.organization_id == actor.organization_id) & (member.c.role == int(Role.OWNER))
    if conn.scalar(select(func.count()).select_from(member).where(owners)) == 1:
        raise Invalid(
            f"{found.email} is the last owner",
            code="last_owner",
            hint="Make somebody else an owner first.",
        )


def _record(conn: Connection, actor: Actor, kind: str, about: Member, at: int, **more: Any) -> None:
    data = {"member": ids.text(about.uuid), "email": about.email, "role": about.role.word, **more}
    log.record(conn, actor, kind, at=at, data=data)


def _where(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> Member | None:
    mine = member.c.organization_id == actor.organization_id
    row = conn.execute(select(member).where(mine, where)).first()
    return None if row is None else _from_row(row)


def _from_row(row: Row[Any]) -> Member:
    return Member(
        id=row.id,
        uuid=row.uuid,
        email=row.email,
        full_name=row.full_name,
        role=Role(row.role),
        joined_at=row.joined_at,
    )
