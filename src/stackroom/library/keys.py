"""The keys of an organization, to read. Making and revoking them is in `organizations`."""

import msgspec
from sqlalchemy import Connection, select

from stackroom.access import Role
from stackroom.database.schema import api_key
from stackroom.library.organizations import Organization


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its owner may see it again. `prefix` is how its secret begins."""

    uuid: bytes
    name: str
    prefix: str
    role: Role
    active: bool
    expires_at: int | None
    last_used_at: int | None
    created_at: int


def list_keys(conn: Connection, owner: Organization) -> list[Key]:
    """All keys of an organization, oldest first, also those that were revoked or have expired."""
    query = select(api_key).where(api_key.c.organization_id == owner.id).order_by(api_key.c.id)
    return [
        Key(
            uuid=row.uuid,
            name=row.name,
            prefix=row.prefix,
            role=Role(row.role),
            active=row.active,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            created_at=row.created_at,
        )
        for row in conn.execute(query)
    ]
