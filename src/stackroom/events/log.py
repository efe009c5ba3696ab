"""The record of what happened: append only, written in the transaction of the change itself.

It is the audit log of every face, and what webhooks deliver. A bulk operation writes one event; its items stand
in the operation's journal.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import event


def record(
    conn: Connection,
    actor: Actor,
    kind: str,
    *,
    at: int,
    dataset_id: int | None = None,
    asset_uuid: bytes | None = None,
    operation_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one event. `kind` is `noun.verb`, such as `asset.created` or `operation.finished`."""
    conn.execute(
        insert(event).values(
            uuid=ids.new(),
            organization_id=actor.organization_id,
            type=kind,
            at=at,
            dataset_id=dataset_id,
            asset_uuid=asset_uuid,
            operation_id=operation_id,
            key_id=actor.key_id,
            ip=actor.ip,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
            data=msgspec.json.encode(data or {}).decode(),
        )
    )
