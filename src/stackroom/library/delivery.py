"""Delivery: finding what anybody may fetch without a key, by the customer, the space and the key that name it.

An asset is delivered while it is live, its dataset is live, and its bytes have arrived and are whole. A customer
is an organization's number, or its name or slug. Nothing here says why something is not delivered.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection

from stackroom import ids
from stackroom.database.flavour import statement
from stackroom.errors import NotFound
from stackroom.library import channels
from stackroom.library.channels import Channel

OPEN = -1
_NUMBERS = 2**31
_DIGITS = 18


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """An asset as it is handed out. `key` is what it is called in its space; its bytes stand at `storage_key`."""

    id: int
    organization_id: int
    customer: int
    space: int
    key: str
    uuid: bytes
    name: str
    kind: str
    width: int | None
    height: int | None
    updated_at: int
    expires_at: int | None
    blob_id: int
    storage_key: str
    sha256: bytes
    size: int
    content_type: str
    channels: frozenset[str]
    """In which ways: names of `channels`."""
    max_unauthorised: int
    """The longest side that everybody may see; -1 is any."""

    @property
    def open(self) -> bool:
        """Whether everybody may have all of it."""
        return self.max_unauthorised == OPEN


_WANTED = """SELECT a.id, a.organization_id, o.number AS customer, d.number AS space, a.key, a.uuid, a.name, a.kind,
        a.width, a.height, a.updated_at, a.expires_at, a.content_type, a.blob_id,
        b.storage_key, b.sha256, b.size, r.channels, r.roles, r.max_unauthorised
    FROM organization o JOIN dataset d ON d.organization_id = o.id JOIN asset a ON a.dataset_id = d.id
        JOIN blob b ON b.id = a.blob_id LEFT JOIN registration r ON r.asset_id = a.id
    WHERE {customer} AND o.status = 'active' AND d.number = :space AND d.archived_at IS NULL
        AND {asset} AND a.archived_at IS NULL AND a.state = 'finished'"""
_BY_KEY = "a.key = :key AND a.key IS NOT NULL"
_BY_ID = "a.uuid = :uuid AND a.key IS NULL"


def find(conn: Connection, customer: str, space: str, key: str) -> Delivered:
    """The asset with this key; one that was given none has its id for one. Raises `NotFound`."""
    row = None
    number = _numeral(space)
    if number is not None and 0 < number < _NUMBERS:
        row = _look(conn, _BY_KEY, customer, number, key=key)
        raw = ids.parse(key)
        if row is None and raw is not None:
            row = _look(conn, _BY_ID, customer, number, uuid=raw)
    if row is None:
        raise not_delivered()
    return _delivered(row)


def not_delivered() -> NotFound:
    return NotFound(
        "there is nothing of this name to deliver",
        hint="It may not exist, be archived, still be on its way in, or not be delivered in this way.",
    )


def _look(conn: Connection, asset: str, customer: str, space: int, **values: object) -> dict[str, Any] | None:
    number = _numeral(customer)
    if number is not None:
        if number >= _NUMBERS:
            return None
        who, values = "o.number = :number", {**values, "number": number}
    else:
        who, values = "(o.slug = :name OR o.name = :name)", {**values, "name": customer}
    found = conn.execute(statement(_WANTED.format(customer=who, asset=asset)), {"space": space, **values})
    row = found.first()
    return None if row is None else row._asdict()


def _numeral(text: str) -> int | None:
    """The number that is written here. Of thousands of digits Python makes none; then it is one that nothing has."""
    if not text.isascii() or not text.isdecimal():
        return None
    return int(text) if len(text) <= _DIGITS else _NUMBERS


def _delivered(values: dict[str, Any]) -> Delivered:
    ways, roles = values.pop("channels"), values.pop("roles")
    said = () if ways is None else msgspec.json.decode(ways, type=tuple[Channel, ...])
    told = channels.defaults(channels.USUAL, 0, values["content_type"]) if ways is None else said
    most = values.pop("max_unauthorised")
    needs_a_role = bool(roles) and msgspec.json.decode(roles) != []
    return Delivered(
        **{**values, "key": values["key"] or ids.text(values["uuid"])},
        channels=frozenset(each.channel for each in told),
        max_unauthorised=max(most, 0) if needs_a_role else most if most is not None else OPEN,
    )
