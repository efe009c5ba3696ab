"""What the owner of the data directory does by hand, without a key of their own, in any organization."""

from sqlalchemy import Connection, select

from stackroom import clock, ids
from stackroom.access import Role
from stackroom.database.schema import api_key
from stackroom.errors import Invalid, NotFound
from stackroom.library import keys, members, organizations
from stackroom.library.keys import Key, KeyChanges
from stackroom.library.organizations import NewKey, Organization, Standing, system_actor


def found(
    conn: Connection,
    name: str,
    *,
    email: str | None = None,
    full_name: str | None = None,
    administrator: bool = False,
    legacy: bool = False,
    now: int,
) -> Organization:
    """Make an organization; with `email` also its first member, an owner. Raises `Conflict` and `Invalid`."""
    made = organizations.create_organization(conn, name, administrator=administrator, legacy=legacy, now=now)
    if email is not None:
        members.add(conn, system_actor(made), email, role=Role.OWNER, full_name=full_name, now=now)
    return made


def set_standing(conn: Connection, organization: str, wanted: Standing, *, now: int) -> Organization:
    """`organizations.set_standing` for any organization. Raises `NotFound` and `Invalid`."""
    owner = organizations.find_organization(conn, organization)
    return organizations.set_standing(conn, owner, wanted, now=now)


def issue_key(
    conn: Connection,
    organization: str,
    *,
    role: Role,
    name: str = "key",
    expires_in_days: float | None = None,
    rate_limit: int | None = None,
    email: str | None = None,
    now: int,
) -> NewKey:
    """Make a key of an organization; with `email` one that belongs to that member. Called twice, it makes two.

    Raises `NotFound` for an unknown organization or member, `Invalid` for a role above the member's.
    """
    owner = organizations.find_organization(conn, organization)
    return organizations.create_key(
        conn,
        owner,
        role=role,
        name=name,
        expires_at=None if expires_in_days is None else now + int(expires_in_days * clock.DAY),
        rate_limit=rate_limit,
        member_id=None if email is None else _member_id(conn, owner, email, role),
        now=now,
    )


def change_key(conn: Connection, reference: str, wanted: KeyChanges, *, now: int) -> Key:
    """`keys.change` for a key of any organization."""
    return keys.change(conn, system_actor(_owner_of(conn, reference)), reference, wanted, now=now)


def delete_key(conn: Connection, reference: str, *, now: int) -> None:
    """`keys.delete` for a key of any organization."""
    keys.delete(conn, system_actor(_owner_of(conn, reference)), reference, now=now)


def _member_id(conn: Connection, owner: Organization, email: str, role: Role) -> int:
    organizations.lock(conn, owner.id)
    person = members.by_email(conn, system_actor(owner), email)
    if person is None:
        raise NotFound(f"{email!r} is no member of {owner.name!r}", hint="Invite them first.")
    if role > person.role:
        raise Invalid(f"role: {person.email} is {person.role.word}, and no key of theirs reaches further")
    return person.id


def _owner_of(conn: Connection, reference: str) -> Organization:
    raw = ids.parse(reference)
    row = conn.scalar(select(api_key.c.organization_id).where(api_key.c.uuid == (raw or b"")))
    if row is None:
        raise NotFound(f"no key {reference!r}", hint="Give a key's id, not the key itself.")
    return organizations.by_id(conn, row)
