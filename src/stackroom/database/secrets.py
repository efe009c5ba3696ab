"""The library's own secrets, such as the one that signs URLs: the same for every process that opens it."""

import secrets

from sqlalchemy import Connection, insert, select

from stackroom.database.schema import secret

LENGTH = 32


def own_secret(conn: Connection, name: str) -> bytes:
    """The secret of this name: made when first asked for, and the same ever after."""
    found = conn.scalar(select(secret.c.value).where(secret.c.name == name))
    if found is None:
        found = secrets.token_bytes(LENGTH)
        conn.execute(insert(secret).values(name=name, value=found))
    return bytes(found)
