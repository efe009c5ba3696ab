"""Presets: transformations of images that an organization has given a name."""

import re
from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, delete, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import preset
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.media.transformations import checked_preset

MAX_NAME: Final = 100
MAX_DESCRIPTION: Final = 500
_NAME = re.compile(rf"[A-Za-z_-][A-Za-z0-9_-]{{0,{MAX_NAME - 1}}}", re.ASCII)


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    uuid: bytes
    name: str
    operations: str
    description: str | None
    created_at: int
    updated_at: int


class PresetChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a preset. UNSET leaves alone; a description that is None is taken away."""

    operations: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


def create(
    conn: Connection, actor: Actor, name: str, operations: str, description: str | None, *, now: int
) -> Preset:
    """Raises `Invalid` for a name or operations that no preset can have, `Conflict` for a name that is taken."""
    require(actor, Role.MEMBER, "making a preset")
    row = {
        "uuid": ids.new(),
        "name": _checked_name(name),
        "operations": checked_preset(operations),
        "description": _checked_description(description),
        "created_at": now,
        "updated_at": now,
    }
    if _row(conn, actor, name) is not None:
        raise _taken(name)
    conn.execute(insert(preset), {**row, "organization_id": actor.organization_id})
    log.record(conn, actor, "preset.created", at=now, data={"preset": name})
    return find(conn, actor, name)


def find(conn: Connection, actor: Actor, name: str) -> Preset:
    """By name. Raises `NotFound`."""
    row = _row(conn, actor, name)
    if row is None:
        raise not_found(name)
    return _from_row(row)


def list_presets(conn: Connection, actor: Actor) -> list[Preset]:
    """All of them, by name."""
    mine = preset.c.organization_id == actor.organization_id
    return [_from_row(row) for row in conn.execute(select(preset).where(mine).order_by(preset.c.name))]


def operations_of(conn: Connection, actor: Actor, names: Collection[str]) -> dict[str, str]:
    """What these presets do, in one statement. Raises `NotFound` for the first that there is not."""
    mine = preset.c.organization_id == actor.organization_id
    known = select(preset.c.name, preset.c.operations).where(mine, preset.c.name.in_(names))
    found = {row.name: row.operations for row in conn.execute(known)} if names else {}
    for name in names:
        if name not in found:
            raise not_found(name)
    return found


def change(conn: Connection, actor: Actor, name: str, wanted: PresetChanges, *, now: int) -> Preset:
    """Raises `NotFound`, and `Invalid` for operations that no preset can have. Repeating it changes nothing more."""
    require(actor, Role.MEMBER, "changing a preset")
    values: dict[str, str | None] = {}
    if wanted.operations is not UNSET:
        values["operations"] = checked_preset(wanted.operations)
    if wanted.description is not UNSET:
        values["description"] = _checked_description(wanted.description)
    found = find(conn, actor, name)
    if not values:
        return found
    conn.execute(update(preset).where(preset.c.uuid == found.uuid).values(**values, updated_at=now))
    log.record(conn, actor, "preset.updated", at=now, data={"preset": name, "fields": sorted(values)})
    return find(conn, actor, name)


def remove(conn: Connection, actor: Actor, name: str, *, now: int) -> None:
    """Addresses that name it find nothing from now on. Raises `NotFound`, also the second time."""
    require(actor, Role.MEMBER, "deleting a preset")
    found = find(conn, actor, name)
    if not conn.execute(delete(preset).where(preset.c.uuid == found.uuid)).rowcount:  # by another, meanwhile
        raise not_found(name)
    log.record(conn, actor, "preset.deleted", at=now, data={"preset": name})


def not_found(name: str) -> NotFound:
    return NotFound(f"Preset {name[:MAX_NAME]!r} not found", hint="List the presets to see their names")


def _row(conn: Connection, actor: Actor, name: str) -> Row[tuple[object, ...]] | None:
    mine = (preset.c.organization_id == actor.organization_id) & (preset.c.name == name)
    return conn.execute(select(preset).where(mine)).first()


def _from_row(row: Row[tuple[object, ...]]) -> Preset:
    return Preset(**{field: getattr(row, field) for field in Preset.__struct_fields__})


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or not name.strip(
        "-"
    ):  # a lone hyphen stands between the words of an address
        raise Invalid(
            f"name: 1 to {MAX_NAME} letters, digits, '-' and '_', and no digit first", code="invalid_name"
        )
    return name


def _checked_description(description: str | None) -> str | None:
    if description is not None and len(description) > MAX_DESCRIPTION:
        raise Invalid(f"description: at most {MAX_DESCRIPTION} characters")
    return description


def _taken(name: str) -> Conflict:
    return Conflict(f"a preset named {name!r} already exists", hint="Choose another name, or change that one")
