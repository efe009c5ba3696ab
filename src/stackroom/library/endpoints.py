"""Webhook endpoints: where an organization wants to be told of events. Telling them is the part of `webhooks`."""

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.clock import DAY
from stackroom.database.schema import delivery, webhook_endpoint
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.events.kinds import KINDS
from stackroom.library import changes

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret starts with, not a secret
SHOWN_OF_SECRET = len(SECRET_PREFIX) + 4
MAX_URL = 2048
MAX_DESCRIPTION = 1000
MAX_HEADERS = 20
MAX_HEADER_VALUE = 4096
MAX_SECRET = 256
OVERLAP = DAY
"""How long the secret before the last signs as well."""
# In whose protocol an endpoint is of one event, so that one address has several of them.
_SHARING = ("mindia",)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(rf"[\x20-\x7e]{{0,{MAX_HEADER_VALUE}}}")
# What a delivery says by itself: about its body, its connection, and who signed it.
_OUR_HEADERS = {
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
}
_OUR_PREFIXES = ("webhook-", "x-pictograph-", "proxy-")


Dialect = Literal["native", "pictograph", "mindia"]
"""In whose words events are told."""
ASSET_KINDS = ("image", "video", "audio", "document")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address. No `event_types` means all; of `auth_headers` only the names are ever shown.

    With `per_item` it is told of each item of an operation, else of the operation. Where there is an `asset_kind`, it
    is told of no other assets. An empty `secret` is none. `failures` are those since the last success.
    """

    id: int
    uuid: bytes
    dialect: Dialect
    per_item: bool
    asset_kind: str | None
    url: str
    description: str | None
    event_types: list[str]
    enabled: bool
    secret: str
    secret_version: int
    previous_secret: str | None
    previous_secret_until: int | None
    auth_headers: dict[str, str]
    failures: int
    deactivated_at: int | None
    deactivation_reason: str | None
    created_at: int
    updated_at: int

    @property
    def secret_prefix(self) -> str:
        return self.secret[:SHOWN_OF_SECRET]

    def secrets(self, now: int) -> list[str]:
        """What a delivery is signed with: the secret, and the one before it as long as that holds."""
        before = self.previous_secret if (self.previous_secret_until or 0) > now else None
        return [each for each in (self.secret, before) if each]


class EndpointChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an endpoint. UNSET leaves alone; None or nothing clears."""

    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    event_types: Sequence[str] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    auth_headers: Mapping[str, str] | UnsetType | None = UNSET
    per_item: bool | UnsetType = UNSET
    asset_kind: str | UnsetType | None = UNSET
    secret: str | UnsetType | None = UNSET
    """One that the receiver has chosen, or None for no signature. UNSET makes one, for a new endpoint."""


def list_endpoints(conn: Connection, actor: Actor, dialect: Dialect | None = None) -> list[Endpoint]:
    """All of them, or those of one dialect; oldest first."""
    require(actor, Role.ADMIN, "seeing the webhooks")
    query = select(webhook_endpoint).where(webhook_endpoint.c.organization_id == actor.organization_id)
    if dialect is not None:
        query = query.where(webhook_endpoint.c.dialect == dialect)
    return [_from_row(row) for row in conn.execute(query.order_by(webhook_endpoint.c.id))]


def deliver_to(conn: Connection, endpoint_id: int) -> Endpoint | None:
    """Anybody's endpoint by number, for who delivers."""
    row = conn.execute(_by_id(), {"number": endpoint_id}).first()
    return None if row is None else _from_row(row)


def find(conn: Connection, actor: Actor, reference: str) -> Endpoint:
    """By id. Raises `NotFound`, for another organization's endpoint as for none."""
    require(actor, Role.ADMIN, "seeing a webhook")
    raw = ids.parse(reference)
    found = None if raw is None else _where(conn, actor, webhook_endpoint.c.uuid == raw)
    if found is None:
        raise NotFound(f"webhook endpoint {reference!r} not found", hint="List them to see their ids.")
    return found


