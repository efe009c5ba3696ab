"""Webhook endpoints: where an organization wants to be told of events. Telling them is `events`' part."""

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import webhook_endpoint
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


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address. No `event_types` means all; of `auth_headers` only the names are ever shown."""

    uuid: bytes
    url: str
    description: str | None
    event_types: list[str]
    enabled: bool
    secret: str
    secret_version: int
    auth_headers: dict[str, str]
    created_at: int
    updated_at: int

    @property
    def secret_prefix(self) -> str:
        return self.secret[:SHOWN_OF_SECRET]


class EndpointChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an endpoint. UNSET leaves alone; None or nothing clears."""

    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    event_types: Sequence[str] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    auth_headers: Mapping[str, str] | UnsetType | None = UNSET


def list_endpoints(conn: Connection, actor: Actor) -> list[Endpoint]:
    """All of them, oldest first."""
    require(actor, Role.ADMIN, "seeing the webhooks")
    mine = webhook_endpoint.c.organization_id == actor.organization_id
    rows = conn.execute(select(webhook_endpoint).where(mine).order_by(webhook_endpoint.c.id))
    return [_from_row(row) for row in rows]


def find(conn: Connection, actor: Actor, reference: str) -> Endpoint:
    """By id. Raises `NotFound`, for another organization's endpoint as for none."""
    require(actor, Role.ADMIN, "seeing a webhook")
    raw = ids.parse(reference)
    found = None if raw is None else _where(conn, actor, webhook_endpoint.c.uuid == raw)
    if found is None:
        raise NotFound(f"webhook endpoint {reference!r} not found", hint="List them to see their ids.")
    return found


def create(conn: Connection, actor: Actor, wanted: EndpointChanges, *, now: int) -> Endpoint:
    """Have events sent to an address. The endpoint's `secret` is for whoever asked, now and never again.

    Raises `Invalid` for what no endpoint can have, `Conflict` for an address that is there already.
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
    _refuse_taken(conn, actor, values["url"])
    uuid = ids.new()
    row = {
        **values,
        "uuid": uuid,
        "organization_id": actor.organization_id,
        "secret": _new_secret(),
        "created_at": now,
        "updated_at": now,
    }
    conn.execute(insert(webhook_endpoint).values(row))
    made = find(conn, actor, ids.text(uuid))
    _record(conn, actor, "webhook.created", made, now)
    return made


def change(conn: Connection, actor: Actor, reference: str, wanted: EndpointChanges, *, now: int) -> Endpoint:
    """Change an endpoint; `auth_headers` are replaced whole. Repeating it changes nothing more.

    Raises `NotFound`, and what `create` raises.
    """
    require(actor, Role.ADMIN, "changing a webhook")
    values = _checked(changes.some(wanted))
    found = find(conn, actor, reference)
    if values.get("url", found.url) != found.url:
        _refuse_taken(conn, actor, values["url"])
    _update(conn, found, {**values, "updated_at": now})
    changed = find(conn, actor, reference)
    _record(conn, actor, "webhook.updated", changed, now, fields=sorted(values))
    return changed


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Send nothing there any more. Raises `NotFound`, also the second time."""
    require(actor, Role.ADMIN, "deleting a webhook")
    found = find(conn, actor, reference)
    conn.execute(delete(webhook_endpoint).where(webhook_endpoint.c.uuid == found.uuid))
    _record(conn, actor, "webhook.deleted", found, now)


def rotate_secret(conn: Connection, actor: Actor, reference: str, *, now: int) -> Endpoint:
    """Sign with another secret from now on, which stands in the answer. Called twice, it rotates twice."""
    require(actor, Role.ADMIN, "rotating a webhook's secret")
    found = find(conn, actor, reference)
    version = webhook_endpoint.c.secret_version + 1
    _update(conn, found, {"secret": _new_secret(), "secret_version": version, "updated_at": now})
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
    if "event_types" in values:
        values["event_types"] = _json(check_event_types(values["event_types"] or []))
    if "auth_headers" in values:
        values["auth_headers"] = _json(check_auth_headers(values["auth_headers"] or {}))
    return values


def _refuse_taken(conn: Connection, actor: Actor, url: str) -> None:
    if _where(conn, actor, webhook_endpoint.c.url == url) is not None:
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


def _from_row(row: Row[Any]) -> Endpoint:
    values = {field: getattr(row, field) for field in Endpoint.__struct_fields__}
    for document in ("event_types", "auth_headers"):
        values[document] = msgspec.json.decode(values[document])
    return Endpoint(**values)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
