"""The record of what happened: append only, written in the transaction of the change itself.

It is the audit log of every face, and what webhooks deliver. A bulk operation writes one event; its items stand
in the operation's journal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from stackroom import ids
from stackroom.access import Actor
from stackroom.database import flavour
from stackroom.database.columns import columns
from stackroom.database.flavour import statement
from stackroom.database.schema import event


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
    row = _common(actor, kind, at, dataset_id)
    about = {
        "uuid": ids.new(),
        "asset_uuid": asset_uuid,
        "operation_id": operation_id,
        "batch_id": batch_id,
        "data": _json(data or {}),
    }
    conn.execute(insert(event), {**row, **about})


def record_each(
    conn: Connection,
    actor: Actor,
    kind: str,
    about: Sequence[tuple[bytes, Mapping[str, Any]]],
    *,
    at: int,
    dataset_id: int | None = None,
) -> None:
    """Append an event of one kind for each (asset, data), in one statement."""
    row = _common(actor, kind, at, dataset_id)
    conn.execute(
        insert(event),
        [
            {**row, "uuid": ids.new(), "asset_uuid": asset_uuid, "data": _json(data)}
            for asset_uuid, data in about
        ],
    )


def record_all(conn: Connection, actor: Actor, happened: Sequence[Happening], *, at: int) -> None:
    """Append events of any kinds, about assets of any datasets, in one statement; of nothing, in none."""
    if not happened:
        return
    how = flavour.of(conn)
    said = flavour.rows(how, "rows", n=int, type=str, dataset_id=int, asset=int, batch_id=int, data=str)
    uuid = how.slice.format(name="uuids", n="r.n")
    asset_uuid = how.slice.format(name="assets", n="r.asset")
    common = _common(actor, "", at, None)
    rows = []
    assets: list[bytes] = []
    for n, each in enumerate(happened):
        place = None
        if each.asset_uuid is not None:
            place = len(assets)
            assets.append(each.asset_uuid)
        rows.append((n, each.kind, each.dataset_id, place, each.batch_id, _json(each.data)))
    conn.execute(
        statement(f"""INSERT INTO event (uuid, type, dataset_id, asset_uuid, batch_id, data,
                organization_id, at, key_id, ip, user_agent, request_id)
            SELECT {uuid}, r.type, r.dataset_id, {asset_uuid}, r.batch_id, r.data,
                CAST(:organization_id AS bigint), CAST(:at AS bigint), CAST(:key_id AS bigint),
                CAST(:ip AS text), CAST(:user_agent AS text), CAST(:request_id AS text)
            FROM {said} r"""),
        {
            **{name: value for name, value in common.items() if name not in {"type", "dataset_id"}},
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
    common = _common(actor, "", at, None)
    conn.execute(
        statement(f"""{how.insert} INTO event (uuid, type, dataset_id, asset_uuid, data, batch_id,
                organization_id, at, key_id, ip, user_agent, request_id)
            SELECT r.uuid, r.type, r.dataset_id, r.asset_uuid, r.data, CAST(:batch_id AS bigint),
                CAST(:organization_id AS bigint), CAST(:at AS bigint), CAST(:key_id AS bigint),
                CAST(:ip AS text), CAST(:user_agent AS text), CAST(:request_id AS text)
            FROM {said} r"""),
        {
            **{name: value for name, value in common.items() if name not in {"type", "dataset_id"}},
            **parameters,
            "batch_id": batch_id,
        },
    )


def _common(actor: Actor, kind: str, at: int, dataset_id: int | None) -> dict[str, Any]:
    return {
        "organization_id": actor.organization_id,
        "type": kind,
        "at": at,
        "dataset_id": dataset_id,
        "key_id": actor.key_id,
        "ip": actor.ip,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
    }


def _json(data: Mapping[str, Any]) -> str:
    return msgspec.json.encode(data).decode()
