"""User metadata: a few values by key, which whoever uploads an item says of it. They are JSON, and small."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, update

from stackroom.access import Actor, Role, require
from stackroom.database.schema import asset
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.library import media
from stackroom.library.media import Media
from stackroom.media.kinds import Kind

MAX_KEYS: Final = 50
MAX_VALUE: Final = 512
"""Bytes of a value as JSON, without spaces that mean nothing."""
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_KEPT_FREE: Final = ("_plugin_", "_system_", "_internal_", "plugin_", "plugins")


def clean(given: Mapping[str, Any]) -> dict[str, Any]:
    """What may be kept. Raises `Invalid`: `invalid_metadata_key`, `invalid_metadata_value`, or
    `metadata_key_limit_exceeded`."""
    for key, value in given.items():
        _check(key, value)
    if len(given) > MAX_KEYS:
        raise Invalid(
            f"metadata: at most {MAX_KEYS} keys, and these are {len(given)}",
            code="metadata_key_limit_exceeded",
        )
    return dict(given)


def replace(
    conn: Connection,
    actor: Actor,
    uuid: bytes,
    given: Mapping[str, Any],
    kind: Kind | None = None,
    *,
    now: int,
) -> Media:
    """Give an item these values, and no others. Raises `NotFound`, and as `clean` does. Repeating it changes nothing
    more."""
    wanted = clean(given)
    return _keep(conn, actor, _held(conn, actor, uuid, kind, now), wanted, now)


def put(conn: Connection, actor: Actor, uuid: bytes, key: str, value: Any, *, now: int) -> Media:
    """Give an item this value under this key. Raises `NotFound`, and as `clean` does."""
    _check(key, value)
    found = _held(conn, actor, uuid, None, now)
    return _keep(conn, actor, found, clean({**found.metadata, key: value}), now)


def remove(conn: Connection, actor: Actor, uuid: bytes, key: str, *, now: int) -> Media:
    """Take a key from an item. Raises `NotFound`, with `metadata_key_not_found` where it is not there."""
    found = _held(conn, actor, uuid, None, now)
    value(found, key)
    return _keep(conn, actor, found, {name: it for name, it in found.metadata.items() if name != key}, now)


def value(found: Media, key: str) -> Any:
    """One value of an item. Raises `NotFound` (`metadata_key_not_found`)."""
    if key not in found.metadata:
        raise NotFound(f"Metadata key {key[:100]!r} not found", code="metadata_key_not_found")
    return found.metadata[key]


def _held(conn: Connection, actor: Actor, uuid: bytes, kind: Kind | None, now: int) -> Media:
    require(actor, Role.MEMBER, "changing metadata")
    return media.find(conn, actor, uuid, kind, now=now, lock=True)


def _keep(conn: Connection, actor: Actor, found: Media, wanted: dict[str, Any], now: int) -> Media:
    kept = msgspec.json.encode(wanted)
    if kept == msgspec.json.encode(found.metadata):  # as they are spelled: Python takes 1 and true for equal
        return found
    conn.execute(
        update(asset)
        .where(asset.c.id == found.id)
        .values(metadata=kept.decode(), updated_at=now, version=asset.c.version + 1)
    )
    log.record(
        conn,
        actor,
        "asset.updated",
        at=now,
        dataset_id=found.dataset_id,
        asset_uuid=found.uuid,
        data={"fields": ["metadata"], "filename": found.original_name, "kind": found.kind.value},
    )
    return msgspec.structs.replace(found, metadata=wanted, updated_at=now, version=found.version + 1)


def _check(key: str, value: Any) -> None:
    if not _KEY.fullmatch(key) or key.startswith(_KEPT_FREE):
        raise Invalid(
            f"metadata: {key[:100]!r} is not a key: 1 to 64 letters, digits, '_', '-', '.' or ':', beginning with none "
            f"of {', '.join(_KEPT_FREE)}",
            code="invalid_metadata_key",
        )
    size = len(msgspec.json.encode(value))
    if size > MAX_VALUE:
        raise Invalid(
            f"metadata: the value of {key!r} has {size} bytes as JSON; the limit is {MAX_VALUE}",
            code="invalid_metadata_value",
        )
