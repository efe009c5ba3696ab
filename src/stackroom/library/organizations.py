"""Organizations own everything; keys act for them."""

import re
import unicodedata
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from stackroom import clock, ids
from stackroom.access import Actor, Role, new_token, prefix_of, require, token_hash, unauthenticated
from stackroom.database.schema import api_key, invite, member, organization
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import changes, defaults

SEEN_EVERY = 60 * clock.SECOND
MAX_DESCRIPTION = 10_000
MAX_RATE_LIMIT = 1_000_000
"""Requests an hour: what a key may be limited to at most."""


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    number: int
    name: str
    slug: str
    created_at: int
    display_name: str | None = None
    administrator: bool = False
    """Whether its keys may act for every organization, where a protocol has such keys."""
    legacy: bool = False
    """Whether its clients may leave out what older servers guessed."""
    status: str = "active"

    @property
    def suspended(self) -> bool:
        """Whether its keys count for nothing, until it is taken back."""
        return self.status != "active"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An organization as its people see it. `invited` are those who have not answered, and still can."""

    organization: Organization
    description: str | None
    public: bool
    updated_at: int
    members: int
    invited: int


class OrganizationChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an organization. UNSET leaves alone; None clears."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    public: bool | UnsetType = UNSET
    display_name: str | UnsetType | None = UNSET


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What only who owns the data directory changes of an organization. UNSET leaves alone."""

    administrator: bool | UnsetType = UNSET
    legacy: bool | UnsetType = UNSET
    suspended: bool | UnsetType = UNSET


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. `token` is the secret, here and never again."""

    token: str
    uuid: bytes
    name: str
    role: Role
    organization: Organization
    rate_limit: int | None
    expires_at: int | None
    created_at: int
    description: str | None = None

    @property
    def prefix(self) -> str:
        return prefix_of(self.token)


class Authenticated(msgspec.Struct, frozen=True, kw_only=True):
    """A key that counts. `seen` is False when its last use should be noted again."""

    organization: Organization
    key_id: int
    key_uuid: bytes
    key_name: str
    role: Role
    rate_limit: int | None
    seen: bool = True


def create_organization(
    conn: Connection,
    name: str,
    *,
    display_name: str | None = None,
    administrator: bool = False,
    legacy: bool = False,
    actor: Actor | None = None,
    now: int,
) -> Organization:
    """Make an organization. Raises `Conflict` if there is one of that name, or one that reads the same in a URL.

    Without `actor`, who owns the data directory is recorded as its maker.
    """
    name = _clean_name(name)
    slug = _slug(name)
    _refuse_taken(conn, (organization.c.slug == slug) | (organization.c.name == name), name)
    number = 1 + (conn.scalar(select(func.max(organization.c.number))) or 0)
    row = {
        "uuid": ids.new(),
        "number": number,
        "name": name,
        "slug": slug,
        "display_name": None if display_name is None else clean_display_name(display_name),
        "administrator": administrator,
        "legacy": legacy,
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(organization).values(row))
    made = _organization(conn, organization.c.number == number)
    defaults.begin_with(conn, made.id, now=now)
    whose = {"organization_id": made.id, "organization_uuid": made.uuid}
    maker = system_actor(made) if actor is None else msgspec.structs.replace(actor, **whose)
    log.record(conn, maker, "organization.created", at=now, data={"name": name})
    return made


def profile(conn: Connection, actor: Actor, *, now: int) -> Profile:
    """The actor's organization, and how many belong to it."""
    of_people = select(func.count()).select_from(member).where(member.c.organization_id == organization.c.id)
    open_invites = (
        select(func.count())
        .select_from(invite)
        .where(
            invite.c.organization_id == organization.c.id,
            invite.c.status == "pending",
            invite.c.expires_at > now,
        )
    )
    query = select(
        organization,
        of_people.scalar_subquery().label("members"),
        open_invites.scalar_subquery().label("invited"),
    ).where(organization.c.id == actor.organization_id)
    row = conn.execute(query).one()
    return Profile(
        organization=_from_row(row),
        description=row.description,
        public=row.public,
        updated_at=row.updated_at,
        members=row.members,
        invited=row.invited,
    )


def change(conn: Connection, actor: Actor, wanted: OrganizationChanges, *, now: int) -> Profile:
    """Rename or describe the actor's organization. Its slug stays, because scripts name it by that.

    Raises `Invalid` for nothing to change or a bad name, `Conflict` for a taken one. Repeating it changes nothing more.
    """
    require(actor, Role.ADMIN, "changing the organization")
    values = changes.some(wanted)
    if len(values.get("description") or "") > MAX_DESCRIPTION:
        raise Invalid(f"description: at most {MAX_DESCRIPTION:,} characters")
    if values.get("display_name") is not None:
        values["display_name"] = clean_display_name(values["display_name"])
    if "name" in values:
        values["name"] = name = _clean_name(values["name"])
        others = organization.c.id != actor.organization_id
        same = (organization.c.slug == _slug(name)) | (organization.c.name == name)
        _refuse_taken(conn, others & same, name)
    mine = organization.c.id == actor.organization_id
    conn.execute(update(organization).where(mine).values(**values, updated_at=now))
    log.record(conn, actor, "organization.updated", at=now, data={"fields": sorted(values)})
    return profile(conn, actor, now=now)


