"""Organizations and keys, for the command line of who owns the data directory. No API key reaches this."""

import hmac

from starlette.requests import Request
from starlette.responses import Response

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound, Unauthenticated
from stackroom.library import organizations, stewardship
from stackroom.library.keys import KeyChanges
from stackroom.library.organizations import NewKey, Standing
from stackroom.processing import stewarding
from stackroom.web.native import call
from stackroom.web.native.convert import accounts as convert
from stackroom.web.native.openapi import Endpoint
from stackroom.web.native.wire import accounts as wire
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.requests import convert as query
from stackroom.web.shared.requests import decode, read_body, services_of

PREFIX = call.PREFIX + "/admin"


async def create_organization(request: Request) -> Response:
    _check_control(request)
    services, body = services_of(request), decode(await read_body(request), wire.NewOrganization)
    made = await services.database.write(
        lambda conn: stewardship.found(
            conn,
            body.name,
            email=body.email,
            full_name=body.full_name,
            administrator=body.administrator,
            legacy=body.legacy,
            now=services.now(),
        )
    )
    return json_reply(convert.organization(made), 201)


async def set_standing(request: Request) -> Response:
    _check_control(request)
    services, body = services_of(request), decode(await read_body(request), wire.Standing)
    wanted = Standing(administrator=body.administrator, legacy=body.legacy, suspended=body.suspended)
    reference = request.path_params["organization"]
    changed = await services.database.write(
        lambda conn: stewardship.set_standing(conn, reference, wanted, now=services.now())
    )
    return json_reply(convert.organization(changed))


async def list_organizations(request: Request) -> Response:
    _check_control(request)
    found = await services_of(request).database.read(organizations.list_organizations)
    return json_reply(wire.Organizations(organizations=[convert.organization(each) for each in found]))


async def create_key(request: Request) -> Response:
    _check_control(request)
    services, body = services_of(request), decode(await read_body(request), wire.NewKey)

    def work(conn: Connection) -> NewKey:
        return stewardship.issue_key(
            conn,
            body.organization,
            role=Role.named(body.role),
            name=body.name,
            expires_in_days=body.expires_in_days,
            rate_limit=body.rate_limit,
            email=body.member,
            now=services.now(),
        )

    return json_reply(convert.made_key(await services.database.write(work)), 201)


async def change_key(request: Request) -> Response:
    _check_control(request)
    services, body = services_of(request), decode(await read_body(request), wire.KeyChanges)
    wanted = KeyChanges(name=body.name, rate_limit=body.rate_limit, active=body.active)
    reference = request.path_params["key"]
    changed = await services.database.write(
        lambda conn: stewardship.change_key(conn, reference, wanted, now=services.now())
    )
    return json_reply(convert.changed_key(changed))


async def revoke_key(request: Request) -> Response:
    _check_control(request)
    services, reference = services_of(request), request.path_params["key"]
    raw = ids.parse(reference)
    if raw is None:
        raise NotFound(f"no key {reference!r}", hint="Give a key's id, not the key itself.")
    for_good = query(dict(request.query_params), wire.KeyRemoval).for_good

    def work(conn: Connection) -> None:
        if for_good:
            stewardship.delete_key(conn, reference, now=services.now())
        else:
            organizations.revoke_key(conn, raw, now=services.now())

    await services.database.write(work)
    return json_reply(wire.RevokedKey(key_id=ids.text(raw), active=False))


async def rebuild_embeddings(request: Request) -> Response:
    _check_control(request)
    return await _change_rounds(request, stewarding.rebuild)


async def cancel_embeddings(request: Request) -> Response:
    _check_control(request)
    return await _change_rounds(request, stewarding.cancel)


async def _change_rounds(request: Request, change: stewarding.Change) -> Response:
    services, body = services_of(request), decode(await read_body(request), wire.WhoseRounds)
    whose = await services.database.write(lambda conn: change(conn, body.organization, now=services.now()))
    return json_reply(wire.Rounds(organizations=[ids.text(each) for each in whose]))


def _check_control(request: Request) -> None:
    """Refuse whoever has not read the control file. Without a token of its own the server refuses everybody."""
    wanted = services_of(request).control_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), wanted.encode())
    if not wanted or scheme.lower() != "bearer" or not same:
        raise Unauthenticated(
            "this is for the command line of who owns the data directory",
            hint="Run `stackroom org` or `stackroom key` where the server's data directory is.",
        )


ENDPOINTS = [
    Endpoint(
        method="POST",
        path=PREFIX + "/embeddings/rebuild",
        name="rebuildEmbeddings",
        summary="Make all vectors of an organization again, or of all",
        handler=rebuild_embeddings,
        body=wire.WhoseRounds,
        answers={200: wire.Rounds},
        control=True,
    ),
    Endpoint(
        method="POST",
        path=PREFIX + "/embeddings/cancel",
        name="cancelEmbeddings",
        summary="Make no more vectors of an organization for now, or of any",
        handler=cancel_embeddings,
        body=wire.WhoseRounds,
        answers={200: wire.Rounds},
        control=True,
    ),
    Endpoint(
        method="GET",
        path=PREFIX + "/organizations",
        name="listOrganizations",
        summary="Every organization of this library",
        handler=list_organizations,
        answers={200: wire.Organizations},
        control=True,
    ),
    Endpoint(
        method="POST",
        path=PREFIX + "/organizations",
        name="createOrganization",
        summary="Make an organization",
        handler=create_organization,
        body=wire.NewOrganization,
        answers={201: wire.Organization},
        control=True,
    ),
    Endpoint(
        method="PATCH",
        path=PREFIX + "/organizations/{organization}",
        name="setStanding",
        summary="Make an organization an administrator, or its clients those of older servers",
        handler=set_standing,
        body=wire.Standing,
        answers={200: wire.Organization},
        control=True,
    ),
    Endpoint(
        method="POST",
        path=PREFIX + "/keys",
        name="createKey",
        summary="Make a key; its secret is in this answer and nowhere else",
        handler=create_key,
        body=wire.NewKey,
        answers={201: wire.MadeKey},
        control=True,
    ),
    Endpoint(
        method="PATCH",
        path=PREFIX + "/keys/{key}",
        name="changeKey",
        summary="Rename a key, limit it, or switch it off and on",
        handler=change_key,
        body=wire.KeyChanges,
        answers={200: wire.ChangedKey},
        control=True,
    ),
    Endpoint(
        method="DELETE",
        path=PREFIX + "/keys/{key}",
        name="revokeKey",
        summary="Make a key count no longer",
        handler=revoke_key,
        query=wire.KeyRemoval,
        answers={200: wire.RevokedKey},
        control=True,
    ),
]
