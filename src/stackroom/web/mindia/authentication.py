"""Who asks, in the words of this protocol. Of what else the server takes as a credential, all is taken here too."""

import base64
import binascii
import hmac

from starlette.requests import Request

from stackroom import ids
from stackroom.access import TOKEN_PREFIXES, Actor
from stackroom.errors import Unauthenticated
from stackroom.events.requests import Failure
from stackroom.library.organizations import Authenticated, Credentials, admit
from stackroom.web.mindia.limits import Limits
from stackroom.web.shared import requests

_BEARER, _BASIC = "Bearer ", "Basic "
_HEADERS = "authorization", "x-api-key"
_UNKNOWN = "Invalid API key"


async def authenticate(request: Request) -> Actor:
    """Whose request this is. Raises `RateLimited`, or `Unauthenticated`, which counts against the address of a client
    that has tried a key: a page that shows pictures by their addresses tries none, and guesses nothing."""
    limits: Limits = request.app.state.limits
    services = requests.services_of(request)
    known: Credentials | None = None
    try:
        user, token = _credential(request)
        known = await requests.credentials(request, token) if token.startswith(TOKEN_PREFIXES) else None
        found = _admitted(known, user, services.now())
    except Unauthenticated as error:
        if known is not None:  # its organization should know
            actor = requests.actor_of(request, known.holder)
            services.request_log.note(Failure(actor=actor, at=services.now(), reason=error.message))
        if any(name in request.headers for name in _HEADERS):
            address = requests.address_of_client(request, services.settings.trusted_proxies)
            limits.fail(address, now=services.now())
        raise
    actor = requests.welcome(request, found)
    request.scope["state"]["actor"] = actor
    limits.spend_of_organization(request.scope["state"], found.organization.id, now=services.now())
    return actor


def _credential(request: Request) -> tuple[str | None, str]:
    """The id of the key, where it is said, and the key."""
    given = request.headers.get("authorization")
    if key := request.headers.get("x-api-key"):
        return None, key.strip()
    if given is None:
        raise Unauthenticated("Missing authorization header")
    if given.startswith(_BEARER):
        return None, given.removeprefix(_BEARER).strip()
    if given.startswith(_BASIC):
        return _basic(given.removeprefix(_BASIC))
    raise Unauthenticated("Invalid authorization header format")


def _basic(encoded: str) -> tuple[str, str]:
    try:
        user, _, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated("Invalid authorization header format") from error
    return user.lower(), token


def _admitted(known: Credentials | None, user: str | None, now: int) -> Authenticated:
    if known is None or not known.active:
        raise Unauthenticated(_UNKNOWN)
    if user is not None and not hmac.compare_digest(user.encode(), ids.text(known.holder.key_uuid).encode()):
        raise Unauthenticated(_UNKNOWN)
    if known.expires_at is not None and known.expires_at <= now:
        raise Unauthenticated("API key has expired")
    if not known.valid:
        raise Unauthenticated("Tenant is not active")
    return admit(known, now=now)