def set_standing(conn: Connection, owner: Organization, wanted: Standing, *, now: int) -> Organization:
    """Make an organization an administrator, its clients those of older servers, or its keys count for nothing; or no
    longer.

    Raises `Invalid` for nothing to change. This asks nobody for leave. Repeating it changes nothing more.
    """
    values = changes.some(wanted)
    if "suspended" in values:
        values["status"] = "suspended" if values.pop("suspended") else "active"
    conn.execute(update(organization).where(organization.c.id == owner.id).values(**values, updated_at=now))
    log.record(conn, system_actor(owner), "organization.updated", at=now, data={"fields": sorted(values)})
    return by_id(conn, owner.id)


def find_organization(conn: Connection, reference: str) -> Organization:
    """By id, number, slug or name, in that order of trust. Raises `NotFound`."""
    raw = ids.parse(reference)
    if raw is not None:
        return _organization(conn, organization.c.uuid == raw, reference)
    if reference.isdecimal() and len(reference) < 10:
        return _organization(conn, organization.c.number == int(reference), reference)
    return _organization(
        conn, (organization.c.slug == reference) | (organization.c.name == reference), reference
    )


def by_id(conn: Connection, organization_id: int) -> Organization:
    return _organization(conn, organization.c.id == organization_id)


def by_number(conn: Connection, number: int) -> Organization:
    """Raises `NotFound`."""
    return _organization(conn, organization.c.number == number, str(number))


def open_one(conn: Connection, uuid: bytes) -> Organization:
    """By id, while its keys count. Raises `NotFound`."""
    return _organization(conn, (organization.c.uuid == uuid) & (organization.c.status == "active"))


def lock(conn: Connection, organization_id: int) -> None:
    """Let nobody else change the people and keys of an organization until this transaction ends.

    On SQLite nobody can anyway.
    """
    conn.execute(select(organization.c.id).where(organization.c.id == organization_id).with_for_update())


def list_organizations(conn: Connection) -> list[Organization]:
    return [_from_row(row) for row in conn.execute(select(organization).order_by(organization.c.id))]


def numbers(conn: Connection) -> list[int]:
    """The numbers of all organizations, lowest first."""
    return list(conn.scalars(select(organization.c.number).order_by(organization.c.number)))


def count_organizations(conn: Connection) -> int:
    return conn.scalar(select(func.count()).select_from(organization)) or 0


def create_key(
    conn: Connection,
    owner: Organization,
    *,
    role: Role,
    name: str = "key",
    expires_at: int | None = None,
    rate_limit: int | None = None,
    member_id: int | None = None,
    description: str | None = None,
    token: str | None = None,
    actor: Actor | None = None,
    now: int,
) -> NewKey:
    """Make a key with a fresh secret, or with that of a protocol's own form. Called twice, it makes two.

    This asks nobody for leave: `keys.create` does. `rate_limit` is in requests an hour; without `actor`, who owns the
    data directory is recorded as its maker.
    """
    check_key_name(name)
    check_key_description(description)
    check_rate_limit(rate_limit)
    made = NewKey(
        token=token or new_token(),
        uuid=ids.new(),
        name=name,
        role=role,
        organization=owner,
        rate_limit=rate_limit,
        expires_at=expires_at,
        created_at=now,
        description=description,
    )
    conn.execute(
        insert(api_key).values(
            uuid=made.uuid,
            organization_id=owner.id,
            name=name,
            token_hash=token_hash(made.token),
            prefix=made.prefix,
            role=int(role),
            active=True,
            expires_at=expires_at,
            rate_limit=rate_limit,
            member_id=member_id,
            description=description,
            created_at=now,
        )
    )
    about = {"key": ids.text(made.uuid), "name": name, "role": role.word}
    log.record(conn, actor or system_actor(owner), "key.created", at=now, data=about)
    return made


def check_key_name(name: str) -> None:
    """Raise `Invalid` unless a key can have this name."""
    if not 1 <= len(name) <= 100 or not name.strip() or any(unicodedata.category(c) == "Cc" for c in name):
        raise Invalid("name: a key's name has 1 to 100 characters", hint="Name it after who or what uses it.")


def check_key_description(description: str | None) -> None:
    """Raise `Invalid` unless a key can be described so."""
    if description is not None and len(description) > MAX_DESCRIPTION:
        raise Invalid(f"description: at most {MAX_DESCRIPTION:,} characters")


