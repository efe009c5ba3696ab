"""`/audit-logs`: what was changed and what was asked, of one organization, newest first."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.events import reading
from stackroom.events.kinds import KINDS
from stackroom.events.reading import Event, Filters
from stackroom.events.requests import AUTHENTICATION_FAILED, HTTP_REQUEST
from stackroom.web.mindia.call import PREFIX, Call, whole
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import invalid_input, not_found
from stackroom.web.mindia.wire import audit as wire
from stackroom.web.mindia.wire import base, queries
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply

USUAL, MOST = 50, 500
_SPOKEN = {
    "asset.created": "file_uploaded",
    "asset.copied": "file_uploaded",
    AUTHENTICATION_FAILED: "authentication_failure",
}
_NOUNS = {"asset": "file", "key": "api_key"}
_FILE = {"filename": "filename", "size": "file_size", "content_type": "content_type"}
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@described("What was changed and what was asked", wire.Rows, query=queries.Audit, needs=Role.ADMIN)
async def list_rows(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "reading the audit log")
    limit = whole(call.asked("limit") or str(USUAL), "limit")
    offset, wanted = call.page().offset, _filters(call)
    await call.services.request_log.flush()
    size = min(max(limit, 1), MOST)

    def work(conn: Connection) -> tuple[list[Event], int]:
        found = reading.page(conn, call.actor, wanted, limit=size, offset=offset)
        return found, reading.count(conn, call.actor, wanted)

    found, total = await call.read(work)
    found.sort(
        key=lambda each: (each.at, each.id), reverse=True
    )  # a request is written after what it changed
    rows = [row(each, call.actor) for each in found]
    return json_reply(wire.Rows(logs=rows, total=total, limit=limit, offset=offset))


@described("An entry of the audit log", wire.Row, places={"id": wire.Number}, needs=Role.ADMIN)
async def show(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "reading the audit log")
    entry_id = call.number("id")
    await call.services.request_log.flush()

    def work(conn: Connection) -> Event:
        try:
            return reading.find(conn, call.actor, entry_id)
        except NotFound as error:
            raise not_found("Audit log") from error

    return json_reply(row(await call.read(work), call.actor))


def event_type(kind: str) -> str:
    """A kind of event, in the words of this protocol."""
    noun, _, verb = kind.partition(".")
    return _SPOKEN.get(kind) or f"{_NOUNS.get(noun, noun)}_{verb}"


def _kinds() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in {*KINDS, HTTP_REQUEST, AUTHENTICATION_FAILED}:
        found.setdefault(event_type(kind), []).append(kind)
    return found


_KINDS = _kinds()


def _filters(call: Call) -> Filters:
    status, types = call.asked("status_code"), call.each("event_type")
    unknown = [each for each in types if each not in _KINDS]
    if unknown:
        raise invalid_input(f"event_type: {unknown[0][:100]!r} is none")
    if status is not None and not 100 <= whole(status, "status_code") <= 599:
        raise invalid_input(f"status_code: {status} is none")
    return Filters(
        since=call.moment("start_date"),
        until=call.moment("end_date"),
        method=call.asked("method"),
        status=None if status is None else int(status),
        path=call.asked("path_filter"),
        types=tuple(kind for each in types for kind in _KINDS[each]),
        requests=not types,
        request_id=call.asked("request_id"),
        asset=call.asked_uuid("media_id"),
    )


def row(entry: Event, actor: Actor) -> wire.Row:
    key = None if entry.key_uuid is None else base.uuid(entry.key_uuid)
    failed = entry.type == AUTHENTICATION_FAILED or (entry.type == HTTP_REQUEST and entry.outcome >= 400)
    reason = entry.data.get("reason", entry.data.get("error")) if failed or "error" in entry.data else None
    return wire.Row(
        id=entry.id,
        event_type=event_type(entry.type),
        request_id=entry.request_id,
        tenant_id=base.uuid(actor.organization_uuid),
        method=entry.method,
        path=entry.path,
        normalized_path=None if entry.path is None else _ID.sub(":id", entry.path),
        query_string=entry.query,
        status_code=entry.outcome,
        request_size_bytes=entry.request_bytes or 0,
        response_size_bytes=entry.response_bytes or 0,
        duration_ms=round((entry.duration_us or 0) / 1000),
        user_agent=entry.user_agent,
        ip_address=entry.ip,
        created_at=base.moment(entry.at),
        user_id=key,
        api_key_id=key,
        success=not failed,
        error_message=None if reason is None else str(reason),
        details=_details(entry),
    )


def _details(entry: Event) -> dict[str, Any] | None:
    """Of a file, in the names of this protocol: what it is, and its place in the batch it was changed with."""
    if entry.asset_uuid is None:
        return entry.data or None
    said = entry.told(base.moment)
    rest = {name: value for name, value in said.items() if name not in {*_FILE, "position"}}
    details: dict[str, Any] = {"file_id": ids.text(entry.asset_uuid)}
    details |= {spoken: said[name] for name, spoken in _FILE.items() if name in said}
    if "position" in said and "/batch/" in (entry.path or ""):
        details["batch_index"] = said["position"]
    return details | rest


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/audit-logs", GET=list_rows),
        resource(f"{PREFIX}/audit-logs/{{id}}", GET=show),
    ]
