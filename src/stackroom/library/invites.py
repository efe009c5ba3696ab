"""Invites: how people come to an organization. No mail is sent; who invites hands the token over."""

import hashlib
import secrets
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.clock import DAY
from stackroom.database.schema import api_key, invite, member
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import members, organizations
from stackroom.library.members import Member
from stackroom.library.organizations import NewKey

COUNTS_FOR = 7 * DAY
TOKEN_PREFIX = "inv_"  # noqa: S105 - what every token starts with, not a token
_ASK_AGAIN = "Ask whoever invited you for another."

Status = Literal["pending", "accepted", "expired", "revoked"]


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """`invited_by` is the address of the member whose key it was, or the name of a key that is nobody's."""

    uuid: bytes
    email: str
    role: Role
    status: Status
    invited_by: str | None
    expires_at: int
    created_at: int


class NewInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite just made. `token` is what it is redeemed with, here and never again."""

    invite: Invite
    token: str


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who has come, and their key."""

    member: Member
    key: NewKey


def list_invites(conn: Connection, actor: Actor, *, status: Status | None = None, now: int) -> list[Invite]:
    """The organization's invites, oldest first; only those of one status, if given."""
    found = _where(conn, invite.c.organization_id == actor.organization_id, now=now)
    return [each for each in found if status in {None, each.status}]


def create(conn: Connection, actor: Actor, email: str, *, role: Role, now: int) -> NewInvite:
    """Invite somebody, for seven days.

    Raises `Forbidden` for a role above the actor's own, `Invalid` for what is no address and for an owner, who can
    only be promoted, and `Conflict` for a member and for somebody who has an invite that counts.
    """
    require(actor, Role.ADMIN, "inviting somebody")
    require(actor, role, f"inviting with role {role.word}")
    if role is Role.OWNER:
        raise Invalid("role: an owner cannot be invited", hint="Invite an admin, and promote them.")
    email = members.clean_email(email)
    organizations.lock(conn, actor.organization_id)
    if members.by_email(conn, actor, email) is not None:
        raise Conflict(f"{email} is a member already", hint="Change their role instead.")
    of_theirs = (invite.c.organization_id == actor.organization_id) & (invite.c.email == email)
    if any(each.status == "pending" for each in _where(conn, of_theirs, now=now)):
        raise Conflict(f"{email} is invited already", hint="Revoke that invite to make another.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    made = Invite(
        uuid=ids.new(),
        email=email,
        role=role,
        status="pending",
        invited_by=_name_of(conn, actor),
        expires_at=now + COUNTS_FOR,
        created_at=now,
    )
    row = {**msgspec.structs.asdict(made), "role": int(role)}
    conn.execute(insert(invite).values(**row, organization_id=actor.organization_id, token_hash=_hash(token)))
    _record(conn, actor, "invite.created", made, now)
    return NewInvite(invite=made, token=token)


def revoke(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Take an invite back. Raises `NotFound`, and `Invalid` (`invite_not_pending`) for one that is over already."""
    require(actor, Role.ADMIN, "revoking an invite")
    raw = ids.parse(reference)
    mine = (invite.c.organization_id == actor.organization_id) & (invite.c.uuid == (raw or b""))
    organizations.lock(conn, actor.organization_id)
    found = _where(conn, mine, now=now)
    if not found:
        raise NotFound(f"invite {reference!r} not found", hint="List the invites to see their ids.")
    if found[0].status != "pending":
        raise Invalid(f"this invite is {found[0].status}, not pending", code="invite_not_pending")
    conn.execute(update(invite).where(invite.c.uuid == found[0].uuid).values(status="revoked"))
    _record(conn, actor, "invite.revoked", found[0], now)


def join(conn: Connection, token: str, *, full_name: str | None = None, now: int) -> Joined:
    """Redeem an invite: make the member, and a key that belongs to them.

    An answer that was lost is no loss: until that key has been used, the token gives a fresh one in its place.

    Raises `NotFound` for an unknown token, and `Conflict` for one that does not count any longer (`invite_expired`,
    `invite_revoked`, `invite_accepted`) and for who has become a member in another way.
    """
    query = select(invite).where(invite.c.token_hash == _hash(token))
    row = conn.execute(query).first()
    if row is None:
        raise NotFound("there is no such invite", hint="Check that the token was copied whole.")
    organizations.lock(conn, row.organization_id)
    row = conn.execute(query).one()  # as it is now that nobody else can change it
    owner = organizations.by_id(conn, row.organization_id)
    actor = organizations.system_actor(owner)
    found = _from_row(row, now)
    if found.status == "accepted":
        person = _take_back_unused(conn, actor, found, now)
    elif found.status == "pending":
        person = members.add(conn, actor, found.email, role=found.role, full_name=full_name, now=now)
        conn.execute(update(invite).where(invite.c.id == row.id).values(status="accepted"))
    elif found.status == "expired":
        raise Conflict("this invite has expired", code="invite_expired", hint=_ASK_AGAIN)
    else:
        raise Conflict("this invite was taken back", code="invite_revoked", hint=_ASK_AGAIN)
    key = organizations.create_key(
        conn, owner, role=person.role, name=person.email[:100], member_id=person.id, now=now
    )
    return Joined(member=person, key=key)


def _take_back_unused(conn: Connection, actor: Actor, accepted: Invite, now: int) -> Member:
    """Whoever accepted, without the key they got, which nobody has used. Raises `Conflict` (`invite_accepted`)."""
    person = members.by_email(conn, actor, accepted.email)
    mine = api_key.c.organization_id == actor.organization_id
    theirs = mine & (api_key.c.member_id == (person.id if person else 0)) & api_key.c.removed_at.is_(None)
    keys = conn.execute(select(api_key).where(theirs)).all()
    unused = [key for key in keys if key.last_used_at is None and key.active]
    if person is None or accepted.expires_at <= now or not len(keys) == len(unused) == 1:
        raise Conflict(
            "this invite was accepted",
            code="invite_accepted",
            hint="Use the key that you were given; if it is lost, ask an admin for another.",
        )
    gone = update(api_key).where(api_key.c.id == unused[0].id)
    conn.execute(gone.values(active=False, removed_at=now))
    about = {"key": ids.text(unused[0].uuid), "name": unused[0].name}
    log.record(conn, actor, "key.deleted", at=now, data=about)
    return person


def _name_of(conn: Connection, actor: Actor) -> str | None:
    query = (
        select(api_key.c.name, member.c.email)
        .outerjoin_from(api_key, member, member.c.id == api_key.c.member_id)
        .where(api_key.c.id == actor.key_id)
    )
    row = conn.execute(query).first()
    return None if row is None else row.email or row.name


def _record(conn: Connection, actor: Actor, kind: str, about: Invite, at: int) -> None:
    data = {"invite": ids.text(about.uuid), "email": about.email, "role": about.role.word}
    log.record(conn, actor, kind, at=at, data=data)


def _where(conn: Connection, where: ColumnElement[bool], *, now: int) -> list[Invite]:
    query = select(invite).where(where).order_by(invite.c.id)
    return [_from_row(row, now) for row in conn.execute(query)]


def _from_row(row: Row[Any], now: int) -> Invite:
    over = row.status == "pending" and row.expires_at <= now
    return Invite(
        uuid=row.uuid,
        email=row.email,
        role=Role(row.role),
        status="expired" if over else row.status,
        invited_by=row.invited_by,
        expires_at=row.expires_at,
        created_at=row.created_at,
    )


def _hash(token: str) -> bytes:
    """What the database keeps. The token is 256 random bits, so one fast hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).digest()