def check_rate_limit(limit: int | None) -> None:
    """Raise `Invalid` unless a key can be limited to so many requests an hour."""
    if limit is not None and not 1 <= limit <= MAX_RATE_LIMIT:
        raise Invalid(f"rate_limit: from 1 to {MAX_RATE_LIMIT:,} requests an hour, or null for no limit")


def revoke_key(conn: Connection, key_uuid: bytes, *, now: int) -> None:
    """Make a key count no longer, from the next request on. Raises `NotFound`; repeating changes nothing.

    This is the emergency brake of who owns the data directory, and takes any key, the last owner's too.
    """
    query = select(organization, api_key.c.active).join_from(api_key, organization)
    row = conn.execute(query.where(api_key.c.uuid == key_uuid)).first()
    if row is None:
        raise NotFound(f"no key {ids.text(key_uuid)}")
    if row.active:
        conn.execute(update(api_key).where(api_key.c.uuid == key_uuid).values(active=False))
        about = {"key": ids.text(key_uuid)}
        log.record(conn, system_actor(_from_row(row)), "key.revoked", at=now, data=about)


_BY_TOKEN = (
    select(
        api_key.c.id,
        api_key.c.uuid.label("key_uuid"),
        api_key.c.name.label("key_name"),
        api_key.c.role,
        api_key.c.active,
        api_key.c.expires_at,
        api_key.c.last_used_at,
        api_key.c.rate_limit,
        organization.c.status,
        organization.c.id.label("organization_id"),
        organization.c.uuid,
        organization.c.number,
        organization.c.name,
        organization.c.slug,
        organization.c.created_at,
        organization.c.display_name,
        organization.c.administrator,
        organization.c.legacy,
    )
    .join_from(api_key, organization)
    .where(api_key.c.token_hash == bindparam("wanted"))
)
"""Run for every request, and built once: building it takes longer."""


class Credentials(msgspec.Struct, frozen=True):
    """What stands behind a token, whether it may be used or not. It is `valid` while it is `active`, which is about
    the key, and its organization is open."""

    holder: Authenticated
    active: bool
    valid: bool
    expires_at: int | None
    last_used_at: int | None


def by_token(conn: Connection, token: str) -> Credentials | None:
    found = conn.execute(_BY_TOKEN, {"wanted": token_hash(token)}).first()
    if found is None:
        return None
    owner = Organization(
        id=found.organization_id,
        uuid=found.uuid,
        number=found.number,
        name=found.name,
        slug=found.slug,
        created_at=found.created_at,
        display_name=found.display_name,
        administrator=found.administrator,
        legacy=found.legacy,
        status=found.status,
    )
    holder = Authenticated(
        organization=owner,
        key_id=found.id,
        key_uuid=found.key_uuid,
        key_name=found.key_name,
        role=Role(found.role),
        rate_limit=found.rate_limit,
    )
    return Credentials(
        holder, found.active, found.active and found.status == "active", found.expires_at, found.last_used_at
    )


def admit(found: Credentials | None, *, now: int) -> Authenticated:
    """Who it is. Raises `Unauthenticated` for what is unknown, revoked, expired or of a closed organization."""
    if found is None or not found.valid:
        raise unauthenticated()
    if found.expires_at is not None and found.expires_at <= now:
        raise unauthenticated("this API key has expired")
    seen = found.last_used_at is not None and now - found.last_used_at < SEEN_EVERY
    return msgspec.structs.replace(found.holder, seen=seen)


def note_use(conn: Connection, key_id: int, *, now: int) -> None:
    conn.execute(update(api_key).where(api_key.c.id == key_id).values(last_used_at=now))


def system_actor(owner: Organization) -> Actor:
    """For what the owner of the data directory does by hand: no key, every right."""
    return Actor(organization_id=owner.id, organization_uuid=owner.uuid, key_id=None, role=Role.OWNER)


def _organization(conn: Connection, where: ColumnElement[bool], reference: str = "") -> Organization:
    found = conn.execute(select(organization).where(where)).first()
    if found is None:
        raise NotFound(
            f"organization {reference!r} not found", hint="`stackroom org list` names those there are."
        )
    return _from_row(found)


def _from_row(row: Row[Any]) -> Organization:
    return Organization(**{field: getattr(row, field) for field in Organization.__struct_fields__})


def _clean_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > 200 or any(unicodedata.category(c) == "Cc" for c in name):
        raise Invalid(
            f"{name!r} is not a name for an organization", hint="Use 1 to 200 printable characters."
        )
    return name


def clean_display_name(name: str) -> str:
    """What an organization is called where people read it. Raises `Invalid`."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise Invalid("display_name: 1 to 200 printable characters")
    return name


def _refuse_taken(conn: Connection, where: ColumnElement[bool], name: str) -> None:
    if conn.scalar(select(organization.c.id).where(where)) is not None:
        raise Conflict(f"an organization named {name!r} already exists", hint="Choose another name.")


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")
    return slug or "organization-" + name.encode().hex()[:12]
