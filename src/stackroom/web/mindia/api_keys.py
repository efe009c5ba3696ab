"""`/api-keys`: the keys of one organization."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role, new_media_token
from stackroom.clock import DAY
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.library import keys
from stackroom.library.answers import Answer
from stackroom.library.organizations import check_key_description, check_key_name
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import as_bad_requests, bad_request, not_found
from stackroom.web.mindia.wire import api_keys as wire
from stackroom.web.mindia.wire import base, queries
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply

LONGEST_DAYS = 3650


@described("Make a key", {201: wire.MadeKey}, body=wire.NewKey, needs=Role.ADMIN)
async def create(request: Request) -> Response:
    """A key that may do all but what only owners may."""
    call = await Call.begin(request, Role.ADMIN, "making a key")
    asked = _checked(call.json(wire.NewKey))
    token = new_media_token()

    def make(conn: Connection, now: int) -> Answer:
        made = keys.create(
            conn,
            call.actor,
            name=asked.name,
            description=asked.description,
            role=Role.ADMIN,
            expires_at=None if asked.expires_in_days is None else now + asked.expires_in_days * DAY,
            token=token,
            now=now,
        )
        shown = wire.MadeKey(
            id=base.uuid(made.uuid),
            api_key=made.token,
            name=made.name,
            description=made.description,
            key_prefix=made.prefix,
            expires_at=base.moment_or_none(made.expires_at),
            created_at=base.moment(made.created_at),
        )
        return answer(shown, 201, secret=True)

    return await call.write(make, only_caller=True)


@described("The organization's keys", list[wire.Key], query=queries.Page, needs=Role.MEMBER)
async def list_all(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "seeing the keys")
    page = call.page()
    found = await call.read(lambda conn: keys.page(conn, call.actor, limit=page.limit, offset=page.offset))
    return json_reply([_shown(each) for each in found])


@described("A key", wire.Key, needs=Role.MEMBER)
async def show(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "seeing a key")
    reference = ids.text(call.uuid("id"))
    return json_reply(_shown(await call.read(lambda conn: _find(conn, call, reference))))


@described("Revoke a key", wire.Revoked, needs=Role.ADMIN, refuses=(409,))
async def revoke(request: Request) -> Response:
    """From the next request on, which may be the caller's own. The last key of an owner stays."""
    call = await Call.begin(request, Role.ADMIN, "revoking a key")
    raw = call.uuid("id")

    def work(conn: Connection, now: int) -> Answer:
        _find(conn, call, ids.text(raw))
        keys.revoke(conn, call.actor, ids.text(raw), now=now)
        return answer(wire.Revoked(message="API key revoked successfully", id=base.uuid(raw)))

    return await call.write(work)


def _find(conn: Connection, call: Call, reference: str) -> keys.Key:
    try:
        return keys.find(conn, call.actor, reference)
    except NotFound as error:
        raise not_found("API key") from error


def _checked(asked: wire.NewKey) -> wire.NewKey:
    with as_bad_requests():
        check_key_name(asked.name)
        check_key_description(asked.description)
    if asked.expires_in_days is not None and not 1 <= asked.expires_in_days <= LONGEST_DAYS:
        raise bad_request(f"expires_in_days must be between 1 and {LONGEST_DAYS}")
    return asked


def _shown(key: keys.Key) -> wire.Key:
    """A key whose time is over shows that by `expires_at`; `is_active` is whether it was revoked."""
    return wire.Key(
        id=base.uuid(key.uuid),
        name=key.name,
        description=key.description,
        key_prefix=key.prefix,
        last_used_at=base.moment_or_none(key.last_used_at),
        expires_at=base.moment_or_none(key.expires_at),
        is_active=key.active,
        created_at=base.moment(key.created_at),
    )


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/api-keys", GET=list_all, POST=create),
        resource(f"{PREFIX}/api-keys/{{id}}", GET=show, DELETE=revoke),
    ]
