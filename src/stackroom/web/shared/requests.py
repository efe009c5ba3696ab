"""Reading a request: who asks, what the body says, which way back leads here. The same for every face."""

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
import structlog
from starlette.requests import Request

from stackroom.access import Actor, Role, token_hash, unauthenticated
from stackroom.errors import Invalid, TooLarge
from stackroom.library import organizations
from stackroom.library.organizations import Authenticated, Credentials, Organization
from stackroom.web.shared.services import Services
from stackroom.web.shared.shapes import shape_error

T = TypeVar("T")
MAX_BODY = 16 * 2**20
MAX_PATH = 2000
log = structlog.get_logger(__name__)
_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")
_ENCODED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def request_id(request: Request) -> str:
    """The id every answer carries in X-Request-Id; the caller's own, if it sent a sensible one."""
    given: str = request.scope["state"]["request_id"]
    return given


async def authenticate(request: Request) -> tuple[Actor, Authenticated]:
    """Whose request this is. Raises `Unauthenticated`, or `RateLimited` where the key has had its requests.

    What is changed of a key counts at once. Asked again of one request, it says the same, and counts it once.
    """
    state = request.scope["state"]
    if (before := state.get("authenticated")) is not None:
        actor, found = before
        return actor, found
    token = token_of(request)
    if token is None:
        raise unauthenticated("an API key is needed")
    known = await credentials(request, token)
    found = organizations.admit(known, now=services_of(request).now())
    actor = welcome(request, found)
    state["authenticated"] = actor, found
    return actor, found


async def credentials(request: Request, token: str) -> Credentials | None:
    """What stands behind a token, whether it counts or not."""
    return await services_of(request).database.look_up(
        ("key", token_hash(token)), lambda conn: organizations.by_token(conn, token)
    )


def welcome(request: Request, found: Authenticated) -> Actor:
    """Who acts in a request with this key. Raises `RateLimited` where the key has had its requests."""
    services = services_of(request)
    now = services.now()
    services.allowances.spend(found.key_id, found.rate_limit, now=now)
    if not found.seen:
        _note_use(services, found.key_id, now)
    return actor_of(request, found)


def actor_of(request: Request, found: Authenticated) -> Actor:
    """Who this is, and what the record keeps of the request."""
    return _actor(request, found.organization, found.key_id, found.role)


def nobodys(request: Request, owner: Organization) -> Actor:
    """Who reads what the organization shows to anybody, without a key."""
    return _actor(request, owner, None, Role.VIEWER)


def _actor(request: Request, owner: Organization, key_id: int | None, role: Role) -> Actor:
    return Actor(
        organization_id=owner.id,
        organization_uuid=owner.uuid,
        key_id=key_id,
        role=role,
        request_id=request_id(request),
        ip=address_of_client(request, services_of(request).settings.trusted_proxies),
        user_agent=request.headers.get("user-agent", "")[:500] or None,
        method=request.method,
        path=request.scope["path"][:MAX_PATH],
    )


def address_of_client(request: Request, proxies: int) -> str | None:
    """Where the request comes from. Behind `proxies` of ours, it is what the outermost of them has seen itself; what
    stands before that is only what somebody says.
    """
    if proxies:
        told = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        if len(told) >= proxies and (address := told[-proxies].strip()[:100]):
            return address
    return request.client.host if request.client else None


def _note_use(services: Services, key_id: int, now: int) -> None:
    """Without waiting for it: who only reads must not stand in line behind those who write."""

    async def note() -> None:
        try:
            await services.database.write(lambda conn: organizations.note_use(conn, key_id, now=now))
        except Exception:
            log.warning("key.use_not_noted", key_id=key_id, exc_info=True)
        finally:
            del services.noting[key_id]

    if key_id not in services.noting:
        services.noting[key_id] = asyncio.create_task(note())


def token_of(request: Request) -> str | None:
    """The secret, from X-API-Key, `Authorization: Bearer`, or Basic with the key's id as user."""
    if key := request.headers.get("x-api-key"):
        return key.strip()
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip() or None
        case "basic":
            try:
                return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2] or None
            except (binascii.Error, UnicodeDecodeError):
                return None
        case _:
            return None


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The whole body. Raises `TooLarge` as soon as it is known to exceed the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def decode(body: bytes, kind: type[T]) -> T:
    """A JSON body as `kind`. Raises `Invalid`: `malformed_json`, or which key is wrong and how."""
    if b"u0000" in body and _ENCODED_NUL.search(
        body
    ):  # the pattern alone takes its time over ten thousand ids
        raise _holds_nul("the body")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise shape_error(error, kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"the body is not JSON: {error}", code="malformed_json", hint="Send a JSON object, as UTF-8."
        ) from error
    except RecursionError as error:
        raise Invalid("the body is nested too deeply", code="malformed_json", hint="Nest less.") from error


def convert(values: Mapping[str, str], kind: type[T], place: str = "query") -> T:
    """Query or form values, all text, as `kind`. Raises `Invalid`, saying which one is wrong and how."""
    for name, value in values.items():
        if "\0" in value:
            raise _holds_nul(name)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise shape_error(error, kind, place) from error


def base_url(request: Request) -> str:
    """How this client reaches this server: as configured, or else as the request says, through a proxy or not."""
    configured = services_of(request).settings.public_url.rstrip("/")
    if configured:
        return configured
    told = (
        request.headers.get(f"x-forwarded-{what}", "").partition(",")[0].strip() for what in ("proto", "host")
    )
    scheme, host = told
    direct = request.headers.get("host") or request.url.netloc
    return (
        f"{scheme if scheme in {'http', 'https'} else request.url.scheme}"
        f"://{host if _HOST.fullmatch(host) else direct}"
    )


def _holds_nul(where: str) -> Invalid:
    return Invalid(f"{where}: contains the character NUL", code="control_character", hint="Remove it.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limit // 2**20} MB",
        hint="Split the request.",
        details={"limit_bytes": limit},
    )
