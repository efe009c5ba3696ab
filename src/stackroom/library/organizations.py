"""Organizations own everything; keys act for them."""

import re
import unicodedata
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from stackroom import clock, ids
from stackroom.access import PREFIX_LENGTH, Actor, Role, new_token, token_hash, unauthenticated
from stackroom.database.schema import api_key, organization
from stackroom.errors import Conflict, Invalid, NotFound

SEEN_EVERY = 60 * clock.SECOND


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: bytes
    number: int
    name: str
    slug: str
    created_at: int


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. `token` is the secret, here and never again."""

    token: str
    uuid: bytes
    name: str
    role: Role
    organization: Organization


class Authenticated(msgspec.Struct, frozen=True, kw_only=True):
    """A key that counts. `seen` is False when its last use should be noted again."""

    organization: Organization
    key_id: int
    key_uuid: bytes
    key_name: str
    role: Role
    seen: bool


def create_organization(conn: Connection, name: str, *, now: int) -> Organization:
    """Make an organization. Raises `Conflict` if there is one of that name, or one that reads the same in a URL."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > 200 or any(unicodedata.category(c) == "Cc" for c in name):
        raise Invalid(
            f"{name!r} is not a name for an organization", hint="Use 1 to 200 printable characters."
        )
    slug = _slug(name)
    taken = conn.scalar(
        select(organization.c.name).where((organization.c.slug == slug) | (organization.c.name == name))
    )
    if taken is not None:
        raise Conflict(f"an organization named {taken!r} already exists", hint="Choose another name.")
    number = 1 + (conn.scalar(select(func.max(organization.c.number))) or 0)
    row = {
        "uuid": ids.new(),
        "number": number,
        "name": name,
        "slug": slug,
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(organization).values(row))
    return _organization(conn, organization.c.number == number)


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


def list_organizations(conn: Connection) -> list[Organization]:
    return [_from_row(row) for row in conn.execute(select(organization).order_by(organization.c.id))]


def count_organizations(conn: Connection) -> int:
    return conn.scalar(select(func.count()).select_from(organization)) or 0


def create_key(
    conn: Connection,
    owner: Organization,
    *,
    role: Role,
    name: str = "key",
    expires_at: int | None = None,
    now: int,
) -> NewKey:
    """Make a key with a fresh secret. Called twice, it makes two."""
    if not 1 <= len(name) <= 100:
        raise Invalid("a key's name has 1 to 100 characters", hint="Name it after who or what uses it.")
    token, uuid = new_token(), ids.new()
    conn.execute(
        insert(api_key).values(
            uuid=uuid,
            organization_id=owner.id,
            name=name,
            token_hash=token_hash(token),
            prefix=token[:PREFIX_LENGTH],
            role=int(role),
            active=True,
            expires_at=expires_at,
            created_at=now,
        )
    )
    return NewKey(token=token, uuid=uuid, name=name, role=role, organization=owner)


def revoke_key(conn: Connection, key_uuid: bytes) -> None:
    """Make a key count no longer, from the next request on. Raises `NotFound`; repeating changes nothing."""
    changed = conn.execute(update(api_key).where(api_key.c.uuid == key_uuid).values(active=False))
    if changed.rowcount == 0:
        raise NotFound(f"no key {ids.text(key_uuid)}")


_BY_TOKEN = (
    select(
        api_key.c.id,
        api_key.c.uuid.label("key_uuid"),
        api_key.c.name.label("key_name"),
        api_key.c.role,
        api_key.c.active,
        api_key.c.expires_at,
        api_key.c.last_used_at,
        organization.c.status,
        organization.c.id.label("organization_id"),
        organization.c.uuid,
        organization.c.number,
        organization.c.name,
        organization.c.slug,
        organization.c.created_at,
    )
    .join_from(api_key, organization)
    .where(api_key.c.token_hash == bindparam("wanted"))
)
"""Run for every request, and built once: building it takes longer."""


def authenticate(conn: Connection, token: str, *, now: int) -> Authenticated:
    """Whose `token` this is. Raises `Unauthenticated` when unknown, revoked, expired or of a closed organization."""
    found = conn.execute(_BY_TOKEN, {"wanted": token_hash(token)}).first()
    if found is None or not found.active or found.status != "active":
        raise unauthenticated()
    if found.expires_at is not None and found.expires_at <= now:
        raise unauthenticated("this API key has expired")
    owner = Organization(
        id=found.organization_id,
        uuid=found.uuid,
        number=found.number,
        name=found.name,
        slug=found.slug,
        created_at=found.created_at,
    )
    seen = found.last_used_at is not None and now - found.last_used_at < SEEN_EVERY
    return Authenticated(
        organization=owner,
        key_id=found.id,
        key_uuid=found.key_uuid,
        key_name=found.key_name,
        role=Role(found.role),
        seen=seen,
    )


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


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")
    return slug or "organization-" + name.encode().hex()[:12]
