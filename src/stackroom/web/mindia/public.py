"""`GET /public/file`: an image for whoever has a token, and the addition to the protocol that makes one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Actor, Role
from stackroom.clock import SECOND
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.library import media, organizations
from stackroom.media.kinds import Kind
from stackroom.web.mindia import tokens
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described, stored
from stackroom.web.mindia.errors import not_found
from stackroom.web.mindia.wire import base, queries
from stackroom.web.mindia.wire import public as wire
from stackroom.web.shared import requests
from stackroom.web.shared.face import resource
from stackroom.web.shared.ranges import StoredFile, StoredFileResponse, etag_of
from stackroom.web.shared.replies import json_reply

_PURPOSE = "public file"
FOR_AN_HOUR = "private, max-age=3600"


@described("The image of a public link", stored("image/*"), query=queries.Token, needs=None, refuses=(404,))
async def fetch(request: Request) -> Response:
    services = requests.services_of(request)
    now = services.now()
    given = request.query_params.get("token", "")
    organization, image = tokens.read(services.signer, _PURPOSE, given, now=now)

    def work(conn: Connection) -> tuple[Actor, media.Media, str, bytes]:
        try:
            owner = organizations.open_one(conn, organization)
        except NotFound as error:
            raise not_found("Image") from error
        actor = requests.nobodys(request, owner)
        return actor, *media.find_bytes(conn, actor, image, Kind.IMAGE, now=now)

    actor, found, key, sha256 = await services.database.read(work)
    request.scope["state"]["actor"] = actor
    file = StoredFile(
        key=key,
        size=found.size,
        etag=etag_of(sha256),
        content_type=found.content_type,
        filename=found.original_name,
        modified=found.updated_at,
        cache_control=FOR_AN_HOUR,
    )
    return StoredFileResponse(services.store, file)


@described(
    "Make a link to an image that needs no key",
    {201: wire.Link},
    body=wire.WantedLink,
    must_have_body=False,
    needs=Role.MEMBER,
    once=False,
)
async def make(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "making a public link")
    image = call.uuid("id")
    wanted, now = call.json_or(wire.WantedLink(), wire.WantedLink), call.now()
    expires_at = (now // SECOND + wanted.expires_in_seconds) * SECOND
    await call.read(lambda conn: media.find(conn, call.actor, image, Kind.IMAGE, now=now))
    token = tokens.make(
        call.services.signer, _PURPOSE, call.actor.organization_uuid, image, expires_at=expires_at
    )
    url = f"{call.base}{PREFIX}/public/file?token={token}"
    return json_reply(wire.Link(url=url, token=token, expires_at=base.moment(expires_at)), 201)


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/public/file", GET=fetch),
        resource(f"{PREFIX}/images/{{id}}/public-link", POST=make),
    ]