def create(
    conn: Connection, actor: Actor, wanted: EndpointChanges, *, dialect: Dialect = "native", now: int
) -> Endpoint:
    """Have events sent to an address. The endpoint's `secret` is for whoever asked, now and never again.

    Raises `Invalid` for what no endpoint can have, `Conflict` for an address that is there already; in the Mindia
    dialect, where an endpoint is of one event, an address may have several.
    """
    require(actor, Role.ADMIN, "making a webhook")
    if wanted.url is UNSET:
        raise Invalid("url: missing")
    values = {
        "description": None,
        "event_types": "[]",
        "auth_headers": "{}",
        **_checked(changes.given(wanted)),
    }
    if dialect not in _SHARING:
        _refuse_taken(conn, actor, values["url"])
    uuid = ids.new()
    row = {
        "secret": _new_secret(),
        **values,
        "uuid": uuid,
        "dialect": dialect,
        "organization_id": actor.organization_id,
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(webhook_endpoint).values(row))
    made = find(conn, actor, ids.text(uuid))
    _record(conn, actor, "webhook.created", made, now)
    return made


def change(conn: Connection, actor: Actor, reference: str, wanted: EndpointChanges, *, now: int) -> Endpoint:
    """Change an endpoint; `auth_headers` are replaced whole. Repeating it changes nothing more.

    Enabling one that was switched off for its failures forgets them. What was to be delivered meanwhile stays as it is.

    Raises `NotFound`, and what `create` raises.
    """
    require(actor, Role.ADMIN, "changing a webhook")
    values = _checked(changes.some(wanted))
    found = find(conn, actor, reference)
    if values.get("url", found.url) != found.url and found.dialect not in _SHARING:
        _refuse_taken(conn, actor, values["url"])
    fields = sorted(values)
    if values.get("enabled"):
        values |= {"failures": 0, "deactivated_at": None, "deactivation_reason": None}
    if "secret" in values:
        values["secret_version"] = webhook_endpoint.c.secret_version + 1
    _update(conn, found, {**values, "updated_at": now})
    changed = find(conn, actor, reference)
    _record(conn, actor, "webhook.updated", changed, now, fields=fields)
    return changed


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Send nothing there any more, and forget what was. Raises `NotFound`, also the second time."""
    require(actor, Role.ADMIN, "deleting a webhook")
    found = find(conn, actor, reference)
    conn.execute(delete(delivery).where(delivery.c.endpoint_id == found.id))
    conn.execute(delete(webhook_endpoint).where(webhook_endpoint.c.uuid == found.uuid))
    _record(conn, actor, "webhook.deleted", found, now)


def rotate_secret(
    conn: Connection, actor: Actor, reference: str, *, overlap: int = OVERLAP, now: int
) -> Endpoint:
    """Sign with another secret from now on, which stands in the answer, and with the old one as well for as long as
    `overlap`. Called twice, it rotates twice, and the first secret is forgotten."""
    require(actor, Role.ADMIN, "rotating a webhook's secret")
    found = find(conn, actor, reference)
    version = webhook_endpoint.c.secret_version + 1
    until = {"previous_secret": found.secret, "previous_secret_until": now + overlap}
    if not overlap or not found.secret:
        until = {"previous_secret": None, "previous_secret_until": None}
    _update(conn, found, {"secret": _new_secret(), "secret_version": version, "updated_at": now, **until})
    changed = find(conn, actor, reference)
    _record(conn, actor, "webhook.secret_rotated", changed, now, version=changed.secret_version)
    return changed


def check_url(url: str) -> str:
    """An address as it may be called. Raises `Invalid`.

    Where it leads is looked at with every delivery and not here: a name may lead elsewhere by then.
    """
    # A backslash is a slash to some who read URLs and none to others, who then disagree about the host.
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Invalid(f"url: at most {MAX_URL:,} printable ASCII characters, without spaces and backslashes")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"url: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise Invalid("url: must be http(s)://host[:port]/path")
    if parts.username is not None or parts.password is not None:
        raise Invalid("url: must not contain a user or password", hint="Use auth_headers.")
    if parts.fragment:
        raise Invalid("url: must not contain a fragment", hint="Leave out # and what follows.")
    return url


def check_event_types(wanted: Sequence[str]) -> list[str]:
    """Each once, in the order given. Raises `Invalid` for a name that no event has."""
    for each in wanted:
        if each not in KINDS:
            raise Invalid(f"event_types: {each[:100]!r} is not an event", hint="GET event-types lists them.")
    return list(dict.fromkeys(wanted))


def check_secret(wanted: str | None) -> str:
    """A secret that a receiver has chosen. Raises `Invalid`."""
    if wanted is not None and not (0 < len(wanted) <= MAX_SECRET and "\0" not in wanted):
        raise Invalid(f"secret: 1 to {MAX_SECRET} characters", hint="Leave it out to get one made.")
    return wanted or ""


def check_auth_headers(wanted: Mapping[str, str]) -> dict[str, str]:
    """Raises `Invalid` for what no request can carry, and for what a delivery says by itself."""
    if len(wanted) > MAX_HEADERS:
        raise Invalid(f"auth_headers: at most {MAX_HEADERS}")
    if len({name.lower() for name in wanted}) != len(wanted):
        raise Invalid("auth_headers: a name appears twice")
    for name, value in wanted.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Invalid(f"auth_headers: {name[:100]!r} is not the name of a header")
        if name.lower() in _OUR_HEADERS or name.lower().startswith(_OUR_PREFIXES):
            raise Invalid(f"auth_headers: {name!r} is set by the delivery itself")
        if not _HEADER_VALUE.fullmatch(value):
            raise Invalid(f"auth_headers: the value of {name!r} is not printable ASCII, or too long")
    return dict(wanted)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """The columns to set, their values clean."""
    values = dict(given)
    if "url" in values:
        values["url"] = check_url(values["url"])
    if len(values.get("description") or "") > MAX_DESCRIPTION:
        raise Invalid(f"description: at most {MAX_DESCRIPTION:,} characters")
    if "secret" in values:
        values["secret"] = check_secret(values["secret"])
    if values.get("asset_kind") not in {None, *ASSET_KINDS}:
        raise Invalid(f"asset_kind: {values['asset_kind']!r} is not one of {', '.join(ASSET_KINDS)}")
    if "event_types" in values:
        values["event_types"] = _json(check_event_types(values["event_types"] or []))
    if "auth_headers" in values:
        values["auth_headers"] = _json(check_auth_headers(values["auth_headers"] or {}))
    return values


def _refuse_taken(conn: Connection, actor: Actor, url: str) -> None:
    alone = webhook_endpoint.c.dialect.not_in(_SHARING)
    if _where(conn, actor, (webhook_endpoint.c.url == url) & alone) is not None:
        raise Conflict("there is a webhook for this URL already", hint="Change that one instead.")


def _update(conn: Connection, found: Endpoint, values: Mapping[str, Any]) -> None:
    conn.execute(update(webhook_endpoint).where(webhook_endpoint.c.uuid == found.uuid).values(**values))


def _record(conn: Connection, actor: Actor, kind: str, about: Endpoint, at: int, **more: Any) -> None:
    """The URL's host alone: what follows it is a secret at some receivers."""
    data = {"webhook": ids.text(about.uuid), "host": urlsplit(about.url).hostname, **more}
    log.record(conn, actor, kind, at=at, data=data)


def _new_secret() -> str:
    """In the form of Standard Webhooks: Base64, of a length that needs no padding."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(33)).decode()


def _where(conn: Connection, actor: Actor, where: ColumnElement[bool]) -> Endpoint | None:
    mine = webhook_endpoint.c.organization_id == actor.organization_id
    row = conn.execute(select(webhook_endpoint).where(mine, where)).first()
    return None if row is None else _from_row(row)


@cache
def _by_id() -> Select[Any]:
    """Put together once, and not for each delivery."""
    return select(webhook_endpoint).where(webhook_endpoint.c.id == bindparam("number"))


def _from_row(row: Row[Any]) -> Endpoint:
    values = {field: getattr(row, field) for field in Endpoint.__struct_fields__}
    for document in ("event_types", "auth_headers"):
        values[document] = msgspec.json.decode(values[document])
    return Endpoint(**values)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
