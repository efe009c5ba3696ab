"""The record of what happened: append only, written in the transaction of the change itself.

It is the audit log of every face, and what webhooks deliver: an event is `untold` from the start where its
organization has somebody to tell, which each statement sees for itself. A bulk operation writes one event; its items
stand in the operation's journal, and are events of their own where somebody has asked for that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from stackroom import ids
from stackroom.access import Actor
from stackroom.database import flavour
from stackroom.database.columns import columns
from stackroom.database.flavour import statement

OF_THE_REQUEST = "organization_id, at, key_id, ip, user_agent, request_id, method, path"
"""The columns that say when it happened, and by whose request."""
BOUND = """CAST(:organization_id AS bigint), CAST(:at AS bigint), CAST(:key_id AS bigint), CAST(:ip AS text),
    CAST(:user_agent AS text), CAST(:request_id AS text), CAST(:method AS text), CAST(:path AS text)"""
"""What they are set to, of `request_values`."""
UNTOLD = """EXISTS (SELECT 1 FROM webhook_endpoint hook
    WHERE hook.organization_id = CAST(:organization_id AS bigint) AND hook.enabled)"""
"""Whether anybody wants to be told of what happens in this organization."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one asset, or to something else of a dataset, where much happens at once."""

    kind: str
    dataset_id: int | None
    asset_uuid: bytes | None = None
    batch_id: int | None = None
    data: Mapping[str, Any]


def record(
    conn: Connection,
    actor: Actor,
    kind: str,
    *,
    at: int,
    dataset_id: int | None = None,
    asset_uuid: bytes | None = None,
    operation_id: int | None = None,
    batch_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append one event. `kind` is `noun.verb`, such as `asset.created` or `operation.move`."""
    conn.execute(
        statement(f"""INSERT INTO event (uuid, type, dataset_id, asset_uuid, operation_id, batch_id, data,
                {OF_THE_REQUEST}, untold)
            VALUES (:uuid, :type, :dataset_id, :asset_uuid, :operation_id, :batch_id, :data, {BOUND}, {UNTOLD})"""),
        {
            **request_values(actor, at),
            "uuid": ids.new(),
            "type": kind,
            "dataset_id": dataset_id,
            "asset_uuid": asset_uuid,
            "operation_id": operation_id,
            "batch_id": batch_id,
            "data": _json(data or {}),
        },
    )


def record_each(
    conn: Connection,
    actor: Actor,
    kind: str,
    about: Sequence[tuple[bytes, Mapping[str, Any]]],
    *,
    at: int,
    dataset_id: int | None = None,
) -> None:
    """Append an event of one kind for each (asset, data), in one statement; of nothing, in none."""
    happened = [
        Happening(kind=kind, dataset_id=dataset_id, asset_uuid=asset_uuid, data=data)
        for asset_uuid, data in about
    ]
    record_all(conn, actor, happened, at=at)


def record_all(conn: Connection, actor: Actor, happened: Sequence[Happening], *, at: int) -> None:
    """Append events of any kinds, about assets of any datasets, in one statement; of nothing, in none."""
    if not happened:
        return
    how = flavour.of(conn)
    said = flavour.rows(how, "rows", n=int, type=str, dataset_id=int, asset=int, batch_id=int, data=str)
    uuid = how.slice.format(name="uuids", n="r.n")
    asset_uuid = how.slice.format(name="assets", n="r.asset")
    rows = []
    assets: list[bytes] = []
    for n, each in enumerate(happened):
        place = None
        if each.asset_uuid is not None:
            place = len(assets)
            assets.append(each.asset_uuid)
        rows.append((n, each.kind, each.dataset_id, place, each.batch_id, _json(each.data)))
    conn.execute(
        statement(f"""INSERT INTO event (uuid, type, dataset_id, asset_uuid, batch_id, data, {OF_THE_REQUEST}, untold)
            SELECT {uuid}, r.type, r.dataset_id, {asset_uuid}, r.batch_id, r.data, {BOUND}, {UNTOLD}
            FROM {said} r"""),
        {
            **request_values(actor, at),
            "rows": msgspec.json.encode(rows).decode(),
            "uuids": ids.new_block(len(happened)),
            "assets": b"".join(assets),
        },
    )


def record_assets(
    conn: Connection,
    actor: Actor,
    *,
    kinds: Sequence[str],
    dataset_ids: Sequence[int],
    asset_uuids: bytes,
    data: Sequence[str],
    batch_id: int | None,
    at: int,
) -> None:
    """Append an event for each of these assets, whose ids are laid end to end, and whose `data` is JSON already:
    `record_all`, for who has very many, in columns. There must be one at least."""
    how = flavour.of(conn)
    count = len(kinds)
    said, parameters = columns(
        how,
        "rows",
        count,
        numbers={"dataset_id": dataset_ids},
        texts={"type": kinds, "data": data},
        uuids={"uuid": ids.new_block(count), "asset_uuid": asset_uuids},
    )
    conn.execute(
        statement(f"""{how.insert} INTO event (uuid, type, dataset_id, asset_uuid, data, batch_id,
                {OF_THE_REQUEST}, untold)
            SELECT r.uuid, r.type, r.dataset_id, r.asset_uuid, r.data, CAST(:batch_id AS bigint), {BOUND}, {UNTOLD}
            FROM {said} r"""),
        {**request_values(actor, at), **parameters, "batch_id": batch_id},
    )


def request_values(actor: Actor, at: int) -> dict[str, Any]:
    """The values of `BOUND`."""
    return {
        "organization_id": actor.organization_id,
        "at": at,
        "key_id": actor.key_id,
        "ip": actor.ip,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
        "method": actor.method,
        "path": actor.path,
    }


def _json(data: Mapping[str, Any]) -> str:
    return msgspec.json.encode(data).decode()
